"""instances.attachDisk <-> attachVolume: a disk that exists and that no instance has, to a running or stopped one.

As the boot disk (CloudStack's device 0) only to an instance that is stopped and has none. The device name is kept in
the sidecar: CloudStack chooses device numbers, and the guest's names of disks are its own.
"""

from collections.abc import Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.disks_asked import MOST_DISKS, check_size_kept, checked_device
from gstack.resources.compute.instances.lookup import parts_of
from gstack.resources.compute.instances.subject import Subject, begin, check_settled, check_stopped, wanted
from gstack.resources.compute.instances.to_gce import Part, device_name
from gstack.resources.inventory import volumes
from gstack.resources.inventory.volumes import FoundDisk
from gstack.resources.shared import refused as policy
from gstack.resources.steps import volumes as volume_work

_REFUSED = policy.DISK | {
    "initializeParams": "attachDisk attaches a disk that exists. Make it with disks.insert first, and send its source.",
}
_STILL = frozenset({"Ready", "Allocated", "Uploaded"})  # CloudStack's states in which a volume can be attached


@serves("compute.instances.attachDisk")
async def attach_disk(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    body = call.body
    policy.refuse(body, _REFUSED, "resource")
    for message in policy.without_effect(body, policy.DISK_NO_EFFECT, "resource"):
        call.warn(policy.IGNORED, message)
    if call.params.get("forceAttach"):
        raise Problem.unsupported("forceAttach", _REFUSED["forceAttach"])
    if not body.get("source"):
        raise Problem.required("resource.source")
    disk = await volumes.resolve_disk(call, subject.location, body["source"], "resource.source")
    volumes.check_unused(call, disk, subject.location)
    check_size_kept(body, disk.volume, "resource")
    _check_state(call, subject, disk)
    parts = await parts_of(call, subject.machine.id)
    if body.get("boot"):
        _check_boot(call, subject, parts)
    facts = {
        "name": disk.name,
        "device_name": _device(parts, body.get("deviceName", "")),
        "auto_delete": bool(body.get("autoDelete", False)),
    }
    args = {
        "volume_id": disk.volume.id,
        "zone_id": subject.location.id,
        "device": volume_work.BOOT if body.get("boot") else None,
        "facts": facts,
    }
    return await begin(call, attach, subject, args, holds=(f"{subject.scope}/disks/{disk.name}",))


@work("instances.attachDisk")
async def attach(op: Op) -> None:
    """Attach the volume, and keep how it is attached."""
    args = op.args
    name = {"name": args["facts"]["name"]}  # a boot disk would be called as its machine is
    await volume_work.keep(op, "name", args["volume_id"], args["zone_id"], name)
    await volume_work.attach(op, "attach", args["volume_id"], args["machine_id"], args["device"])
    await volume_work.keep(op, "facts", args["volume_id"], args["zone_id"], args["facts"])


def _check_state(call: Call, subject: Subject, disk: FoundDisk) -> None:
    if disk.volume.state not in _STILL:
        raise Problem.not_ready(call.resource(f"{subject.scope}/disks/{disk.name}"))


def _check_boot(call: Call, subject: Subject, parts: Sequence[Part]) -> None:
    if any(part.volume.type == volumes.ROOT for part in parts):
        raise Problem.invalid("resource.boot", "'true'. The instance has a boot disk already. Detach that first.")
    check_stopped(call, subject, "a boot disk is attached")


def _device(parts: Sequence[Part], sent: str) -> str:
    """The device name, which no other disk of the instance may have; Google's pattern where none is sent."""
    taken = {device_name(part, index) for index, part in enumerate(parts)}
    if len(parts) >= MOST_DISKS:
        raise Problem.invalid("resource", f"an instance has at most {MOST_DISKS} disks here.")
    if not sent:
        return next(name for number in range(len(parts), MOST_DISKS * 2) if (name := _default(number)) not in taken)
    if sent in taken:
        raise Problem.invalid("resource.deviceName", f"'{sent}'. Another disk of the instance has this device name.")
    return checked_device(sent, "resource.deviceName")


def _default(number: int) -> str:
    return f"persistent-disk-{number}"
