"""`gstack client`, as a user types it."""

import pytest

from fixtures.servers import Stack
from fixtures.shells import gstack


@pytest.mark.parametrize("client", ["gcloud", "python", "terraform", "libcloud", "gcutil", "ansible"])
def test_client_settings_hold_a_key_that_works(product: Stack, client: str) -> None:
    """Each text can be printed twice with the same key: it is made once."""
    assert gstack(product, "client", client) == gstack(product, "client", client)
