"""gstack.auth.addresses: which URLs are ours."""

from pathlib import Path

import pytest

from gstack.auth.addresses import TOKEN_PATHS, Addresses
from gstack.config import ServerSettings, Settings


def addresses(**server: str | tuple[str, ...]) -> Addresses:
    return Addresses(Settings(home=Path(), server=ServerSettings(**server)))  # type: ignore[arg-type]  # one helper for all


@pytest.mark.parametrize(
    "url",
    ["https://compute.googleapis.com/", "https://localhost:5000/", "https://127.0.0.1:5000", "https://[::1]:5000/",
     "https://gce.example.org", "https://compute.gce.example.org:8443/", "https://Proxy.example.org:444/"],
)  # fmt: skip
def test_audiences_of_the_api(url: str) -> None:
    """Google's constant, loopback, the public URL and the settings' names belong to the API, as universes too."""
    ours = addresses(public_url="https://gce.example.org", hosts=("proxy.example.org",))
    assert ours.is_api_url(url)


@pytest.mark.parametrize(
    "url",
    ["", "https://compute.googleapis.com/x", "https://localhost:5000/x", "https://evil.example/", "localhost",
     "https://localhost@evil.example/", "https://user@localhost/", "https://localhost:5000/?x", "https://[::1",
     "http://evil.localhost/", "https://compute.googleapis.com.evil.example/"],
)  # fmt: skip
def test_audiences_of_others(url: str) -> None:
    """Any other URL is somebody else's."""
    assert not addresses().is_api_url(url)
    assert not addresses().is_token_url(url)


@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_every_token_path_is_an_audience(path: str) -> None:
    """An assertion may name any token path that we serve, under our names or the names of Google's token endpoints."""
    ours = addresses(bind="gce.example.org")
    hosts = ("gce.example.org:5000", "localhost", "oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com",
             "sts.googleapis.com")  # fmt: skip
    for host in hosts:
        assert ours.is_token_url(f"https://{host}{path}"), host


@pytest.mark.parametrize(
    "url",
    ["https://compute.googleapis.com/", "https://compute.googleapis.com/token", "http://oauth2.googleapis.com/token",
     "https://oauth2.googleapis.com/token/", "https://oauth2.googleapis.com:8443/token",
     "https://oauth2.googleapis.com/token?x", "https://oauth2.googleapis.com.evil.example/token"],
)  # fmt: skip
def test_audiences_that_are_no_token_endpoint(url: str) -> None:
    """Other hosts, schemes, ports, paths and queries are somebody else's."""
    assert not addresses().is_token_url(url)


def test_base() -> None:
    """The base URL has the Host of the request if it is ours; else it is the public URL."""
    ours = addresses(public_url="https://gce.example.org/")
    assert ours.base("localhost:9") == "https://localhost:9"
    assert ours.base("evil.example") == "https://gce.example.org"
