"""CloudStack's snapshots of volumes, the names they have as Google's snapshots, and how one is found.

A snapshot's GCE name is in the sidecar, else it is the slug of its CloudStack name (a snapshot policy gives names like
`vm1_ROOT-54_20260101120000`). CloudStack's snapshots are zonal and may share a name; Google's are global, and a name is
unique in a project. CloudStack finds a deleted snapshot by its id, in state Destroyed; it is not shown here. Nor are
temporary snapshots, whose names Google would not accept. `virtualsize` is the present size of the volume, so the
sidecar keeps the size at the time of the snapshot.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.resources.inventory import finding
from gstack.resources.inventory.accounts import project_of
from gstack.resources.inventory.machines import OWN, Facts, names_beside
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.zones import Location, locations_of
from gstack.resources.shared.naming import gce_id
from gstack.resources.shared.references import parse_reference
from gstack.resources.shared.sizes import gigabytes

KIND = "snapshots"  # the sidecar's kind
RESOURCE = "Snapshot"  # CloudStack's type, for tags
READY, FAILED = "BackedUp", "Error"
TEMPORARY = "gstack.image."  # begins the names of temporary snapshots
_GONE = frozenset({"Destroyed"})


class VolumeSnapshot(msgspec.Struct, frozen=True):
    """A snapshot as CloudStack's listSnapshots answers it. Sizes are in bytes."""

    id: str
    name: str = ""
    zoneid: str = ""
    volumeid: str = ""
    volumename: str = ""
    volumetype: str = ""
    state: str = ""
    created: str = ""
    intervaltype: str = ""
    physicalsize: int = 0
    virtualsize: int = 0
    ostypeid: str = ""
    tags: tuple[dict[str, Any], ...] = ()

    @property
    def shown(self) -> bool:
        """Whether this is a snapshot at all."""
        return self.state not in _GONE and not self.name.startswith(TEMPORARY)


class FoundSnapshot(msgspec.Struct, frozen=True):
    """One snapshot with its GCE name and what the sidecar knows of it."""

    snapshot: VolumeSnapshot
    name: str
    facts: Mapping[str, Any]

    @property
    def uuid(self) -> str:
        """CloudStack's uuid of the snapshot."""
        return self.snapshot.id

    @property
    def gigabytes(self) -> int:
        """The size of the disk that it was taken of, in GB (GiB, as Google counts)."""
        return int(self.facts.get("size_gb") or gigabytes(self.snapshot.virtualsize))

    @property
    def path(self) -> str:
        """Where it stands in its project: `global/snapshots/NAME`."""
        return f"global/snapshots/{self.name}"

    @property
    def fact(self) -> dict[str, str]:
        """What the sidecar remembers of it beside a disk or an image that is made of it."""
        return {"field": "sourceSnapshot", "path": self.path, "id": gce_id(self.uuid)}


def names_of(snapshots: Iterable[VolumeSnapshot], facts: Facts) -> dict[str, str]:
    """Map uuid to GCE name, each once."""
    return names_beside([(one.id, one.name) for one in snapshots], facts)


async def find(cloudstack: Client, sidecar: Sidecar, owner: str, wanted: str) -> FoundSnapshot | None:
    """Find a snapshot by GCE name or numeric id: one call to CloudStack where the sidecar knows it."""
    return await finding.find(
        sidecar,
        owner,
        KIND,
        wanted,
        search=lambda narrowed: search(cloudstack, sidecar, narrowed),
        named=lambda name: named(cloudstack, sidecar, name),
    )


async def named(cloudstack: Client, sidecar: Sidecar, wanted: str) -> list[FoundSnapshot]:
    """Find a snapshot by its CloudStack name, else by the name that it shows: CloudStack does not know slugs."""
    exact = [one for one in await search(cloudstack, sidecar, {"name": wanted}) if one.name == wanted]
    return exact or [one for one in await search(cloudstack, sidecar, {}) if one.name == wanted]


async def search(cloudstack: Client, sidecar: Sidecar, narrowed: Mapping[str, object]) -> list[FoundSnapshot]:
    """List snapshots with what the sidecar knows of them; `narrowed` are parameters of listSnapshots."""
    return await with_names(await cloudstack.list_all("listSnapshots", VolumeSnapshot, {**OWN, **narrowed}), sidecar)


async def with_names(listed: Sequence[VolumeSnapshot], sidecar: Sidecar) -> list[FoundSnapshot]:
    """Name snapshots that were listed together. One with copies is listed once for each: the one that is ready."""
    unique = {one.id: one for one in sorted(listed, key=lambda one: one.state == READY) if one.shown}
    facts = await sidecar.facts(unique)
    names = names_of(unique.values(), facts)
    return [FoundSnapshot(one, names[one.id], facts.get(one.id, {})) for one in listed if unique.get(one.id) is one]


async def resolve_snapshot(reader: Reader, text: str, field: str, location: Location | None = None) -> FoundSnapshot:
    """Find the snapshot that a field of a body names, ready to be used, and in this zone where one is given.

    Problems name the snapshot or the field.
    """
    reference = parse_reference(text)
    if not reference.can_be("snapshots") or reference.scope not in {"", "global"}:
        raise Problem.invalid(field, f"'{text}' is not a snapshot. Send global/snapshots/SNAPSHOT.")
    project = project_of(reader, reference.project)
    path = f"projects/{project}/global/snapshots/{reference.name}"
    if project != reader.project:
        raise Problem.not_found(path)
    found = await find(reader.cloudstack, reader.sidecar, reader.owner_id, reference.name)
    if found is None:
        raise Problem.not_found(path)
    if found.snapshot.state != READY:
        raise Problem.not_ready(path)
    if location and found.snapshot.zoneid != location.id:
        home = (await locations_of(reader)).of_id(found.snapshot.zoneid)
        why = f"CloudStack keeps this snapshot in zone '{home.zone if home else 'unknown'}'. Make the disk there."
        raise Problem.unsupported(field, why)
    return found
