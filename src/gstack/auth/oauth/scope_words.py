"""Scopes in words, for the consent page. Pure. Source: Google's list of scopes; the words say what they do here."""

from collections.abc import Iterable

import msgspec

_GOOGLE = "https://www.googleapis.com/auth/"
_COMPUTE = "See, create, change and delete your machines, disks, networks and addresses"
_READ = "See your machines, disks, networks and addresses"
_WHO = "See who you are: your e-mail address and your CloudStack account"

_WORDS = {
    "cloud-platform": _COMPUTE,
    "compute": _COMPUTE,
    "compute.readonly": _READ,
    "userinfo.email": _WHO,
    "userinfo.profile": _WHO,
    "openid": _WHO,
    "email": _WHO,
    "profile": _WHO,
}
_ORDER = (_COMPUTE, _READ, _WHO)


class Words(msgspec.Struct, frozen=True):
    """What scopes mean here, a sentence each, and the scopes that mean nothing here."""

    sentences: tuple[str, ...]
    ineffective: tuple[str, ...]


def words(scopes: Iterable[str]) -> Words:
    """Put scopes into words. What includes another sentence stands for both."""
    found = {scope: _WORDS.get(scope.removeprefix(_GOOGLE)) for scope in scopes}
    meant = set(found.values())
    if _COMPUTE in meant:
        meant.discard(_READ)
    sentences = tuple(sentence for sentence in _ORDER if sentence in meant)
    return Words(sentences, tuple(scope for scope, sentence in found.items() if sentence is None))
