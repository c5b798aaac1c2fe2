"""What the console shows that other parts of the product know; app.py hands it in."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gstack.cloudstack.signing import KeyPair


class Zone(msgspec.Struct, frozen=True):
    """A zone as clients name it. `kind` says in words what network it has."""

    name: str
    region: str
    kind: str


class Place(msgspec.Struct, frozen=True):
    """Where a client is to work, and how it reaches us. `email` is a service account's; empty: read it from the key."""

    url: str
    project: str
    zone: str
    region: str
    email: str = ""


class Texts(msgspec.Struct, frozen=True):
    """Settings to copy: what to do once, gcloud without a key file, and a text per client."""

    preparation: str
    login: str
    clients: tuple[tuple[str, str], ...]


class Surroundings(Protocol):
    """The rest of the product, as the console needs it."""

    async def zones(self, keys: KeyPair) -> Sequence[Zone]:
        """The zones that a key pair sees; those with names that every client can take apart come first."""

    def texts(self, place: Place) -> Texts:
        """Settings of every client for a place."""

    def authority(self) -> bytes:
        """The certificate that clients must trust (PEM)."""
