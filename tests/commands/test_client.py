"""`gstack client`, as a user types it."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest

from fixtures.servers import Stack
from fixtures.shells import evaluated, exported, gstack, run
from gstack.commands.client import facts
from gstack.commands.keys import revoke_key
from gstack.errors import Problem
from gstack.sandbox.faults import Fault


@pytest.mark.parametrize("client", ["gcloud", "python", "terraform", "libcloud", "gcutil", "ansible"])
def test_client_settings_hold_a_key_that_works(product: Stack, client: str) -> None:
    """Each text can be printed twice with the same key: it is made once."""
    assert gstack(product, "client", client) == gstack(product, "client", client)


@pytest.mark.parametrize("client", ["gcloud", "terraform", "python", "go", "ansible"])
def test_what_a_shell_evaluates_is_shell_alone(product: Stack, client: str) -> None:
    """Standard output holds exports and comments only: log lines go to standard error."""
    lines = gstack(product, "client", client).splitlines()
    strange = [line for line in lines if line.strip() and not line.startswith(("export ", "#", "unset "))]
    assert strange == []


def test_a_client_s_key_is_made_once_and_anew_after_it_was_revoked(product: Stack) -> None:
    """The same key as long as it holds."""
    first = asyncio.run(facts(product.settings, product.pair(), project=None, zone=None))
    again = asyncio.run(facts(product.settings, product.pair(), project=None, zone=None))
    key = msgspec.json.decode(first.key_file.read_bytes())
    assert msgspec.json.decode(again.key_file.read_bytes()) == key
    assert asyncio.run(revoke_key(product.settings, key["private_key_id"])).found
    third = asyncio.run(facts(product.settings, product.pair(), project=None, zone=None))
    assert msgspec.json.decode(third.key_file.read_bytes())["private_key_id"] != key["private_key_id"]


def test_the_zone_to_work_in_is_one_that_clients_take_apart(product: Stack) -> None:
    """The default is not `Sandbox-simulator`; a chosen one must exist."""
    found = asyncio.run(facts(product.settings, product.pair(), project=None, zone=None))
    assert found.zone.count("-") == 2
    assert found.zone.startswith(found.region)
    with pytest.raises(Problem, match="nowhere"):
        asyncio.run(facts(product.settings, product.pair(), project=None, zone="nowhere"))


def test_the_universe_key_names_this_server(product: Stack) -> None:
    """So that no library shows its tokens to Google; the plain key names no universe, which gcloud needs."""
    found = asyncio.run(facts(product.settings, product.pair(), project=None, zone=None))
    assert msgspec.json.decode(found.universe_key_file.read_bytes())["universe_domain"] == found.host
    assert "universe_domain" not in msgspec.json.decode(found.key_file.read_bytes())
    assert found.key_file.stat().st_mode & 0o777 == 0o600


def test_settings_of_others_stay_good(product: Stack) -> None:
    """Keys of another account, another project and another profile have files of their own, tokens included."""
    first = evaluated(product, "gcloud")
    content = Path(first["CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"]).read_bytes()
    others = [
        evaluated(product, "gcloud", account="other"),
        exported(gstack(product, "client", "gcloud", "-p", "second")),
        exported(gstack(product, "client", "gcloud", "--project", "demo")),
    ]
    for name in ("CLOUDSDK_CONFIG", "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", "REQUESTS_CA_BUNDLE"):
        assert len({known[name] for known in (first, *others)}) == 4
    assert Path(first["CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"]).read_bytes() == content


WAIT = """
from google.cloud import compute_v1
operation = compute_v1.DisksClient().insert(
    project="demo", zone="sandbox-east1-a", disk_resource=compute_v1.Disk(name="slow", size_gb=1)
)
print("waits", not operation.done())
operation.result(timeout=200)
print("size", compute_v1.DisksClient().get(project="demo", zone="sandbox-east1-a", disk="slow").size_gb)
"""


def test_python_waits_for_long_operations(product: Stack) -> None:
    """What `gstack client python` prints is enough to wait for a job of 30 s, without a line in the hosts file."""
    lines = gstack(product, "client", "python").splitlines()
    product.sandbox.sandbox.faults.add(Fault("*AsyncJob*", "slow", count=2, seconds=15.0))
    printed = "\n".join(line.removeprefix("#   ") for line in lines if line.startswith("#   "))
    known = {**os.environ, **evaluated(product, "python")}
    done = run([sys.executable, "-c", printed + WAIT], known)
    assert done.split() == ["waits", "True", "size", "1"]
