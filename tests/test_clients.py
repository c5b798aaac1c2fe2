"""What `gstack client` prints."""

import shlex
from pathlib import Path

import pytest

from gstack import tls
from gstack.clients import CLIENTS, Facts, bundle, shell, word


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return Facts(
        url="https://localhost:5000",
        home=tmp_path,
        bundle=tmp_path / "bundle.pem",
        authority=tmp_path / "ca.pem",
        key_file=tmp_path / "a key.json",
        universe_key_file=tmp_path / "universe.json",
        email="demo@demo.iam.gserviceaccount.com",
        project="demo",
        zone="sandbox-east1-a",
        region="sandbox-east1",
    )


@pytest.mark.parametrize("client", ["gcloud", "python", "terraform", "go"])
def test_shell_clients_are_exports_and_comments_only(facts: Facts, client: str) -> None:
    """Nothing but exports and comments: safe to eval, and every value survives the shell."""
    lines = CLIENTS[client](facts).splitlines()
    assert all(line.startswith(("export ", "# ")) for line in lines)
    values = [shlex.split(line)[1].split("=", 1)[1] for line in lines if line.startswith("export ")]
    assert any(value.endswith(".json") for value in values)


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_every_client_is_led_to_this_server(facts: Facts, client: str) -> None:
    """Each text names the server or its host names, and the project."""
    text = CLIENTS[client](facts)
    assert "localhost:5000" in text or "googleapis.com" in text
    assert "demo" in text


def test_values_are_quoted() -> None:
    """A value with spaces or quotes is one word of the shell."""
    assert shlex.split(shell({"A": "it's a 'b c'"}))[1] == "A=it's a 'b c'"


def test_bundle_holds_the_system_s_authorities_and_ours(tmp_path: Path) -> None:
    """A client that takes the bundle still reaches the rest of the world."""
    authority, _, _ = tls.ensure(tmp_path)
    whole = bundle(tmp_path, authority).read_text()
    assert authority.read_text() in whole
    assert whole.count("BEGIN CERTIFICATE") >= 1


def test_the_home_folder_is_whose_shell_it_is() -> None:
    """A path that begins with `~` is expanded by the shell that reads it, odd characters behind it are not."""
    assert word(Path("~/a b/k.json")) == "\"$HOME\"/'a b/k.json'"
    assert word(Path("/x/~/y")) == "'/x/~/y'"
