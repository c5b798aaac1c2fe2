"""gstack.auth.identity: our own signature."""

from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from gstack.auth.identity import FILE, Identities


def test_a_token_is_checked_with_the_published_key(tmp_path: Path) -> None:
    """The claims come back under the published key, an hour long."""
    known = Identities(tmp_path, "https://localhost:5000")
    published: Any = known.public_keys()
    token = jwt.decode(known.token("client", "a@b.c", "42"), KeySet.import_key_set(published))
    claims = token.claims
    assert (claims["aud"], claims["email"], claims["sub"]) == ("client", "a@b.c", "42")
    assert claims["exp"] - claims["iat"] == 3600
    assert token.header["alg"] == "RS256"


def test_the_key_is_kept_privately(tmp_path: Path) -> None:
    """The key stays the same over restarts, in a file of mode 0600, made when it is first needed."""
    assert not (tmp_path / FILE).exists()
    first = Identities(tmp_path, "x").public_keys()
    assert Identities(tmp_path, "x").public_keys() == first
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
