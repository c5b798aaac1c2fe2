"""instances.attachDisk, detachDisk and setDiskAutoDelete <-> attachVolume, detachVolume and facts of the sidecar.

A free disk can be attached to a running or stopped instance. It becomes the boot disk (CloudStack's device 0) only of a
stopped instance without a boot disk. The sidecar keeps the device name: CloudStack chooses device numbers, and the
guest has its own names for disks. When CloudStack detaches a boot disk, it becomes a data volume called `ROOT-54`, so
its GCE name is stored first. CloudStack also forgets when a volume was attached, so the sidecar keeps that, too. Only
the sidecar knows whether a disk is deleted with its machine; `gcloud compute instances delete --delete-disks=all` sets
this for each disk at once.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.target import (
    Instance,
    begin,
    check_settled,
    check_stopped,
    disks_of,
    find_instance,
    queued,
)
from gstack.resources.inventory import volumes
from gstack.resources.inventory.instances import AttachedDisk, device_name
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import check_device_name
from gstack.resources.steps import volumes as volume_steps

MOST_DISKS = 16  # CloudStack's highest device numbers differ by hypervisor; all take this many
_REFUSED = refused.DISK | {
    "initializeParams": "attachDisk only attaches existing disks. Create it with disks.insert, then send its source.",
}
_ATTACHABLE = frozenset({"Ready", "Allocated", "Uploaded"})  # states of volumes


class Attach(msgspec.Struct, frozen=True):
    """A volume to attach; `device` is 0 for a boot disk. `facts` are about the disk and how it is attached."""

    machine_id: str
    volume_id: str
    zone_id: str
    device: int | None
    facts: dict[str, Any]


@serves("compute.instances.attachDisk")
async def attach_disk(call: Call) -> dict[str, Any]:
    instance, body = await find_instance(call), call.body
    check_settled(call, instance)
    refused.refuse(body, _REFUSED, "resource")
    for message in refused.without_effect(body, refused.DISK_NO_EFFECT, "resource"):
        call.warn(refused.IGNORED, message)
    if call.params.get("forceAttach"):
        raise Problem.unsupported("forceAttach", _REFUSED["forceAttach"])
    if not body.get("source"):
        raise Problem.required("resource.source")
    found = await volumes.resolve_disk(call, instance.location, body["source"], "resource.source")
    volumes.check_unused(call, found, instance.location)
    check_size(body.get("diskSizeGb"), found.volume, "resource")
    path = f"{instance.scope}/disks/{found.name}"
    if found.volume.state not in _ATTACHABLE:
        raise Problem.not_ready(call.resource(path))
    disks = await disks_of(call, instance.machine.id)
    if body.get("boot"):
        if any(disk.volume.type == ROOT for disk in disks):
            raise Problem.invalid("resource.boot", "'true'. The instance already has a boot disk. Detach it first.")
        check_stopped(call, instance, "a boot disk is attached")
    facts = {
        "name": found.name,
        "device_name": _new_device_name(disks, body.get("deviceName", "")),
        "auto_delete": bool(body.get("autoDelete", False)),
    }
    device = volume_steps.BOOT if body.get("boot") else None
    request = Attach(instance.machine.id, found.volume.id, instance.location.id, device, facts)
    return await begin(call, attach, instance, request, (path,))


def check_size(size_gb: str | int | None, volume: Volume, field: str) -> None:
    """400 if a request gives an existing disk another size: attaching does not resize it."""
    if size_gb and int(size_gb) != volume.gigabytes:
        text = f"'{size_gb}'. The disk has {volume.gigabytes} GB: grow it with disks.resize."
        raise Problem.invalid(f"{field}.diskSizeGb", text)


def check_count(count: int, field: str) -> None:
    """400 where an instance is to have more disks than every hypervisor takes."""
    if count > MOST_DISKS:
        raise Problem.invalid(field, f"an instance has at most {MOST_DISKS} disks here.")


def _new_device_name(disks: Sequence[AttachedDisk], sent: str) -> str:
    """The device name, which no other disk of the instance may have; if none is sent, one of Google's pattern."""
    taken = {device_name(disk, index) for index, disk in enumerate(disks)}
    check_count(len(disks) + 1, "resource")
    if not sent:
        numbers = range(len(disks), MOST_DISKS * 2)
        return next(name for number in numbers if (name := f"persistent-disk-{number}") not in taken)
    if sent in taken:
        raise Problem.invalid("resource.deviceName", f"'{sent}'. Another disk of the instance has this device name.")
    return check_device_name(sent, "resource.deviceName")


@work("instances.attachDisk", Attach)
async def attach(op: Op, request: Attach) -> None:
    """Attach the volume, and keep how it is attached."""
    kind = volumes.kind(request.zone_id)
    # A boot disk without a name of its own would take its machine's.
    await op.keep("name", request.volume_id, kind, {"name": request.facts["name"]})
    await volume_steps.attach(op, "attach", request.volume_id, request.machine_id, request.device)
    await op.keep("facts", request.volume_id, kind, request.facts)


class Detach(msgspec.Struct, frozen=True):
    """A volume to detach: its GCE name, and when it was attached."""

    volume_id: str
    zone_id: str
    disk: str
    attached: str


@serves("compute.instances.detachDisk")
async def detach_disk(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_settled(call, instance)
    disk = await _find_device(call, instance)
    volume = disk.volume
    if volume.type == ROOT:
        check_stopped(call, instance, "its boot disk is detached")
    request = Detach(volume.id, instance.location.id, disk.name, volumes.last_attach(volume, disk.facts))
    return await begin(call, detach, instance, request, (f"{instance.scope}/disks/{disk.name}",))


@work("instances.detachDisk", Detach)
async def detach(op: Op, request: Detach) -> None:
    """Store the name, detach the volume, and store when it was detached."""
    volume_id, kind = request.volume_id, volumes.kind(request.zone_id)
    await op.keep("name", volume_id, kind, {"name": request.disk})
    await volume_steps.detach(op, "detach", volume_id)
    await op.keep("facts", volume_id, kind, volume_steps.detached_facts(request.disk, request.attached))


class AutoDelete(msgspec.Struct, frozen=True):
    """Whether a volume is to go with its machine."""

    volume_id: str
    kind: str
    auto_delete: bool


@serves("compute.instances.setDiskAutoDelete")
async def set_disk_auto_delete(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    disk = await _find_device(call, instance)
    request = AutoDelete(disk.volume.id, volumes.kind(instance.location.id), bool(call.params["autoDelete"]))
    return await begin(call, change_auto_delete, instance, request, (f"{instance.scope}/disks/{disk.name}",))


@queued
@work("instances.setDiskAutoDelete", AutoDelete)
async def change_auto_delete(op: Op, request: AutoDelete) -> None:
    """Keep the fact."""
    await op.keep("keep", request.volume_id, request.kind, {"auto_delete": request.auto_delete})


async def _find_device(call: Call, instance: Instance) -> AttachedDisk:
    """The disk of the instance with the device name in the URL's query; 400 if there is none."""
    name = call.params["deviceName"]
    disks = await disks_of(call, instance.machine.id)
    disk = next((disk for index, disk in enumerate(disks) if device_name(disk, index) == name), None)
    if disk is None:
        raise Problem.invalid("deviceName", f"'{name}'. No attached disk found with device name '{name}'.")
    return disk
