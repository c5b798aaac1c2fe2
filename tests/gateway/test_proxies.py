"""gstack.gateway.proxies: whose word counts about who asks."""

from typing import Any

import pytest

from gstack.config import SettingsError
from gstack.gateway.proxies import Proxies, address_of

KNOWN = Proxies(("10.0.0.0/8", "::1"), "https")


def scope(peer: str, **headers: str) -> dict[str, Any]:
    """A request from a peer; `x_forwarded_for="…"` is a header."""
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (peer, 1), "scheme": "http", "headers": [(b"host", b"inside"), *sent]}


def test_a_trusted_proxys_words_count() -> None:
    """Address, scheme and Host are the client's; the headers themselves are gone."""
    seen = KNOWN.seen(
        scope("10.1.1.1", x_forwarded_for="192.0.2.1", x_forwarded_proto="https", x_forwarded_host="gce.example.org")
    )
    assert (seen["client"][0], seen["scheme"]) == ("192.0.2.1", "https")
    assert seen["headers"] == [(b"host", b"gce.example.org")]


@pytest.mark.parametrize("peer", ["192.0.2.9", "", "localhost", "11.0.0.1"])
def test_nobody_elses_do(peer: str) -> None:
    """From other addresses the headers are dropped and nothing changes."""
    seen = KNOWN.seen(
        scope(peer, x_forwarded_for="10.0.0.1", x_forwarded_proto="https", x_forwarded_host="evil", forwarded="for=1")
    )
    assert (seen["client"][0], seen["scheme"], seen["headers"]) == (peer, "http", [(b"host", b"inside")])


def test_a_request_without_them_is_not_copied() -> None:
    """The usual request costs nothing."""
    usual = scope("192.0.2.9")
    assert KNOWN.seen(usual) is usual


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("1.1.1.1, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.9.9.9", "192.0.2.1"),
        ("10.8.8.8, 10.9.9.9", "10.8.8.8"),
        ("", "10.1.1.1"),
        ("garbage", "10.1.1.1"),
        ("192.0.2.1, garbage", "10.1.1.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy(sent: str, client: str) -> None:
    """What stands before it can be made up by anybody; what is no address says nothing."""
    assert KNOWN.seen(scope("10.1.1.1", x_forwarded_for=sent))["client"][0] == client


def test_only_the_nearest_proxys_host_and_scheme_count() -> None:
    """Where a client sent the headers itself, the proxy's own entry is the last."""
    seen = KNOWN.seen(scope("::1", x_forwarded_proto="https, http", x_forwarded_host="evil, gce.example.org"))
    assert seen["scheme"] == "http"
    assert seen["headers"] == [(b"host", b"gce.example.org")]
    assert KNOWN.seen(scope("::1", x_forwarded_proto="ftp"))["scheme"] == "https"


def test_what_is_no_network_is_refused() -> None:
    """A name in trust_proxy is told at start."""
    with pytest.raises(SettingsError, match=r"proxy\.example"):
        Proxies(("proxy.example",), "https")


def test_addresses() -> None:
    """Text that is no address is none."""
    assert address_of("x") is None
    assert str(address_of(" [::1] ")) == "::1"
