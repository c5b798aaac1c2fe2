"""`gstack keys`, as a user types it."""

import json
from pathlib import Path

from fixtures.servers import Stack
from fixtures.shells import fails, gstack


def test_a_key_is_made_listed_and_revoked(product: Stack, tmp_path: Path) -> None:
    """The whole life of a service-account key, while the server runs; its id is shown whole."""
    path = tmp_path / "key.json"
    gstack(product, "keys", "create", "--label", "ci", "--output", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    key = json.loads(path.read_text())
    assert key["type"] == "service_account"
    assert key["token_uri"] == f"{product.app.url}/oauth2/token"
    assert "universe_domain" not in key
    assert key["private_key_id"] in gstack(product, "keys", "list")
    assert key["private_key_id"] in gstack(product, "keys", "revoke", key["private_key_id"])
    assert "No such key" in fails(product, "keys", "revoke", "nothing")


def test_a_key_for_wrong_keys_is_refused(product: Stack) -> None:
    """The pair is proved against CloudStack before a key is made."""
    assert "CloudStack" in fails(product, "keys", "create", "--api-key", "x" * 86, "--secret-key", "y" * 86)


def test_no_key_is_made_that_cannot_be_written(product: Stack, tmp_path: Path) -> None:
    """A folder that is not there, a file that is: said before a key is in force whose file nobody has."""
    before = gstack(product, "keys", "list")
    assert "Cannot write" in fails(product, "keys", "create", "--output", str(tmp_path / "none" / "key.json"))
    there = tmp_path / "there.json"
    there.write_text("kept")
    assert "is there already" in fails(product, "keys", "create", "--output", str(there))
    assert there.read_text() == "kept"
    assert gstack(product, "keys", "list") == before
