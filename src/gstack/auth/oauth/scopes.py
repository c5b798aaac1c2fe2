"""Scopes: what a token may be used for. None asked for means everything that the account may do (cloud-platform).

Clients ask for many scopes of Google's that mean nothing here, so every one that looks like Google's passes.
"""

import re

from authlib.oauth2.rfc6749.errors import InvalidScopeError

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_LIMIT = 4096  # characters
_SCOPE = re.compile(r"openid|email|profile|https://(www\.googleapis\.com|mail\.google\.com|www\.google\.com)/[\w./:-]*")


def granted(asked: str) -> str:
    """Return the scopes granted for those asked: each once, in their order. CloudStack's own rules limit them all."""
    if len(asked) > _LIMIT or not asked.isascii() or not asked.isprintable():
        raise InvalidScopeError
    for scope in asked.split():
        if not _SCOPE.fullmatch(scope):
            raise InvalidScopeError("Some of the scopes are none of Google's. Ask for " + CLOUD_PLATFORM)
    return " ".join(dict.fromkeys(asked.split())) or CLOUD_PLATFORM


def narrowed(asked: str, original: str) -> str:
    """Return the scopes of a refreshed token: those asked, which the original grant must hold (RFC 6749, 6)."""
    if not asked.split():
        return original
    if set(asked.split()) - set(original.split()):
        raise InvalidScopeError("The refresh token was not granted all of these scopes.")
    return granted(asked)


def as_set(text: str) -> frozenset[str]:
    """Return a stored scope string as a Caller carries it."""
    return frozenset(text.split() or (CLOUD_PLATFORM,))
