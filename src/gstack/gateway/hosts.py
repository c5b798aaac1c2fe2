"""Which URLs a request sees: by its Host header - the host asked is the host shown.

Only hosts that are known to be this server are shown back; any other gets the configured public URL, so a forged Host
header cannot put foreign links into answers. Clients that were redirected from Google see Google's names.
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

    def known(self, host: str) -> bool:
        """Whether a Host header means this server: a name of ours, one of Google's that is redirected here, an address.

        An address is nobody else's name; only a name can be made to point here by somebody else (DNS rebinding).
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
        """Return the URL that stands for this server in answers to a request, without a slash at its end.

        `host` is the Host header, `scheme` the request's own; the public URL's scheme counts for the public host,
        which may have a proxy in front that ends TLS.
        """
        name = _name(host).lower()
        if name.endswith(".googleapis.com"):
            return GOOGLE
        if name not in self._names:
            return self._public
        return f"{self._schemes.get(host.lower(), scheme)}://{host}"


def _name(host: str) -> str:
    """Return the host without its port, or nothing where it is no host name."""
    found = _HOST.fullmatch(host)
    return found["name"] if found else ""
