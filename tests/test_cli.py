"""The command line, as a user types it."""

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.gce import Gce
from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, gstack


def fails(product: Stack, *arguments: str) -> str:
    """Run a command that must fail without a traceback; what it said."""
    done = subprocess.run(
        [PROGRAM, *arguments], env=environment(product), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help_names_every_command(product: Stack) -> None:
    """`gstack --help` lists what there is."""
    text = gstack(product, "--help")
    assert all(name in text for name in ("serve", "configure", "sandbox", "keys", "client", "doctor"))


def test_a_key_is_made_listed_used_and_revoked(product: Stack, tmp_path: Path) -> None:
    """The whole life of a service-account key, while the server runs."""
    path = tmp_path / "key.json"
    gstack(product, "keys", "create", "--label", "ci", "--output", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    key = json.loads(path.read_text())
    assert key["type"] == "service_account"
    assert key["token_uri"] == f"{product.app.url}/oauth2/token"
    assert "universe_domain" not in key
    assert key["private_key_id"][:8] in gstack(product, "keys", "list")
    gstack(product, "keys", "revoke", key["private_key_id"])
    assert "No such key" in fails(product, "keys", "revoke", "nothing")


def test_a_key_for_wrong_keys_is_refused(product: Stack) -> None:
    """The pair is proved against CloudStack before a key is made."""
    assert "CloudStack" in fails(product, "keys", "create", "--api-key", "x" * 86, "--secret-key", "y" * 86)


@pytest.mark.parametrize("client", ["gcloud", "python", "terraform", "libcloud", "gcutil", "ansible"])
def test_client_settings_hold_a_key_that_works(product: Stack, client: str) -> None:
    """Each text can be printed twice with the same key: it is made once."""
    assert gstack(product, "client", client) == gstack(product, "client", client)


def test_doctor_finds_all_well_and_what_is_not(product: Stack) -> None:
    """A healthy server has no advice; a wrong endpoint has."""
    report = gstack(product, "doctor")
    assert "✗" not in report
    assert "sandbox-east1-a (region sandbox-east1)" in report
    known = environment(product) | {"GSTACK_CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "→" in done.stdout


def test_a_wrong_setting_is_named(product: Stack) -> None:
    """A setting that cannot be read is an error line, not a traceback."""
    known = environment(product) | {"GSTACK_SERVER_PORT": "many"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "port" in done.stderr
    assert "Traceback" not in done.stderr


def test_projects_are_seen_by_their_key(product: Stack, gce: Gce) -> None:
    """The file's project is the account's own project unless told."""
    key = json.loads(gstack(product, "keys", "create"))
    assert key["project_id"] == gce.get("")["name"]
