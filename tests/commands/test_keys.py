"""`gstack keys`, as a user types it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from auth.jwts import claims_of, signed
from fixtures.gce import Gce
from fixtures.servers import Stack
from fixtures.shells import fails, gstack
from gstack.commands.keys import create_key, list_keys, revoke_key

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


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


def exchanged(product: Stack, key: dict[str, str], algorithm: str = "RS256") -> requests.Response:
    """Ask for an access token with a key file."""
    form = {"grant_type": JWT_BEARER, "assertion": signed(key, claims_of(key), algorithm=algorithm)}
    return requests.post(f"{product.app.url}/oauth2/token", data=form, verify=str(product.app.authority), timeout=30)


def test_a_key_may_end(product: Stack) -> None:
    """Its last moment is in the list, no token outlives it, and one that is over makes no key."""
    end = datetime.now(UTC) + timedelta(minutes=5)
    key = json.loads(gstack(product, "keys", "create", "--expires", f"{end:%Y-%m-%dT%H:%M:%S}"))
    assert f"{end:%Y-%m-%dT%H:%MZ}" in gstack(product, "keys", "list")
    assert 0 < exchanged(product, key).json()["expires_in"] <= 300
    assert "must be in the future" in fails(product, "keys", "create", "--expires", "2020-01-01")


def test_a_key_may_sign_with_es256(product: Stack) -> None:
    """For clients that know it: the file's key is on P-256, ES256 brings a token, RS256 with another key does not."""
    key = json.loads(gstack(product, "keys", "create", "--algorithm", "ES256"))
    assert exchanged(product, key, "ES256").status_code == 200
    other = json.loads(gstack(product, "keys", "create"))
    assert exchanged(product, {**other, "private_key_id": key["private_key_id"]}).json()["error"] == "invalid_grant"


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


def test_projects_are_seen_by_their_key(product: Stack, gce: Gce) -> None:
    """The file's project is the account's own project unless told."""
    key = json.loads(gstack(product, "keys", "create"))
    assert key["project_id"] == gce.get("")["name"]


def test_keys_are_listed_with_their_end(product: Stack) -> None:
    """Label and expiry are kept."""
    end = datetime.now(UTC) + timedelta(days=1)
    made = asyncio.run(create_key(product.settings, product.pair(), project=None, label="nightly", expires=end))
    listed = {key.key_id: key for key in asyncio.run(list_keys(product.settings))}
    assert listed[made["private_key_id"]].label == "nightly"


def test_a_key_stands_on_a_pair_of_its_own(product: Stack) -> None:
    """Commands and console share one code: revoking deletes the pair that was made for the key, and only that."""
    world = product.sandbox.sandbox.world
    before = [row["id"] for row in world.all("userkey")]
    made = asyncio.run(create_key(product.settings, product.pair(), project=None, label="own"))
    assert len(world.all("userkey")) == len(before) + 1
    assert not asyncio.run(revoke_key(product.settings, made["private_key_id"])).left
    assert [row["id"] for row in world.all("userkey")] == before
