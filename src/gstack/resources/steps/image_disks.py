"""Disks made of images, for good or to make an image of, by a machine that lives for a moment: the maker.

CloudStack puts a template on storage only when a machine of it starts: `createVolume` takes a snapshot or nothing, and
the volume of a machine that was deployed with `startvm=false` is in no storage (state Allocated), so it would come
blank. So a machine of the image is deployed and stopped at once, its root volume is taken off, which makes it a data
disk that knows its template and can be booted from, and the machine is destroyed. The image was booted then: for a
second or so, without user data, where nobody reaches it and it reaches nobody. The operation's warning says so.

A maker is no instance: its displayname hides it (machines.TOOL). It holds nothing that anybody wants: its host name is
of its operation alone, it begins in the account's spare network or group, and stays there until it is expunged. It is
never left: what fails destroys it and its disk; what still is there then is named.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.operations.nested import Nested
from gstack.resources.inventory import machines
from gstack.resources.inventory.image_disks import ImageDiskSpec
from gstack.resources.inventory.machines import GONE, VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.shared.naming import suffix
from gstack.resources.steps import deployment, removal, spare_group, spare_network
from gstack.resources.steps import volumes as volume_work
from gstack.resources.steps.probes import in_state

WARNED = "EXTERNAL_API_WARNING"  # Google's code
_BOOTED = (
    "was made by booting its image once, for a moment, without network and user data: CloudStack has no other way. "
    "What the image does first when it boots may have begun on the disk."
)
_STORED = (
    "The disk {name} was never attached, so it was on no storage. It was attached to a temporary machine for a moment: "
    "CloudStack has no other way."
)
_FAILED = "CloudStack makes a disk of an image only with a machine that runs for a moment, and that failed: "


async def make(op: Op, step: str, name: str, wish: ImageDiskSpec, facts: Mapping[str, Any]) -> str:
    """Make the disk and write its facts down; its uuid. Nothing is left where that fails."""
    inside = Nested(op, f"{step}-maker", {})
    maker = _Maker(inside, name, wish)
    try:
        volume_id = await maker.made(facts)
    except Problem as problem:
        await maker.taken_back()
        raise _explained(problem) from problem
    await maker.dismissed("dismiss", maker.machine_id)
    await op.warn(WARNED, f"The disk {name} {_BOOTED}")
    return volume_id


async def put_on_storage(op: Op, step: str, volume_id: str, name: str, spec: ImageDiskSpec) -> None:
    """Put a blank volume on storage: CloudStack does that when a machine gets it, so a temporary machine gets it once.

    `name` is the disk's.
    """

    async def attach_once(root_id: str) -> str:
        async def machine_of_root() -> str:
            found = await op.cloudstack.list_all("listVolumes", Volume, {"id": root_id})
            return next((one.virtualmachineid for one in found), "")

        machine_id = await op.decide(f"{step}-machine", machine_of_root)
        await volume_work.attach(op, f"{step}-attach", volume_id, machine_id)
        await volume_work.detach(op, f"{step}-detach", volume_id)
        return volume_id

    await lend(op, step, f"the disk {name}", spec, attach_once, _STORED.format(name=name))


async def lend(
    op: Op, step: str, name: str, wish: ImageDiskSpec, use: Callable[[str], Awaitable[str]], warning: str = ""
) -> str:
    """Let `use` have a disk of the image for a while (its uuid); what that returns. Nothing of the disk is left.

    The disk stays with its stopped machine, so that nobody sees it. `name` is that of what is made of it.
    """
    maker = _Maker(Nested(op, f"{step}-maker", {}), name, wish)
    try:
        used = await use(await maker.lent())
    except Problem:
        await maker.taken_back()
        raise
    await maker.dismissed("dismiss", maker.machine_id)
    await op.warn(WARNED, warning or f"{name} {_BOOTED}")
    return used


def host_name(op: Op, name: str) -> str:
    """The maker's host name: of this operation and disk alone, so that nothing has it, and the same after a restart."""
    return f"gstack-maker-{op.operation.id}-{suffix(name)}"


