"""Facts of Google's that have no place in CloudStack: a row per CloudStack object, and objects only Google knows.

Rows are keyed by CloudStack's uuid; GCE-only objects by owner, collection, scope and name. `owner` is the uuid of the
CloudStack account, or of the CloudStack project, that holds them. CloudStack stays the truth: a row about an object
that is gone is dropped by whoever notices.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class Sidecar(Protocol):
    """Access to the rows. All writes are idempotent."""

    async def facts(self, uuids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the facts kept for these CloudStack uuids; those without any are absent."""
        ...

    async def named(self, owner: str, kind: str, name: str) -> str | None:
        """Return the CloudStack uuid of the object of this kind whose fact `name` is this."""
        ...

    async def keep(self, uuid: str, owner: str, kind: str, facts: Mapping[str, Any]) -> None:
        """Merge facts into the row of a CloudStack object; a None removes a fact."""
        ...

    async def drop(self, uuid: str) -> None:
        """Forget a CloudStack object."""
        ...

    async def objects(self, owner: str, collection: str, scope: str | None = None) -> list[dict[str, Any]]:
        """Return the GCE-only objects of a collection, by name; in every scope where `scope` is None."""
        ...

    async def object(self, owner: str, collection: str, scope: str, name: str) -> dict[str, Any] | None:
        """Return one GCE-only object."""
        ...

    async def put_object(self, owner: str, collection: str, scope: str, name: str, body: Mapping[str, Any]) -> None:
        """Create or replace a GCE-only object."""
        ...

    async def drop_object(self, owner: str, collection: str, scope: str, name: str) -> None:
        """Remove a GCE-only object."""
        ...

    async def remember_ids(self, uuids: Iterable[str]) -> None:
        """Remember the GCE ids (names.gce_id) of these CloudStack uuids, so that requests may name them by id."""
        ...

    async def uuid_of(self, gce_id: str) -> str | None:
        """Return the CloudStack uuid whose GCE id this is, when it was ever shown."""
        ...
