"""Where a code may go: a client on the user's own machine, or a page of ours that shows it. Pure.

Source: RFC 8252 (native apps), and what Google's own tools do: gcloud sends its remote users to a page of Google's
(`authcode.html`), gcutil uses the old out-of-band name. Neither is followed: the code is shown here.
"""

import re
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri

SHOWN_HERE = frozenset({"urn:ietf:wg:oauth:2.0:oob", "https://sdk.cloud.google.com/authcode.html"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PLAIN = re.compile(r"[\x21-\x7e]{1,2000}")  # nothing that a header or a browser might read in its own way


def allowed(uri: str) -> bool:
    """True for plain http to a loopback address, any port and path, and for the two that are shown here."""
    return uri in SHOWN_HERE or _is_loopback(uri)


def _is_loopback(uri: str) -> bool:
    if not _PLAIN.fullmatch(uri) or "\\" in uri or "#" in uri or "@" in uri:
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and port != 0


def with_answer(uri: str, answer: dict[str, str]) -> str:
    """Return the redirect URI with the answer in its query; empty values stay out."""
    return str(add_params_to_uri(uri, [(name, value) for name, value in answer.items() if value]))
