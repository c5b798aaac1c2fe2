"""Page tokens: stateless, opaque to clients, good for the same list alone."""

import base64
import hashlib
from collections.abc import Iterable

import msgspec

from gstack.errors import Problem

_MOST = 10_000_000


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where the next page begins: at item `offset` of the page `page` (from 1) of `size`; page 0 is the sorted whole.

    `mark` is the fingerprint of the list that it belongs to.
    """

    page: int
    size: int
    offset: int
    mark: str


def mark(parts: Iterable[str]) -> str:
    """Return the fingerprint of what makes a list: its path, filter and order."""
    digest = hashlib.blake2b(digest_size=9)
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return base64.urlsafe_b64encode(digest.digest()).decode()


def to_token(place: Place) -> str:
    """Return the token that stands for a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def from_token(token: str, expected: str) -> Place:
    """Return the place; Problem 400 where the token is none of ours or belongs to another list."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        place = msgspec.json.decode(raw, type=Place)
    except (ValueError, msgspec.DecodeError) as error:
        raise _wrong() from error
    numbers = (place.page, place.size - 1, place.offset)
    if place.mark != expected or min(numbers) < 0 or max(numbers) > _MOST:
        raise _wrong()
    return place


def _wrong() -> Problem:
    message = "the token belongs to no list with this URL, filter and order. Start again without pageToken."
    return Problem.invalid("pageToken", message)
