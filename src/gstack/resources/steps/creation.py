"""Steps that make a machine and what belongs to it. Each looks for its own result before it is sent twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gstack.operations.model import Op
from gstack.resources.compute.instances.plan import DiskPlan
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.shared.naming import labels_to_tags
from gstack.resources.steps import deployment
from gstack.resources.steps import image_disks as makers
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_work
from gstack.resources.steps.probes import in_state
from gstack.resources.steps.volumes import NewVolume


@dataclass
class Made:
    """What an insert has made so far: the uuids of machine and boot disk, (step, GCE name, uuid) of other volumes.

    `boot_id` is the boot disk that CloudStack did not make with the machine: one that exists, or one of a snapshot.
    """

    machine_id: str = ""
    root_id: str = ""
    boot_id: str = ""
    volumes: list[tuple[str, str, str]] = field(default_factory=list)


async def boot_disk(op: Op, boot: DiskPlan, zone_id: str, made: Made) -> str:
    """The uuid of the boot disk that there is or is made first; empty where CloudStack makes it with the machine."""
    if not boot.snapshot_id:
        return boot.volume_id
    volume_id = await volume_work.make(op, "boot", _new(boot, zone_id))
    made.volumes.append(("boot", boot.name, volume_id))
    return volume_id


async def started_from(op: Op, made: Made) -> VirtualMachine:
    """Put the boot disk in the place of the one that came with the machine, which was never used, and start it."""
    own = await deployment.root_of(op, made.machine_id)
    await volume_work.detach(op, "boot-own-detach", own)
    made.volumes.append(("boot-own", "that CloudStack made with the machine", own))
    await volume_work.delete(op, "boot-own-delete", own)
    made.volumes.pop()
    await volume_work.attach(op, "boot-attach", made.boot_id, made.machine_id, volume_work.BOOT)
    running = in_state(made.machine_id, "Running", passing="Starting")
    return _decoded(await op.run("boot-start", "startVirtualMachine", {"id": made.machine_id}, probe=running))


async def write_down(op: Op, step: str, uuid: str, kind: str, facts: Mapping[str, Any]) -> None:
    """Keep facts in the sidecar."""

    async def write() -> bool:
        await op.sidecar.keep(uuid, op.operation.owner, kind, facts)
        return True

    await op.decide(step, write)


async def add_disk(op: Op, step: str, zone_id: str, disk: DiskPlan, machine_id: str, made: Made) -> str:
    """Make a data volume, unless it exists, and attach it; return its uuid."""
    volume_id = disk.volume_id or await _made(op, step, zone_id, disk)
    if not disk.volume_id:
        made.volumes.append((step, disk.name, volume_id))
    await volume_work.attach(op, f"{step}-attach", volume_id, machine_id)
    await tagging.add(op, f"{step}-labels", volume_work.RESOURCE, volume_id, labels_to_tags(disk.labels))
    return volume_id


async def _made(op: Op, step: str, zone_id: str, disk: DiskPlan) -> str:
    if disk.making:
        return await makers.make(op, step, disk.name, disk.making, disk.facts)
    return await volume_work.make(op, step, _new(disk, zone_id))


def _new(disk: DiskPlan, zone_id: str) -> NewVolume:
    return NewVolume(disk.name, zone_id, disk.offering_id, disk.size_gb, disk.snapshot_id)


def _decoded(machine: Mapping[str, Any]) -> VirtualMachine:
    return msgspec.convert(machine, VirtualMachine)