class _Maker:
    """The machine that makes one disk, and what is known of it so far."""

    def __init__(self, op: Op, name: str, wish: ImageDiskSpec) -> None:
        self.op, self.name, self.wish = op, name, wish
        self.host, self.display = host_name(op, name), f"{machines.TOOL}makes the disk {name}"
        self.machine_id = self.volume_id = ""

    async def made(self, facts: Mapping[str, Any]) -> str:
        op, zone_id = self.op, self.wish.zone_id
        self.volume_id = await self._imaged()
        await volume_work.keep(op, "facts", self.volume_id, zone_id, facts)  # so that it never shows as ROOT-54
        await volume_work.detach(op, "detach", self.volume_id)
        await volume_work.keep(op, "facts-again", self.volume_id, zone_id, facts)  # who looked meanwhile found no disk
        return self.volume_id

    async def lent(self) -> str:
        """The uuid of the volume with the image, which goes with the machine."""
        try:
            return await self._imaged()
        except Problem as problem:
            raise _explained(problem) from problem

    async def _imaged(self) -> str:
        """Deploy the machine and stop it; the uuid of its root volume."""
        op = self.op
        answer = await op.run("deploy", "deployVirtualMachine", await self._parameters(), probe=self._arrived)
        self.machine_id = str(answer["id"])
        await deployment.started(op, msgspec.convert(answer, VirtualMachine))
        await self._stop()
        return await op.decide("volume", self._filled)

    async def _parameters(self) -> dict[str, object]:
        wish = self.wish
        sizes = {"cpuNumber": wish.machine.cpu, "memory": wish.machine.memory_mb, "cpuSpeed": wish.machine.cpu_speed}
        return {
            "zoneid": wish.zone_id,
            "serviceofferingid": wish.machine.offering_id,
            "templateid": wish.template_id,
            "name": self.host,
            "displayname": self.display,
            "details": {name: size for name, size in sizes.items() if size is not None} or None,
            "rootdisksize": wish.size_gb,
            "overridediskofferingid": wish.offering_id or None,
            **await self._place(),
        }

    async def _place(self) -> dict[str, object]:
        if self.wish.security_groups:
            return {"securitygroupids": (await spare_group.group(self.op, "group"),)}
        network_id = await spare_network.network(self.op, "network", self.wish.zone_id)
        if not network_id:
            raise Problem.exhausted("the cloud offers no L2 network (any more).")
        return {"networkids": (network_id,)}

    async def _arrived(self, op: Op) -> Mapping[str, Any] | None:
        return await deployment.machine_called(op, self.wish.zone_id, self.host, self.display)

    async def _stop(self) -> None:
        stopped = in_state(self.machine_id, "Stopped", passing="Stopping")
        await self.op.run("stop", "stopVirtualMachine", {"id": self.machine_id, "forced": True}, probe=stopped)

    async def _filled(self) -> str:
        """The uuid of the root volume; it must be on storage, or the disk would be blank."""
        narrowed = {"virtualmachineid": self.machine_id, "type": ROOT}
        found = await self.op.cloudstack.list_all("listVolumes", Volume, narrowed)
        ready = next((one.id for one in found if one.state == "Ready"), "")
        if not ready:
            raise Problem.exhausted("CloudStack did not put the image on the disk.")
        return ready

    async def taken_back(self) -> None:
        """Destroy the maker, in whatever state, and the disk."""
        op = self.op
        for machine_id in await op.decide("left", self._left):
            await self.dismissed(f"undo-{machine_id[:8]}", machine_id)
        if not self.volume_id:
            return
        if await op.decide("left-volume", self._left_volume):
            await self._delete()
        await op.forget("undo-facts", self.volume_id)

    async def _left(self) -> list[str]:
        narrowed = {"zoneid": self.wish.zone_id, "name": self.host}
        found = await self.op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
        return [one.id for one in found if one.displayname == self.display and one.state not in GONE]

    async def _left_volume(self) -> bool:
        """Whether the disk was taken from the maker already: else it goes with that."""
        found = await self.op.cloudstack.list_all("listVolumes", Volume, {"id": self.volume_id})
        return any(one.shown and not one.virtualmachineid for one in found)

    async def _delete(self) -> None:
        try:
            await volume_work.delete(self.op, "undo-volume", self.volume_id)
        except Problem as problem:
            await self.op.warn("CLEANUP_FAILED", f"The disk {self.name} could not be removed: {problem.message}")

    async def dismissed(self, step: str, machine_id: str) -> None:
        """Destroy the maker; twice where it will not go, and then the operation says what is left."""
        try:
            await removal.discard(self.op, step, machine_id)
        except Problem:
            await self._dismissed_again(f"{step}-again", machine_id)

    async def _dismissed_again(self, step: str, machine_id: str) -> None:
        try:
            await removal.discard(self.op, step, machine_id)
        except Problem as problem:
            left = (
                f"The virtual machine {self.host} of CloudStack, which made the disk {self.name}, could not be removed"
            )
            await self.op.warn("CLEANUP_FAILED", f"{left}: {problem.message}")


def _explained(problem: Problem) -> Problem:
    """The problem with what it has to do with a disk: its own words speak of machines."""
    text = f"{_FAILED}{problem.message}"
    return Problem(problem.status, problem.reason, text, code=problem.code, internal=problem.internal)
