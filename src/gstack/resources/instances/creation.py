"""Steps that make a machine and what belongs to it. Each looks for its own result before it is sent twice."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.resources import volume_work
from gstack.resources.instances.plan import DiskPlan
from gstack.resources.instances.probes import in_state
from gstack.resources.machines import VirtualMachine
from gstack.resources.naming import labels_to_tags
from gstack.resources.volume_work import NewVolume
from gstack.resources.volumes import ROOT, Volume

_PAUSE = 1.0  # seconds between two looks at a machine whose deployment nobody told the end of
_LOOKS = 120
_IDLE_LOOKS = 15  # a machine that stands still for so long has lost its job: start it


@dataclass
class Made:
    """What an insert has made so far: the uuids of machine and boot disk, (step, GCE name, uuid) of other volumes.

    `boot_id` is the boot disk that CloudStack did not make with the machine: one that exists, or one of a snapshot.
    """

    machine_id: str = ""
    root_id: str = ""
    boot_id: str = ""
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


async def boot_disk(op: Op, boot: DiskPlan, zone_id: str, made: Made) -> str:
    """The uuid of the boot disk that there is or is made first; empty where CloudStack makes it with the machine."""
    if not boot.snapshot_id:
        return boot.volume_id
    volume_id = await volume_work.make(op, "boot", _new(boot, zone_id))
    made.volumes.append(("boot", boot.name, volume_id))
    return volume_id


async def started_from(op: Op, made: Made) -> VirtualMachine:
    """Put the boot disk in the place of the one that came with the machine, which was never used, and start it."""
    own = await root_of(op, made.machine_id)
    await volume_work.detach(op, "boot-own-detach", own)
    made.volumes.append(("boot-own", "that CloudStack made with the machine", own))
    await volume_work.delete(op, "boot-own-delete", own)
    made.volumes.pop()
    await volume_work.attach(op, "boot-attach", made.boot_id, made.machine_id, volume_work.BOOT)
    running = in_state(made.machine_id, "Running", passing="Starting")
    return _decoded(await op.run("boot-start", "startVirtualMachine", {"id": made.machine_id}, probe=running))


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
    volume_id = disk.volume_id or await volume_work.make(op, step, _new(disk, zone_id))
    if not disk.volume_id:
        made.volumes.append((step, disk.name, volume_id))
    await volume_work.attach(op, f"{step}-attach", volume_id, machine_id)
    await label(op, f"{step}-labels", "Volume", volume_id, disk.labels)
    return volume_id


def _new(disk: DiskPlan, zone_id: str) -> NewVolume:
    return NewVolume(disk.name, zone_id, disk.offering_id, disk.size_gb, disk.snapshot_id)


async def failed_machines(op: Op, zone_id: str, hosts: Iterable[str], display: str) -> list[str]:
    """The uuids of what failed deployments left: machines of these names in the state Error, and no others."""

    async def look() -> list[str]:
        found = [await machine_called(op, zone_id, host, display) for host in sorted(hosts)]
        return [str(one["id"]) for one in found if one and one.get("state") == "Error"]

    return await op.decide("undo-failed", look)


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


def _decoded(machine: Mapping[str, Any]) -> VirtualMachine:
    return msgspec.convert(machine, VirtualMachine)
