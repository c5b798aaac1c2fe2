"""Proxies in front of us: what their X-Forwarded headers say is believed from the trusted ones alone. Pure.

From anybody else these headers are dropped, and so is RFC 7239's `Forwarded`, which we do not read.
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
    """The trusted addresses. `scheme` is what clients speak where a trusted proxy does not say it."""

    def __init__(self, trusted: Iterable[str], scheme: str) -> None:
        self._networks = [_network(text) for text in trusted]
        self._scheme = scheme

    def trusts(self, address: str) -> bool:
        """Whether this is a proxy of ours."""
        known = address_of(address)
        return known is not None and any(known in network for network in self._networks)

    def seen(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Return an ASGI scope as it would be without proxies: the client's address, its scheme, its Host."""
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
        """Return the address of the client: the last hop that is no proxy of ours; earlier ones anybody can make up."""
        for hop in reversed(hops):
            if address_of(hop) is None:
                return peer
            if not self.trusts(hop):
                return str(address_of(hop))
            peer = hop
        return peer

    def _spoken(self, headers: Headers) -> str:
        said = _last(headers, _PROTO).lower()
        return said if said in _SCHEMES else self._scheme


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an IP address, an IPv4 one in IPv6's clothes as itself, or None."""
    try:
        known = ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    return (known.ipv4_mapped or known) if isinstance(known, ipaddress.IPv6Address) else known


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(f"server.trust_proxy: {text!r} is no IP address or network") from error


def _without(headers: Headers) -> Headers:
    return [(name, value) for name, value in headers if not name.startswith(_FORWARDED)]


def _all(headers: Headers, wanted: bytes) -> list[str]:
    """The entries of a header that is a list, over all its lines."""
    lines = [value.decode("latin-1") for name, value in headers if name == wanted]
    return [entry.strip() for entry in ",".join(lines).split(",") if entry.strip()]


def _last(headers: Headers, wanted: bytes) -> str:
    """The entry of the proxy next to us."""
    entries = _all(headers, wanted)
    return entries[-1] if entries else ""
