"""Which URLs are this server's own: what a JWT may name as its audience, and what our documents show. Pure."""

from urllib.parse import urlsplit

from gstack.config import Settings

TOKEN_PATHS = ("/oauth2/token", "/token", "/o/oauth2/token", "/oauth2/v4/token")
AUTH_PATHS = ("/oauth2/auth", "/o/oauth2/auth", "/o/oauth2/v2/auth")
REVOKE_PATHS = ("/oauth2/revoke", "/revoke", "/o/oauth2/revoke")

_LOCAL = ("localhost", "127.0.0.1", "[::1]", "compute.localhost")
_GOOGLE_TOKEN = frozenset({"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"})
_GOOGLE_COMPUTE = frozenset({"https://compute.googleapis.com/"})
_HTTPS_PORT = 443


class Addresses:
    """The names under which this server is known: those of its settings, and loopback at its port."""

    def __init__(self, settings: Settings) -> None:
        public = urlsplit(settings.public_url)
        port = public.port or _HTTPS_PORT
        names = (public.netloc, *settings.server.hosts, *_LOCAL, settings.server.bind)
        self.public_url = settings.public_url
        self._netlocs = {name.lower() for name in names}
        self._netlocs |= {f"{name.lower()}:{number}" for name in names for number in {settings.server.port, port}}

    def base(self, host: str) -> str:
        """The URL to show a client that asked under this Host header; the public one where we do not know the name."""
        return f"https://{host}" if host.lower() in self._netlocs else self.public_url

    def is_token_url(self, audience: str) -> bool:
        """True where an assertion for the token endpoint was meant for us; Google's clients name Google's."""
        if audience in _GOOGLE_TOKEN:
            return True
        return self._is_ours(audience) and urlsplit(audience).path in TOKEN_PATHS

    def is_api_url(self, audience: str) -> bool:
        """True where a self-signed JWT was meant for our Compute API; Google's clients name Google's."""
        if audience in _GOOGLE_COMPUTE:
            return True
        return self._is_ours(audience) and urlsplit(audience).path in {"", "/"}

    def _is_ours(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme in {"https", "http"} and parts.netloc.lower() in self._netlocs and not parts.query
