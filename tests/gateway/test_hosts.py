"""Which URLs a request sees."""

from pathlib import Path

import pytest

from gstack.config import ServerSettings, Settings
from gstack.gateway.hosts import Hosts


def hosts(**server: object) -> Hosts:
    settings = {"bind": "localhost", "port": 5000, "hosts": ("gce.example.com",)} | server
    return Hosts(Settings(home=Path(), server=ServerSettings(**settings)))  # type: ignore[arg-type]  # test's own


@pytest.mark.parametrize(
    "host",
    [
        "localhost:5000",
        "127.0.0.1:1234",
        "[::1]:5000",
        "compute.localhost:5000",
        "gce.example.com",
        "compute.gce.example.com",
        "GCE.example.com:444",
    ],
)
def test_the_host_asked_is_the_host_shown(host: str) -> None:
    """Every known name of the server is shown back, port included."""
    assert hosts().root(host, "https") == f"https://{host}"


@pytest.mark.parametrize(
    "host", ["", "evil.com", "localhost.evil.com", "localhost:5000/x", "a b", "localhost:5000\r\n"]
)
def test_unknown_hosts_get_the_public_url(host: str) -> None:
    """A forged Host header never shows up in answers."""
    assert hosts().root(host, "http") == "https://localhost:5000"


@pytest.mark.parametrize("host", ["compute.googleapis.com", "www.googleapis.com", "www.googleapis.com:443"])
def test_redirected_clients_see_google(host: str) -> None:
    """Ansible compares links with www.googleapis.com."""
    assert hosts().root(host, "https") == "https://www.googleapis.com"


def test_the_public_urls_scheme_counts_behind_a_proxy() -> None:
    """TLS that ends before us is still what clients speak; elsewhere the request's own scheme is shown."""
    proxied = hosts(public_url="https://cloud.example.org/")
    assert proxied.root("cloud.example.org", "http") == "https://cloud.example.org"
    assert proxied.root("127.0.0.1:8000", "http") == "http://127.0.0.1:8000"


def test_names_have_no_case_and_need_no_port() -> None:
    """What the operator writes means the host that clients ask, however it is written."""
    known = hosts(hosts=("Cloud.Example:5000",), public_url="https://GCE.example.net:444")
    for host in ("cloud.example", "Cloud.Example:5000", "gce.example.net:444", "compute.cloud.example"):
        assert known.serves(host)
    assert known.root("gce.example.net:444", "http") == "https://gce.example.net:444"
