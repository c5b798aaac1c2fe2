"""Makes disks from images with a temporary machine, to keep them or to make another image from them.

CloudStack puts a template on storage only when a machine of it starts. `createVolume` takes a snapshot or nothing, and
the volume of a machine that was deployed with `startvm=false` is on no storage (state Allocated), so it would come
blank. So a machine of the image is deployed and stopped at once. Its root volume is detached, which makes it a data
disk that knows its template and can be booted from, and the machine is destroyed. The image has booted then, for a
second or so, without user data, in a place where nobody reaches it and it reaches nobody (parking). The operation's
warning says so.

A temporary machine is not an instance: its displayname hides it (machines.TOOL). It holds nothing that must be free
again: its host name belongs to one operation, and it stays parked until it is expunged. It is never left: if a step
fails, it is destroyed with its disk, and what will not go is named.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.operations.nested import Nested
from gstack.operations.recipes import undoing
from gstack.resources.inventory import volumes
from gstack.resources.inventory.image_disks import ImageDiskSpec
from gstack.resources.inventory.machines import GONE, TOOL, VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.shared.naming import suffix
from gstack.resources.steps import machines, parking
from gstack.resources.steps import volumes as volume_steps

WARNED = "EXTERNAL_API_WARNING"  # Google's code
_BOOTED = (
    "was made by booting its image once, briefly, without network and user data: CloudStack has no other way. "
    "The image may have begun its first-boot setup on the disk."
)
_STORED = (
    "The disk {name} was never attached, so it was on no storage. It was attached to a temporary machine for a moment: "
    "CloudStack has no other way."
)
_FAILED = "CloudStack makes a disk from an image only with a temporary machine, and that failed: "


async def make(op: Op, step: str, name: str, spec: ImageDiskSpec, facts: Mapping[str, Any]) -> str:
    """Make the disk and keep its facts; return its uuid. Nothing is left where that fails."""
    machine = _TemporaryMachine(Nested(op, f"{step}-maker"), name, spec)
    try:
        volume_id = await machine.make_disk(facts)
    except Problem as problem:
        await machine.take_back()
        raise _explained(problem) from problem
    await machine.destroy("dismiss", machine.machine_id)
    await op.warn(WARNED, f"The disk {name} {_BOOTED}")
    return volume_id


async def put_on_storage(op: Op, step: str, volume_id: str, name: str, spec: ImageDiskSpec) -> None:
    """Put a blank volume on storage by attaching it once to a temporary machine: CloudStack has no other way.

    `name` is the disk's.
    """

    async def attach_once(root_id: str) -> str:
        async def machine_of_root() -> str:
            found = await op.cloudstack.list_all("listVolumes", Volume, {"id": root_id})
            return next((one.virtualmachineid for one in found), "")

        machine_id = await op.decide(f"{step}-machine", machine_of_root)
        await volume_steps.attach(op, f"{step}-attach", volume_id, machine_id)
        await volume_steps.detach(op, f"{step}-detach", volume_id)
        return volume_id

    await lend(op, step, f"the disk {name}", spec, attach_once, _STORED.format(name=name))


async def lend(
    op: Op, step: str, name: str, spec: ImageDiskSpec, use: Callable[[str], Awaitable[str]], warning: str = ""
) -> str:
    """Hand `use` the uuid of a disk of the image for a while; return what it returns. Nothing of the disk is left.

    The disk stays with its stopped machine, so that nobody sees it. `name` is that of what is made of it.
    """
    machine = _TemporaryMachine(Nested(op, f"{step}-maker"), name, spec)
    try:
        try:
            volume_id = await machine.image_on_disk()
        except Problem as problem:
            raise _explained(problem) from problem
        result = await use(volume_id)
    except Problem:
        await machine.take_back()
        raise
    await machine.destroy("dismiss", machine.machine_id)
    await op.warn(WARNED, warning or f"{name} {_BOOTED}")
    return result


def host_name(op: Op, name: str) -> str:
    """The temporary machine's host name: of one operation and disk alone, and the same after a restart."""
    return f"gstack-maker-{op.operation.id}-{suffix(name)}"


