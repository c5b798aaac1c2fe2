"""How commands open the server's database."""

import pytest

from fixtures.servers import Stack
from gstack.commands.auth_database import endpoint_of
from gstack.config import Settings
from gstack.errors import Problem


def test_without_a_sandbox_the_advice_is_to_start_it(product: Stack) -> None:
    """No CloudStack configured and nothing running."""
    with pytest.raises(Problem, match="gstack serve"):
        endpoint_of(Settings(home=product.settings.home / "none"))
