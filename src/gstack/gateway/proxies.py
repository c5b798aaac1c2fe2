"""Proxies in front of the server: X-Forwarded headers count only if a trusted proxy sent them. Pure.

Those headers are dropped if anybody else sent them. RFC 7239's `Forwarded` is always dropped, because it is not read.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any

from gstack.config import SettingsError

Headers = list[tuple[bytes, bytes]]
_FORWARDED = (b"x-forwarded-", b"forwarded", b"x-real-ip")
_SCHEMES = frozenset({"http", "https"})
_PROTO = b"x-forwarded-proto"


class Proxies:
    """The trusted proxies. `scheme` is the clients' scheme if a trusted proxy does not name it."""

    def __init__(self, trusted: Iterable[str], scheme: str) -> None:
        self._networks = [_network(text) for text in trusted]
        self._scheme = scheme

    def trusts(self, address: str) -> bool:
        """Whether this is the address of a trusted proxy."""
        parsed = address_of(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def seen(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Return an ASGI scope with the client's own address, scheme and Host, as if no proxy were there."""
        headers: Headers = scope["headers"]
        peer = str((scope.get("client") or ("",))[0])
        if not self.trusts(peer):
            if not any(name.startswith(_FORWARDED) for name, _ in headers):
                return scope
            return {**scope, "headers": _without(headers)}
        host = _last(headers, b"x-forwarded-host")
        own = [(name, value) for name, value in _without(headers) if not host or name != b"host"]
        return {
            **scope,
            "client": (self.client(peer, _all(headers, b"x-forwarded-for")), 0),
            "scheme": self._spoken(headers),
            "headers": [*own, (b"host", host.encode("latin-1"))] if host else own,
        }

    def client(self, peer: str, hops: list[str]) -> str:
        """Return the client's address: the last hop that is not a trusted proxy. Anybody can forge earlier hops."""
        for hop in reversed(hops):
            if address_of(hop) is None:
                return peer
            if not self.trusts(hop):
                return str(address_of(hop))
            peer = hop
        return peer

    def _spoken(self, headers: Headers) -> str:
        scheme = _last(headers, _PROTO).lower()
        return scheme if scheme in _SCHEMES else self._scheme


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an IP address; None if it is not one. An IPv4 address mapped into IPv6 becomes plain IPv4."""
    try:
        address = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(f"server.trust_proxy: {text!r} is not an IP address or network") from error


def _without(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if not name.startswith(_FORWARDED)]


def _all(headers: Headers, wanted: bytes) -> list[str]:
    """Return the entries of a list header, from all its lines."""
    lines = [value.decode("latin-1") for name, value in headers if name == wanted]
    return [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]


def _last(headers: Headers, wanted: bytes) -> str:
    """Return the last entry, which the nearest proxy wrote."""
    entries = _all(headers, wanted)
    return entries[-1] if entries else ""
