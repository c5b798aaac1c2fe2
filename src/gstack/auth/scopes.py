"""Scopes: what a token may be used for. None asked for means everything that the account may do (cloud-platform)."""

from authlib.oauth2.rfc6749.errors import InvalidScopeError

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_LIMIT = 4096  # characters


def granted(asked: str) -> str:
    """Return the scopes granted for those asked: each once, in their order. CloudStack's own rules limit them all."""
    if len(asked) > _LIMIT or not asked.isascii() or not asked.isprintable():
        raise InvalidScopeError
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
