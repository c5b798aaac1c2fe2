"""What all commands share."""

import click
import pytest

from fixtures.servers import Stack
from gstack.commands.running_server import RunningServer
from gstack.commands.shell import key_pair, run
from gstack.errors import Problem


async def _problem() -> None:
    raise Problem.backend("CloudStack is away")


def test_a_problem_is_an_error_line() -> None:
    """No traceback for what the user can mend."""
    with pytest.raises(click.ClickException, match="CloudStack is away"):
        run(_problem())


def test_a_pair_comes_from_options_else_the_sandbox_s_demo_account_else_it_is_asked_for(product: Stack) -> None:
    """Half a pair is none; without a terminal nobody can be asked."""
    server = RunningServer(product.settings, on_sandbox=False)
    assert key_pair(server, "a", "b").api_key == "a"
    with pytest.raises(click.UsageError, match="api-key"):
        key_pair(server, "a", None)
    assert len(key_pair(RunningServer(product.settings, on_sandbox=True), None, None).api_key) == 86
