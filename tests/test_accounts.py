"""Service-account keys and client settings, as the command line makes them."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fixtures.servers import Stack
from gstack import accounts
from gstack.config import Settings
from gstack.errors import Problem


def test_a_client_s_key_is_made_once_and_anew_after_it_was_revoked(product: Stack) -> None:
    """The same key as long as it holds."""
    first = asyncio.run(accounts.facts(product.settings, product.pair(), project=None, zone=None))
    again = asyncio.run(accounts.facts(product.settings, product.pair(), project=None, zone=None))
    key = msgspec.json.decode(first.key_file.read_bytes())
    assert msgspec.json.decode(again.key_file.read_bytes()) == key
    assert asyncio.run(accounts.revoke_key(product.settings, key["private_key_id"])).found
    third = asyncio.run(accounts.facts(product.settings, product.pair(), project=None, zone=None))
    assert msgspec.json.decode(third.key_file.read_bytes())["private_key_id"] != key["private_key_id"]


def test_the_zone_to_work_in_is_one_that_clients_take_apart(product: Stack) -> None:
    """The default is not `Sandbox-simulator`; a chosen one must exist."""
    facts = asyncio.run(accounts.facts(product.settings, product.pair(), project=None, zone=None))
    assert facts.zone.count("-") == 2
    assert facts.zone.startswith(facts.region)
    with pytest.raises(Problem, match="nowhere"):
        asyncio.run(accounts.facts(product.settings, product.pair(), project=None, zone="nowhere"))


def test_the_universe_key_names_this_server(product: Stack) -> None:
    """So that no library shows its tokens to Google; the plain key names no universe, which gcloud needs."""
    facts = asyncio.run(accounts.facts(product.settings, product.pair(), project=None, zone=None))
    assert msgspec.json.decode(facts.universe_key_file.read_bytes())["universe_domain"] == facts.host
    assert "universe_domain" not in msgspec.json.decode(facts.key_file.read_bytes())
    assert facts.key_file.stat().st_mode & 0o777 == 0o600


def test_keys_are_listed_with_their_end(product: Stack) -> None:
    """Label and expiry are kept."""
    end = datetime.now(UTC) + timedelta(days=1)
    made = asyncio.run(
        accounts.create_key(product.settings, product.pair(), project=None, label="nightly", expires=end)
    )
    listed = {key.key_id: key for key in asyncio.run(accounts.list_keys(product.settings))}
    assert listed[made["private_key_id"]].label == "nightly"


def test_a_key_stands_on_a_pair_of_its_own(product: Stack) -> None:
    """Commands and console share one code: revoking deletes the pair that was made for the key, and only that."""
    world = product.sandbox.sandbox.world
    before = [row["id"] for row in world.all("userkey")]
    made = asyncio.run(accounts.create_key(product.settings, product.pair(), project=None, label="own"))
    assert len(world.all("userkey")) == len(before) + 1
    assert not asyncio.run(accounts.revoke_key(product.settings, made["private_key_id"])).left
    assert [row["id"] for row in world.all("userkey")] == before


def test_without_a_sandbox_the_advice_is_to_start_it(product: Stack) -> None:
    """No CloudStack configured and nothing running."""
    with pytest.raises(Problem, match="gstack serve"):
        accounts.endpoint_of(Settings(home=product.settings.home / "none"))