class _TemporaryMachine:
    """The machine that puts the image on one disk. `machine_id` and `volume_id` are empty until they are known."""

    def __init__(self, op: Op, name: str, spec: ImageDiskSpec) -> None:
        self.op, self.name, self.spec = op, name, spec
        self.host, self.display = host_name(op, name), f"{TOOL}makes the disk {name}"
        self.machine_id = self.volume_id = ""

    async def make_disk(self, facts: Mapping[str, Any]) -> str:
        """Make the disk and detach it; return its uuid."""
        op, kind = self.op, volumes.kind(self.spec.zone_id)
        self.volume_id = await self.image_on_disk()
        await op.keep("facts", self.volume_id, kind, facts)  # before it can be seen as ROOT-54
        await volume_steps.detach(op, "detach", self.volume_id)
        await op.keep("facts-again", self.volume_id, kind, facts)  # a lookup meanwhile found no disk and dropped them
        return self.volume_id

    async def image_on_disk(self) -> str:
        """Deploy the machine and stop it; return the uuid of its root volume."""
        op, spec = self.op, self.spec

        async def deployed(op: Op) -> Mapping[str, Any] | None:
            return await machines.find(op, spec.zone_id, self.host, self.display)

        parameters = {
            "zoneid": spec.zone_id,
            "serviceofferingid": spec.machine.offering_id,
            "templateid": spec.template_id,
            "name": self.host,
            "displayname": self.display,
            "details": spec.machine.details,
            "rootdisksize": spec.size_gb,
            "overridediskofferingid": spec.offering_id or None,
            **await self._place(),
        }
        answer = await op.run("deploy", "deployVirtualMachine", parameters, probe=deployed)
        self.machine_id = str(answer["id"])
        await machines.running(op, msgspec.convert(answer, VirtualMachine))
        await machines.stop(op, "stop", self.machine_id)
        return await op.decide("volume", self._stored_volume)

    async def _place(self) -> dict[str, object]:
        if self.spec.security_groups:
            return {"securitygroupids": (await parking.group(self.op, "group"),)}
        network_id = await parking.network(self.op, "network", self.spec.zone_id)
        if not network_id:
            raise Problem.exhausted("the cloud offers no L2 network now.")
        return {"networkids": (network_id,)}

    async def _stored_volume(self) -> str:
        """The uuid of the root volume, which must be on storage: it would be blank otherwise."""
        narrowed = {"virtualmachineid": self.machine_id, "type": ROOT}
        found = await self.op.cloudstack.list_all("listVolumes", Volume, narrowed)
        ready = next((one.id for one in found if one.state == "Ready"), "")
        if not ready:
            raise Problem.exhausted("CloudStack did not put the image on the disk.")
        return ready

    async def take_back(self) -> None:
        """Destroy the machine, in whatever state, and the disk."""
        op = self.op

        async def machines_left() -> list[str]:
            narrowed = {"zoneid": self.spec.zone_id, "name": self.host}
            found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
            return [one.id for one in found if one.displayname == self.display and one.state not in GONE]

        async def volume_left() -> bool:
            """Whether the disk is detached already: else it goes with the machine."""
            found = await op.cloudstack.list_all("listVolumes", Volume, {"id": self.volume_id})
            return any(one.shown and not one.virtualmachineid for one in found)

        for machine_id in await op.decide("left", machines_left):
            await self.destroy(f"undo-{machine_id[:8]}", machine_id)
        if not self.volume_id:
            return
        if await op.decide("left-volume", volume_left):
            async with undoing(op, f"The disk {self.name} could not be removed"):
                await volume_steps.delete(op, "undo-volume", self.volume_id)
        await op.forget("undo-facts", self.volume_id)

    async def destroy(self, step: str, machine_id: str) -> None:
        """Destroy the machine. If that fails twice, the operation says what is left."""
        try:
            await machines.discard(self.op, step, machine_id)
        except Problem:
            machine = f"The virtual machine {self.host} of CloudStack, which made the disk {self.name},"
            async with undoing(self.op, f"{machine} could not be removed"):
                await machines.discard(self.op, f"{step}-again", machine_id)


def _explained(problem: Problem) -> Problem:
    """The problem, explained: its own text speaks of machines, but the user asked for a disk."""
    text = f"{_FAILED}{problem.message}"
    return Problem(problem.status, problem.reason, text, code=problem.code, internal=problem.internal)
