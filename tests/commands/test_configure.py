"""gstack-configure: questions, answers, checks, the file."""

import os
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import free_port
from fixtures.servers import Stack
from fixtures.shells import PROGRAM
from gstack.commands import configure as module
from gstack.commands.configure import Answers, earlier, write, zone_names

CONFIGURE = PROGRAM.with_name("gstack-configure")


def configure(home: Path, *options: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "GSTACK_HOME": str(home), **variables}
    return subprocess.run(
        [CONFIGURE, *options], env=known, input=text, capture_output=True, text=True, timeout=60, check=False
    )


def where(product: Stack) -> list[str]:
    endpoint = urlsplit(product.settings.cloudstack.endpoint)
    return ["--host", str(endpoint.hostname), "--cloudstack-port", str(endpoint.port), "--path", endpoint.path]


def test_answers_are_written_and_become_the_defaults(product: Stack, tmp_path: Path) -> None:
    """What was answered once is not asked again; other profiles stay."""
    write(tmp_path, "other", {"server": {"port": 7000}})
    first = configure(tmp_path, "--port", "5055", *where(product))
    assert first.returncode == 0, first.stderr
    assert f"CloudStack answers at {product.settings.cloudstack.endpoint}" in first.stdout
    second = configure(tmp_path, "--bind", "127.0.0.1")
    assert second.returncode == 0, second.stderr
    profiles = tomllib.loads((tmp_path / "gstack.toml").read_text())
    assert profiles["initial"]["server"] == {"bind": "127.0.0.1", "port": 5055}
    assert profiles["initial"]["cloudstack"]["endpoint"] == product.settings.cloudstack.endpoint
    assert profiles["other"]["server"]["port"] == 7000


def test_keys_propose_names_for_zones(product: Stack, tmp_path: Path) -> None:
    """With a key pair the zone whose name Google's clients cannot take apart gets one; keys are not stored."""
    pair = product.pair()
    done = configure(tmp_path, *where(product), CLOUDSTACK_KEY=pair.api_key, CLOUDSTACK_SECRET=pair.secret_key)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "gstack.toml").read_text()
    assert tomllib.loads(text)["initial"]["names"]["zones"] == {"Sandbox-simulator": "sandbox-simulator-a"}
    assert pair.secret_key not in text


def test_wrong_keys_are_refused(product: Stack, tmp_path: Path) -> None:
    """Keys that CloudStack does not know write nothing."""
    done = configure(tmp_path, *where(product), "--api-key", "a", "--secret-key", "b")
    assert done.returncode == 1
    assert "does not accept these keys" in done.stderr
    assert not (tmp_path / "gstack.toml").exists()


def test_no_cloudstack_there_is_said_with_advice(tmp_path: Path) -> None:
    """A port where nothing answers writes nothing, unless forced."""
    options = ["--host", "127.0.0.1", "--cloudstack-port", str(free_port())]
    done = configure(tmp_path, *options)
    assert done.returncode == 1
    assert "No CloudStack answers" in done.stderr
    assert not (tmp_path / "gstack.toml").exists()
    assert configure(tmp_path, *options, "--force").returncode == 0


def test_http_on_a_port_of_https_is_said(product: Stack, tmp_path: Path) -> None:
    """Who asks a TLS port for plain HTTP is told which protocol to try."""
    done = configure(tmp_path, "--host", "127.0.0.1", "--cloudstack-port", str(product.settings.server.port))
    assert done.returncode == 1
    assert "--protocol https" in done.stderr


