"""Scopes: what a token may be used for, and what the consent page says about it. Pure.

No scope means everything that the account may do (cloud-platform). Clients ask for many of Google's scopes that have no
effect here, so every scope that looks like Google's is accepted. Source: Google's list of scopes; the sentences say
what they do here.
"""

import re
from collections.abc import Iterable

import msgspec
from authlib.oauth2.rfc6749.errors import InvalidScopeError

_GOOGLE = "https://www.googleapis.com/auth/"
CLOUD_PLATFORM = f"{_GOOGLE}cloud-platform"
_LIMIT = 4096  # characters
_SCOPE = re.compile(r"openid|email|profile|https://(www\.googleapis\.com|mail\.google\.com|www\.google\.com)/[\w./:-]*")

_WRITE = "See, create, change and delete your machines, disks, networks and addresses"
_READ = "See your machines, disks, networks and addresses"
_IDENTITY = "See who you are: your e-mail address and your CloudStack account"
_SENTENCES = {
    "cloud-platform": _WRITE,
    "compute": _WRITE,
    "compute.readonly": _READ,
    "userinfo.email": _IDENTITY,
    "userinfo.profile": _IDENTITY,
    "openid": _IDENTITY,
    "email": _IDENTITY,
    "profile": _IDENTITY,
}


def granted(requested: str) -> str:
    """Return the scopes to grant: each requested one once, in order. CloudStack's own rules limit them all.

    Raises InvalidScopeError.
    """
    if len(requested) > _LIMIT or not requested.isascii() or not requested.isprintable():
        raise InvalidScopeError
    for scope in requested.split():
        if not _SCOPE.fullmatch(scope):
            raise InvalidScopeError(f"Some of the scopes are not Google's. Ask for {CLOUD_PLATFORM}")
    return " ".join(dict.fromkeys(requested.split())) or CLOUD_PLATFORM


def narrowed(requested: str, original: str) -> str:
    """Return the scopes of a refreshed token: the requested ones, if the original grant had them (RFC 6749, 6)."""
    if not requested.split():
        return original
    if set(requested.split()) - set(original.split()):
        raise InvalidScopeError("The refresh token was not granted all of these scopes.")
    return granted(requested)


def as_set(text: str) -> frozenset[str]:
    """Return stored scopes as a Caller has them."""
    return frozenset(text.split() or (CLOUD_PLATFORM,))


class Description(msgspec.Struct, frozen=True):
    """What scopes mean here, one sentence each, and the scopes that have no effect."""

    sentences: tuple[str, ...]
    ineffective: tuple[str, ...]


def describe(scopes: Iterable[str]) -> Description:
    """Say in words what scopes allow. A sentence that includes another one stands for both."""
    found = {scope: _SENTENCES.get(scope.removeprefix(_GOOGLE)) for scope in scopes}
    meanings = set(found.values())
    if _WRITE in meanings:
        meanings.discard(_READ)
    sentences = tuple(sentence for sentence in (_WRITE, _READ, _IDENTITY) if sentence in meanings)
    return Description(sentences, tuple(scope for scope, sentence in found.items() if sentence is None))
