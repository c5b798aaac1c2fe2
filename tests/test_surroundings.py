"""What the console shows of the other parts."""

import subprocess
from pathlib import Path

import pytest

from gstack import tls
from gstack.auth.surroundings import Place, Texts
from gstack.clients import bundle
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import ServerSettings, Settings
from gstack.sandbox.server import running
from gstack.sandbox.settings import SandboxSettings, new_account
from gstack.surroundings import ConsoleSurroundings

PLACE = Place("https://cloud.example:5000", "it's mine", "sandbox-east1-a", "sandbox-east1")


def surroundings(home: Path, cert: str = "") -> ConsoleSurroundings:
    return ConsoleSurroundings(Settings(home=home, server=ServerSettings(cert=cert)), CloudStack("http://127.0.0.1:9/"))


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    return surroundings(tmp_path).texts(PLACE)


def test_every_client_has_its_text(texts: Texts) -> None:
    """The clients of the documentation, each led to this server."""
    titles = " ".join(title for title, _ in texts.clients)
    for client in ("gcloud", "Terraform", "Python", "Go", "Libcloud", "Ansible", "gcutil"):
        assert client in titles
    assert all("cloud.example:5000" in text or "googleapis.com" in text for _, text in texts.clients)
    assert "CREDENTIAL_FILE_OVERRIDE" not in texts.login
    assert texts.login.endswith("gcloud auth login")


def test_texts_work_in_a_shell(texts: Texts, tmp_path: Path) -> None:
    """Copied into a shell, paths lie in the home folder of whoever copies, and odd project names stay whole."""
    shown = dict(texts.clients)["Terraform"]
    command = f'{shown}\nprintf "%s|%s" "$GOOGLE_CREDENTIALS" "$GOOGLE_PROJECT"'
    done = subprocess.run(["sh", "-c", command], env={"HOME": "/a b"}, capture_output=True, text=True, check=True)
    assert done.stdout == "/a b/gstack/key.json|it's mine"


def test_python_code_is_python(texts: Texts) -> None:
    """Libcloud's text compiles, and finds the service account in the key."""
    code = dict(texts.clients)["Apache Libcloud"]
    compile(code, "libcloud", "exec")
    assert '["client_email"]' in code


def test_preparation_finds_the_downloads(texts: Texts, tmp_path: Path) -> None:
    """The commands put what the console gave into the places that the texts name."""
    downloads = tmp_path / "Downloads"
    downloads.mkdir()
    for name in ("ca.pem", "demo-key-0a1b2c3d.json", "demo-universe-0a1b2c3d.json"):
        (downloads / name).write_text(name)
    subprocess.run(["sh", "-c", texts.preparation], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=False)
    folder = tmp_path / "gstack"
    assert (folder / "key.json").read_text() == "demo-key-0a1b2c3d.json"
    assert (folder / "universe-key.json").read_text() == "demo-universe-0a1b2c3d.json"
    assert (folder / "bundle.pem").read_text().endswith("ca.pem")


def test_the_certificate_is_the_one_that_is_served(tmp_path: Path) -> None:
    """Ours, or the operator's own, never with the key that may stand in the same file."""
    authority, cert, key = tls.ensure(tmp_path)
    assert surroundings(tmp_path).authority() == authority.read_bytes()
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    assert surroundings(tmp_path, str(both)).authority() == cert.read_bytes()
    copied = bundle(tmp_path / "new home", both).read_bytes()
    assert copied.endswith(cert.read_bytes())
    assert b"PRIVATE KEY" not in copied


async def test_zones_that_every_client_understands_come_first(tmp_path: Path) -> None:
    """Their regions and what their networks are stand beside them."""
    account = new_account("demo")
    with running(SandboxSettings((account,))) as sandbox:
        from_cloud = CloudStack(sandbox.url)
        found = ConsoleSurroundings(Settings(home=tmp_path), from_cloud)
        zones = await found.zones(KeyPair(account.api_key, account.secret_key))
        await from_cloud.close()
    assert [zone.name for zone in zones] == ["sandbox-east1-a", "sandbox-west1-a", "Sandbox-simulator"]
    assert [zone.kind for zone in zones] == ["VPC networks"] * 2 + ["basic network with security groups"]
