"""The host of the URLs in an answer: the one that the request's Host header names.

Only this server's own hosts appear in answers. For any other Host, URLs have the configured public URL, so a forged
header cannot put foreign links into answers. Clients that were redirected from Google see Google's host.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from gstack.config import Settings
from gstack.gateway.links import GOOGLE

_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::[0-9]{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Hosts:
    """The names of this server, from its settings."""

    def __init__(self, settings: Settings) -> None:
        self._public = settings.public_url
        public = urlsplit(settings.public_url)
        bind = settings.server.bind
        bound = f"[{bind}]" if ":" in bind else bind
        own = {_name(host).lower() for host in (*settings.server.hosts, public.netloc, bound, *_LOOPBACK)}
        universes = {f"{service}.{name}" for service in ("compute", "storage") for name in own}
        self._names = (own | universes) - {""}
        self._schemes = {public.netloc.lower(): public.scheme}

    def serves(self, host: str) -> bool:
        """Whether a Host header means this server: its own names, Google's that are redirected here, any address.

        Addresses are safe to accept: only names can be pointed here by somebody else (DNS rebinding).
        """
        name = _name(host).lower()
        if name in self._names or name == "accounts.google.com" or name.endswith(".googleapis.com"):
            return True
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True

    def root(self, host: str, scheme: str) -> str:
        """Return this server's URL for the answers to a request, without a slash at its end.

        `host` is the Host header, `scheme` that of the request. The public host has the public URL's scheme, because a
        proxy in front of it may end TLS.
        """
        name = _name(host).lower()
        if name.endswith(".googleapis.com"):
            return GOOGLE
        if name not in self._names:
            return self._public
        return f"{self._schemes.get(host.lower(), scheme)}://{host}"


def _name(host: str) -> str:
    """Return the host without its port, or an empty string if it is not a host name."""
    found = _HOST.fullmatch(host)
    return found["name"] if found else ""