def test_something_else_there_is_no_cloudstack(product: Stack, tmp_path: Path) -> None:
    """A server that answers, but not as CloudStack, is not taken for one."""
    endpoint = urlsplit(product.settings.cloudstack.endpoint)
    done = configure(
        tmp_path, "--host", str(endpoint.hostname), "--cloudstack-port", str(endpoint.port), "--path", "/else"
    )
    assert done.returncode == 1
    assert "No CloudStack answers" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["--zone-name", "Sandbox-simulator=BAD NAME"],
        ["--zone-name", "Sandbox-simulator=sandbox-east1-b"],
        ["--zone-name", "Nowhere=cs-east1-a"],
        ["--zone-name", "nonsense"],
        ["--host", "https://localhost"],
        ["--host", ""],
        ["--path", "client api"],
        ["--bind", "not an address"],
        ["--port", "many"],
        ["--protocol", "ftp"],
        ["-p", "../evil"],
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_written(product: Stack, tmp_path: Path, wrong: list[str]) -> None:
    """A wrong answer is an error line that names it; no profile is made."""
    pair = product.pair()
    done = configure(tmp_path, *where(product), *wrong, CLOUDSTACK_KEY=pair.api_key, CLOUDSTACK_SECRET=pair.secret_key)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "gstack.toml").exists()


def test_questions_are_asked_and_a_wrong_answer_is_asked_again(product: Stack, tmp_path: Path) -> None:
    """Answers come one a line, defaults stand in brackets; an answer that is none is asked for again."""
    endpoint = urlsplit(product.settings.cloudstack.endpoint)
    lines = ["localhost", "no port", "5066", "", str(endpoint.port), "ftp", "http", ""]
    done = configure(tmp_path, "--host", str(endpoint.hostname), text="\n".join([*lines[:3], *lines[4:], ""]))
    assert done.returncode == 0, done.stderr
    assert "[localhost]" in done.stdout
    profile = tomllib.loads((tmp_path / "gstack.toml").read_text())["initial"]
    assert profile["server"]["port"] == 5066


def test_defaults_are_those_of_the_first_gstack() -> None:
    """localhost:5000, and CloudStack at http://localhost:8080/client/api."""
    assert earlier({}) == Answers()
    assert Answers().endpoint == "http://localhost:8080/client/api"


def test_a_profile_gives_the_answers_it_was_made_from() -> None:
    """Written, read, the same; an IPv6 host stands in brackets in the URL."""
    given = Answers(bind="0.0.0.0", port=1, host="::1", cloudstack_port=2, protocol="https", path="/api")
    assert given.endpoint == "https://[::1]:2/api"
    profile = {"server": {"bind": "0.0.0.0", "port": 1}, "cloudstack": {"endpoint": given.endpoint}}
    assert earlier(profile) == given


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (module.host, "https://localhost"), (module.host, ""), (module.host, "a b"), (module.host, "a/b?c"),
        (module.port, "0"), (module.port, "65536"), (module.port, "http"), (module.protocol, "ftp"),
        (module.path, "client/api"), (module.path, "/a b"), (module.bind_address, "not an address"),
        (module.bind_address, "192.0.2.1"),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_why(read: object, text: str) -> None:
    """The error's text is for the user and names the value."""
    with pytest.raises(ValueError, match=r"no|neither"):
        read(text)  # type: ignore[operator]  # one of our readers


def test_names_of_zones_are_checked_together() -> None:
    """Fit names, known zones, one region each; chosen names win over earlier ones and proposals."""
    zones = {"Zone 1": "cs-zone-1-a", "east1-a": "cs-east1-a", "cs-west1-a": "cs-west1-a"}
    assert zone_names(zones, (), {}) == {"Zone 1": "cs-zone-1-a", "east1-a": "cs-east1-a"}
    chosen = zone_names(zones, ("Zone 1=cs-south1-b",), {"east1-a": "cs-north1-a"})
    assert chosen == {"Zone 1": "cs-south1-b", "east1-a": "cs-north1-a"}
    for wrong in ("Zone 1=BAD NAME", "Zone 1=cs-west1-b", "Zone 9=cs-a-a", "Zone 1"):
        with pytest.raises(ValueError, match=r"zone|Zone"):
            zone_names(zones, (wrong,), {})
