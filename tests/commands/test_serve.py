"""`gstack serve` before it serves; as a running server it is in tests/test_serving.py."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from conftest import free_port
from fixtures.servers import Stack
from fixtures.shells import PROGRAM, fails


@pytest.mark.parametrize("command", [["serve"], ["doctor"], ["keys", "list"], ["trust", "list"], ["rotate-key"]])
def test_a_misspelt_profile_starts_no_sandbox(tmp_path: Path, command: list[str]) -> None:
    """Where there are profiles, one that is not among them is refused, and they are named."""
    (tmp_path / "gstack.toml").write_text('[cloud.cloudstack]\nendpoint = "http://127.0.0.1:1/client/api"\n')
    known = {**os.environ, "GSTACK_HOME": str(tmp_path)}
    told = subprocess.run(
        [PROGRAM, *command, "-p", "clout"], env=known, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 1
    assert "no profile 'clout'" in told.stderr
    assert not (tmp_path / "sandbox.db").exists()


def test_half_a_certificate_is_none(product: Stack, tmp_path: Path) -> None:
    """A certificate without its key, or a key without its certificate, is said before anything starts."""
    file = tmp_path / "half.pem"
    file.touch()
    for option in ("--cert", "--key"):
        assert "--cert and --key go together" in fails(product, "serve", option, str(file))


def refused(home: Path, command: list[str], **variables: str) -> str:
    """What a command says that must fail soon, in a line, without a traceback and without starting a sandbox."""
    known = {**os.environ, "GSTACK_HOME": str(home), "GSTACK_SERVER_PORT": str(free_port()), **variables}
    done = subprocess.run([PROGRAM, *command], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "is ready" not in done.stdout
    return done.stderr


@pytest.mark.parametrize("command", [["serve"], ["keys", "list"]])
def test_wrong_settings_start_nothing(tmp_path: Path, command: list[str]) -> None:
    """Each is an error line that names the setting, whatever the command."""
    for name, value in (
        ("GSTACK_SERVER_LOG_LEVEL", "chatty"),
        ("GSTACK_SERVER_PORT", "70000"),
        ("GSTACK_DATABASE", "mysql://localhost/gstack"),
    ):
        assert name in refused(tmp_path, command, **{name: value})
    assert "server.key is given without server.cert" in refused(tmp_path, command, GSTACK_SERVER_KEY="/k.pem")
    assert "GSTACK_DATABASE" in refused(tmp_path, command, GSTACK_DATABASE="postgresql+psycopg://host:port/name")
    assert not (tmp_path / "sandbox.db").exists()


@pytest.mark.parametrize("command", [["serve"], ["keys", "list"], ["rotate-key"]])
def test_a_database_of_a_newer_gstack_is_left_alone(tmp_path: Path, command: list[str]) -> None:
    """It is said in a line."""
    with closing(sqlite3.connect(tmp_path / "newer.db")) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    url = f"sqlite+aiosqlite:///{tmp_path / 'newer.db'}"
    assert "newer gstack" in refused(tmp_path, command, GSTACK_DATABASE=url)


@pytest.mark.parametrize("command", [["serve"], ["keys", "list"], ["rotate-key"]])
@pytest.mark.parametrize("content", [b"no key", b"\xff\xfe\x00"])
def test_a_sealing_key_that_is_none_is_said(tmp_path: Path, command: list[str], content: bytes) -> None:
    """Before workers die of it, one after the other."""
    (tmp_path / "secret.key").write_bytes(content)
    assert "secret.key" in refused(tmp_path, command)


@pytest.mark.parametrize("content", [b"initial = 5", b'initial = "ab"', b"\xff\xfe", b"[initial"])
def test_a_settings_file_that_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in it."""
    (tmp_path / "gstack.toml").write_bytes(content)
    assert "gstack.toml" in refused(tmp_path, ["serve"])


def test_a_bind_address_that_is_none_is_said(tmp_path: Path) -> None:
    """Too long a name, too."""
    assert "bind address" in refused(tmp_path, ["serve", "--sandbox", "--bind", "a" * 64])


def test_an_authority_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The same for CloudStack's authority."""
    cloud = {"GSTACK_CLOUDSTACK_ENDPOINT": "https://127.0.0.1:9/", "GSTACK_CLOUDSTACK_CA_FILE": str(tmp_path / "gone")}
    assert "cloudstack.ca_file" in refused(tmp_path, ["serve"], **cloud)


def test_a_sealing_key_of_another_database_is_said(product: Stack, tmp_path: Path) -> None:
    """Restored without its key, a database is of no use: what must be done is said instead of 500 to every client."""
    product.service_key()
    said = refused(tmp_path, ["serve", "--sandbox"], GSTACK_DATABASE=product.settings.database_url)
    assert "opens none of the" in said
    assert "Put back the key" in said


def test_the_authority_of_an_issuer_is_checked(tmp_path: Path) -> None:
    """A `ca_file` of trust that is missing or not PEM is said at start, by its setting, not at the first token."""
    text = tmp_path / "text"
    text.write_text("not PEM")
    for file in (text, tmp_path / "gone"):
        (tmp_path / "gstack.toml").write_text(
            f'[initial.trust.ci]\nissuer = "https://ci.example"\naudience = "x"\nca_file = "{file}"\n'
        )
        said = refused(tmp_path, ["serve"])
        assert "trust.ci.ca_file" in said
        assert str(file) in said


@pytest.mark.parametrize("command", [["serve"], ["doctor"]])
def test_two_zones_in_one_region_are_refused(tmp_path: Path, command: list[str]) -> None:
    """Whatever is started, the setting and both zones are named."""
    zones = '{"Zone 1": "cs-east-a", "Zone 2": "cs-east-b"}'
    said = refused(tmp_path, command, GSTACK_NAMES_ZONES=zones)
    assert "names.zones puts the CloudStack zones 'Zone 1' and 'Zone 2' in one region" in said


def test_a_misspelt_variable_is_said(tmp_path: Path) -> None:
    """It changes nothing, so a user would never notice."""
    said = refused(tmp_path, ["serve", "--bind", "a" * 64], GSTACK_SERVER_PROT="5001")
    assert "GSTACK_SERVER_PROT is not a setting" in said
    assert "Did you mean GSTACK_SERVER_PORT?" in said
