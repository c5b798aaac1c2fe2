"""Which URLs belong to this server: what a JWT may name as its audience, and what our documents show. Pure."""

import re
from urllib.parse import urlsplit

from gstack.config import Settings

TOKEN_PATHS = ("/oauth2/token", "/token", "/o/oauth2/token", "/oauth2/v4/token", "/v1/token")
AUTH_PATHS = ("/oauth2/auth", "/o/oauth2/auth", "/o/oauth2/v2/auth")
REVOKE_PATHS = ("/oauth2/revoke", "/revoke", "/o/oauth2/revoke")

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_SERVICES = ("compute", "storage")  # before our name, for clients that use us as their universe
_GOOGLE_HOSTS = ("oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com", "sts.googleapis.com")
_GOOGLE_TOKEN = frozenset(f"https://{host}{path}" for host in _GOOGLE_HOSTS for path in TOKEN_PATHS)
_GOOGLE_COMPUTE = frozenset({"https://compute.googleapis.com/"})
_HOST = re.compile(r"([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Addresses:
    """The names of this server: those in its settings, and loopback. Any port fits, because of proxies."""

    def __init__(self, settings: Settings) -> None:
        bind = settings.server.bind
        hosts = (urlsplit(settings.public_url).netloc, f"[{bind}]" if ":" in bind else bind, *settings.server.hosts)
        own = {*_LOCAL, *(_name(host) for host in hosts)} - {""}
        plain = settings.server.insecure_http and not settings.server.trust_proxy
        self._scheme = "http" if plain else "https"
        self.public_url = settings.public_url
        self._names = own | {f"{service}.{name}" for service in _SERVICES for name in own}

    def base(self, host: str) -> str:
        """Return the URL to show a client that sent this Host header; the public one if the name is not ours."""
        return f"{self._scheme}://{host}" if _name(host) in self._names else self.public_url

    def is_token_url(self, audience: str) -> bool:
        """Tell whether an assertion with this audience is for our token endpoint. Google's clients name Google's."""
        if audience in _GOOGLE_TOKEN:
            return True
        return self._is_ours(audience) and urlsplit(audience).path in TOKEN_PATHS

    def is_api_url(self, audience: str) -> bool:
        """Tell whether a self-signed JWT with this audience is for our API. Google's clients name Google's."""
        if audience in _GOOGLE_COMPUTE:
            return True
        return self._is_ours(audience) and urlsplit(audience).path in {"", "/"}

    def _is_ours(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme in {"https", "http"} and _name(parts.netloc) in self._names and not parts.query


def _name(host: str) -> str:
    """Return a Host header without its port; empty if it is malformed."""
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""
