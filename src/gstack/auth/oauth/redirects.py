"""Where a code may go: to a client on the user's own machine, or to a page of ours that shows it. Pure.

Source: RFC 8252 (native apps), and what Google's own tools do: gcloud sends remote users to a page of Google's
(`authcode.html`), gcutil uses the old out-of-band name. We follow neither, but show the code on a page.
"""

import re
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri

SHOWN_HERE = frozenset({"urn:ietf:wg:oauth:2.0:oob", "https://sdk.cloud.google.com/authcode.html"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PLAIN = re.compile(r"[\x21-\x7e]{1,2000}")  # nothing that headers or browsers interpret in their own way


def allowed(uri: str) -> bool:
    """Tell whether a URI is plain http to a loopback address, at any port and path, or one of the two shown here."""
    return uri in SHOWN_HERE or _is_loopback(uri)


def _is_plain(uri: str) -> bool:
    return bool(_PLAIN.fullmatch(uri)) and not set(uri) & set("\\#@;,'\"<>")


def _is_loopback(uri: str) -> bool:
    if not _is_plain(uri):
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and port != 0


def is_registrable(uri: str) -> bool:
    """Tell whether an operator may register this URI: https anywhere, or http to loopback (RFC 8252, 8.3)."""
    if _is_loopback(uri):
        return True
    if not _is_plain(uri):
        return False
    try:
        parts = urlsplit(uri)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def matches(registered: str, uri: str) -> bool:
    """Tell whether a URI is exactly the registered one; a loopback URI may have any port (RFC 8252, 7.3)."""
    if uri == registered:
        return True
    if not _is_loopback(uri) or not _is_loopback(registered):
        return False
    one, other = urlsplit(uri), urlsplit(registered)
    return (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query)


def origin(uri: str) -> str:
    """Return a URI's origin for a Content-Security-Policy, which cannot express an IPv6 address."""
    parts = urlsplit(uri)
    return "http:" if "[" in parts.netloc else f"{parts.scheme}://{parts.netloc}"


def with_answer(uri: str, answer: dict[str, str]) -> str:
    """Return the redirect URI with the answer in its query, without empty values."""
    return str(add_params_to_uri(uri, [(name, value) for name, value in answer.items() if value]))
