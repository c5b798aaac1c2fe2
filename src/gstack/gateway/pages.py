"""Page tokens: stateless, opaque to clients, good for the same list alone."""

import base64
import hashlib
from collections.abc import Iterable

import msgspec

from gstack.errors import Problem

_MOST = 10_000_000
_KEY = 3  # parts of a sort key


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where the next page begins: in the page `page` (from 1) of `size`, which is begun where `offset` is not 0.

    `mark` is the fingerprint of the list that it belongs to, `total` how many items CloudStack had, `after` the ids of
    what was shown last. Page 0 is the sorted whole, and then `after` is the sort key of the last item.
    """

    page: int
    size: int
    offset: int
    mark: str
    total: int = 0
    after: tuple[str, ...] = ()


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
    numbers = (place.page, place.size - 1, place.offset, place.total)
    keyed = place.page or len(place.after) == _KEY
    if place.mark != expected or min(numbers) < 0 or max(numbers) > _MOST or not keyed:
        raise _wrong()
    return place


def _wrong() -> Problem:
    message = "the token belongs to no list with this URL, filter and order. Start again without pageToken."
    return Problem.invalid("pageToken", message)
