"""Page tokens: stateless, opaque to clients, and valid only for the list that they were made for."""

import base64
import hashlib
from collections.abc import Iterable

import msgspec

from gstack.errors import Problem

_HIGHEST_NUMBER = 10_000_000
_SORT_KEY_PARTS = 3


class PageToken(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where the next page begins: `offset` items into CloudStack's page `page` (from 1), of pages of `size` items.

    `fingerprint` identifies the list, `total` is how many items CloudStack had, `after` are the ids of the items that
    were shown last. Page 0 means the whole list, sorted; then `after` is the sort key of the last item shown.
    """

    page: int
    size: int
    offset: int
    fingerprint: str
    total: int = 0
    after: tuple[str, ...] = ()

    def encode(self) -> str:
        """Return the token as clients send it back."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, fingerprint: str) -> "PageToken":
        """Read a token. Problem 400 if it is malformed or its list does not have this fingerprint."""
        message = "the token belongs to no list with this URL, filter and order. Start again without pageToken."
        wrong = Problem.invalid("pageToken", message)
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            token = msgspec.json.decode(raw, type=cls)
        except (ValueError, msgspec.DecodeError) as error:
            raise wrong from error
        numbers = (token.page, token.size - 1, token.offset, token.total)
        has_key = token.page or len(token.after) == _SORT_KEY_PARTS
        if token.fingerprint != fingerprint or min(numbers) < 0 or max(numbers) > _HIGHEST_NUMBER or not has_key:
            raise wrong
        return token


def list_fingerprint(parts: Iterable[str]) -> str:
    """Return the fingerprint of a list from its path, filter and order."""
    digest = hashlib.blake2b(digest_size=9)
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return base64.urlsafe_b64encode(digest.digest()).decode()
