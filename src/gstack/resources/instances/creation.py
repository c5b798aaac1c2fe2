"""Steps that make a machine and what belongs to it. Each looks for its own result before it is sent twice."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.resources.instances.plan import DiskPlan
from gstack.resources.machines import VirtualMachine
from gstack.resources.naming import labels_to_tags
from gstack.resources.volumes import ROOT, Volume

_PAUSE = 1.0  # seconds between two looks at a machine whose deployment nobody told the end of
_LOOKS = 120
_IDLE_LOOKS = 15  # a machine that stands still for so long has lost its job: start it


@dataclass
class Made:
    """What an insert has made so far: the machine's uuid, and (step, GCE name, uuid) of each data volume."""

    machine_id: str = ""
    volumes: list[tuple[str, str, str]] = field(default_factory=list)


async def machine_called(op: Op, zone_id: str, host: str, display: str) -> Mapping[str, Any] | None:
    """Find a machine by host name and displayname, as a deployment's job would have answered it."""
    narrowed = {"zoneid": zone_id, "name": host}
    found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], narrowed)
    return next((one for one in found if one.get("displayname") == display), None)


async def started(op: Op, machine: VirtualMachine) -> VirtualMachine:
    """Return the machine once it runs. It does already, unless the answer of its deployment was lost."""
    if machine.state == "Running":
        return machine
    found = await op.decide("started", lambda: _settled(op, machine.id))
    if found["state"] == "Stopped":
        started = await op.run("start", "startVirtualMachine", {"id": machine.id}, probe=_running(machine.id))
        return _decoded(started)
    if found["state"] != "Running":
        raise Problem.exhausted(f"CloudStack could not start the machine (state {found['state']}).")
    return _decoded(found)


async def root_of(op: Op, machine_id: str) -> str:
    """The uuid of a machine's root volume."""

    async def look() -> str:
        narrowed = {"virtualmachineid": machine_id, "type": ROOT}
        return (await op.cloudstack.list_all("listVolumes", Volume, narrowed))[0].id

    return await op.decide("root", look)


async def write_down(op: Op, step: str, uuid: str, kind: str, facts: Mapping[str, Any]) -> None:
    """Keep facts in the sidecar."""

    async def write() -> bool:
        await op.sidecar.keep(uuid, op.operation.owner, kind, facts)
        return True

    await op.decide(step, write)


async def label(op: Op, step: str, resource: str, uuid: str, labels: Mapping[str, str]) -> None:
    """Tag a new resource with its labels; `resource` is CloudStack's type. createTags is all or nothing."""
    if not labels:
        return
    tags = labels_to_tags(labels)

    async def tagged(op: Op) -> Mapping[str, Any] | None:
        narrowed = {"resourceid": uuid, "resourcetype": resource}
        known = await op.cloudstack.list_all("listTags", dict[str, Any], narrowed)
        return {} if {tag["key"] for tag in tags} <= {tag["key"] for tag in known} else None

    parameters = {"resourcetype": resource, "resourceids": uuid, "tags": tags}
    await op.run(step, "createTags", parameters, probe=tagged)


async def add_disk(op: Op, step: str, zone_id: str, disk: DiskPlan, machine_id: str, made: Made) -> str:
    """Make a data volume, unless it exists, and attach it; return its uuid."""
    volume_id = disk.volume_id or await _made(op, step, zone_id, disk)
    if not disk.volume_id:
        made.volumes.append((step, disk.name, volume_id))
    parameters = {"id": volume_id, "virtualmachineid": machine_id}
    await op.run(f"{step}-attach", "attachVolume", parameters, probe=_attached(volume_id, machine_id))
    await label(op, f"{step}-labels", "Volume", volume_id, disk.labels)
    return volume_id


async def _made(op: Op, step: str, zone_id: str, disk: DiskPlan) -> str:
    async def arrived(op: Op) -> Mapping[str, Any] | None:
        narrowed = {"zoneid": zone_id, "name": disk.name}
        found = await op.cloudstack.list_all("listVolumes", Volume, narrowed)
        return next(({"id": one.id} for one in found if one.shown and not one.virtualmachineid), None)

    parameters = {
        "zoneid": zone_id,
        "name": disk.name,
        "diskofferingid": disk.offering_id,
        "size": disk.size_gb,
    }
    return str((await op.run(f"{step}-make", "createVolume", parameters, probe=arrived))["id"])


async def failed_machines(op: Op, zone_id: str, hosts: Iterable[str], display: str) -> list[str]:
    """The uuids of what failed deployments left: machines of these names in the state Error, and no others."""

    async def look() -> list[str]:
        found = [await machine_called(op, zone_id, host, display) for host in sorted(hosts)]
        return [str(one["id"]) for one in found if one and one.get("state") == "Error"]

    return await op.decide("undo-failed", look)


async def remove_disk(op: Op, step: str, volume_id: str) -> None:
    """Delete a volume that no machine has."""

    async def gone(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVolumes", Volume, {"id": volume_id})
        return None if any(one.shown for one in found) else {}

    await op.run(step, "deleteVolume", {"id": volume_id}, probe=gone)


async def _settled(op: Op, machine_id: str) -> dict[str, Any]:
    """Look until the machine runs, has failed, or stands still."""
    found: dict[str, Any] = {"state": "Gone"}
    for look in range(_LOOKS):
        listed = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], {"id": machine_id})
        found = listed[0] if listed else {"state": "Gone"}
        if found["state"] not in {"Starting", "Stopped"} or (found["state"] == "Stopped" and look >= _IDLE_LOOKS):
            return found
        await asyncio.sleep(_PAUSE)
    return found


def _running(machine_id: str) -> Any:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], {"id": machine_id})
        return next((one for one in found if one["state"] == "Running"), None)

    return probe


def _attached(volume_id: str, machine_id: str) -> Any:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVolumes", Volume, {"id": volume_id})
        return next(({"id": one.id} for one in found if one.virtualmachineid == machine_id), None)

    return probe


def _decoded(machine: Mapping[str, Any]) -> VirtualMachine:
    return msgspec.convert(machine, VirtualMachine)
