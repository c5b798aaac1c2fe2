"""What `gstack client` prints."""

import shlex
import subprocess
from pathlib import Path

import pytest

from gstack import tls
from gstack.auth.pages.console import Place, Texts
from gstack.clients import CLIENTS, Facts, bundle, console_texts, shell, word


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


@pytest.fixture
def texts() -> Texts:
    """What the console shows for a project whose name needs quotes."""
    return console_texts(Place("https://cloud.example:5000", "it's mine", "sandbox-east1-a", "sandbox-east1"))


def test_the_console_has_a_text_for_every_client(texts: Texts) -> None:
    """Each client of the documentation has its text, and each text leads to this server."""
    titles = " ".join(title for title, _ in texts.clients)
    for client in ("gcloud", "Terraform", "Python", "Go", "Libcloud", "Ansible", "gcutil"):
        assert client in titles
    assert all("cloud.example:5000" in text or "googleapis.com" in text for _, text in texts.clients)
    assert "CREDENTIAL_FILE_OVERRIDE" not in texts.login
    assert texts.login.endswith("gcloud auth login")


def test_texts_of_the_console_work_in_a_shell(texts: Texts) -> None:
    """In a shell, paths are in the home folder of whoever copies the text, and odd project names stay whole."""
    shown = dict(texts.clients)["Terraform"]
    command = f'{shown}\nprintf "%s|%s" "$GOOGLE_CREDENTIALS" "$GOOGLE_PROJECT"'
    done = subprocess.run(["sh", "-c", command], env={"HOME": "/a b"}, capture_output=True, text=True, check=True)
    assert done.stdout == "/a b/gstack/key.json|it's mine"


def test_python_code_of_the_console_is_python(texts: Texts) -> None:
    """Libcloud's text compiles, and reads the service account from the key; a place may have no e-mail yet."""
    code = dict(texts.clients)["Apache Libcloud"]
    compile(code, "libcloud", "exec")
    assert '["client_email"]' in code


def test_the_console_s_preparation_finds_the_downloads(texts: Texts, tmp_path: Path) -> None:
    """The commands move the downloaded files to where the texts expect them."""
    downloads = tmp_path / "Downloads"
    downloads.mkdir()
    for name in ("ca.pem", "demo-key-0a1b2c3d.json", "demo-universe-0a1b2c3d.json"):
        (downloads / name).write_text(name)
    subprocess.run(["sh", "-c", texts.preparation], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=False)
    folder = tmp_path / "gstack"
    assert (folder / "key.json").read_text() == "demo-key-0a1b2c3d.json"
    assert (folder / "universe-key.json").read_text() == "demo-universe-0a1b2c3d.json"
    assert (folder / "bundle.pem").read_text().endswith("ca.pem")


def test_a_bundle_holds_no_key(tmp_path: Path) -> None:
    """Of a file that contains certificate and key, only the certificate gets into the bundle."""
    _, certificate, key = tls.ensure(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    copied = bundle(tmp_path / "new home", both).read_bytes()
    assert copied.endswith(certificate.read_bytes())
    assert b"PRIVATE KEY" not in copied
