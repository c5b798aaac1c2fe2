"""How commands open the server's database."""

from pathlib import Path

import pytest

from conftest import free_port
from fixtures.servers import Stack
from gstack.commands.auth_database import endpoint_of
from gstack.config import Settings
from gstack.errors import Problem


def test_without_a_sandbox_the_advice_is_to_start_it(product: Stack) -> None:
    """No CloudStack configured and nothing running."""
    with pytest.raises(Problem, match="gstack serve"):
        endpoint_of(Settings(home=product.settings.home / "none"))


def test_a_sandbox_that_was_killed_is_not_running(tmp_path: Path) -> None:
    """The file with its URL is still there, and nothing listens."""
    (tmp_path / "sandbox.url").write_text(f"http://127.0.0.1:{free_port()}/client/api")
    with pytest.raises(Problem, match="not running"):
        endpoint_of(Settings(home=tmp_path))
