"""External addresses of machines: public addresses with static NAT.

An ephemeral address comes and goes with its machine. The sidecar has a fact that says so. An address without this fact
was reserved, or somebody gave it to the machine in CloudStack: it is taken from the machine and stays with its owner.
In zones with security groups the guest address is the external one, and nothing is sent.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from gstack.cloudstack.errors import CONFLICT, INVALID, Refusal
from gstack.errors import Problem
from gstack.operations.model import Op, Probe, harmless
from gstack.operations.recipes import gone, reached
from gstack.resources.inventory.addresses import PublicAddress

KIND = "addresses"
_TRIES = 3


class _Nic(msgspec.Struct, frozen=True):
    publicipid: str = ""


class _Machine(msgspec.Struct, frozen=True):
    id: str
    nic: tuple[_Nic, ...] = ()


async def give(op: Op, step: str, place: Mapping[str, str], network_id: str, vm_id: str) -> str:
    """Associate an address with `place` (Placement.place) and make it the machine's; return the address.

    Raises CloudStack's Refusal where the cloud has none left; then none stays associated.
    """
    for number in range(_TRIES):
        existing = await op.decide(f"{step}-existing-{number}", lambda: _idle(op, place))
        created = await op.run(f"{step}-take-{number}", "associateIpAddress", place, probe=_associated(place, existing))
        if created.get("issourcenat"):  # CloudStack makes the first address of an unused network its source NAT
            continue
        address_id = str(created["id"])
        await op.keep(f"{step}-fact-{number}", address_id, KIND, {"ephemeral": True})
        try:
            await use(op, f"{step}-{number}-nat", address_id, network_id, vm_id)
        except Refusal as refusal:
            serves = await op.decide(f"{step}-{number}-whose", partial(_machine_of, op, address_id))
            if refusal.error_code == CONFLICT and serves not in {"", vm_id}:
                continue  # another operation was faster
            await _free(op, f"{step}-{number}-undo", address_id)
            raise
        return str(created["ipaddress"])
    raise Problem.exhausted("Other operations took every external address first. Try again.")


async def use(op: Op, step: str, address_id: str, network_id: str, vm_id: str) -> None:
    """Make an associated address the machine's. It stays with its owner when the machine loses it."""
    parameters = {"ipaddressid": address_id, "virtualmachineid": vm_id, "networkid": network_id}
    serves = reached("listPublicIpAddresses", PublicAddress, address_id, lambda one: one.virtualmachineid == vm_id)
    await op.run(step, "enableStaticNat", parameters, probe=serves)


async def free(op: Op, step: str, vm_id: str) -> bool:
    """Take all external addresses from a machine and release the ephemeral ones. Return whether there was one of those.

    The release takes an ephemeral address from its machine, too. If it were taken first and the release then refused,
    nobody would know whose the address is.
    """

    async def look() -> dict[str, bool]:
        """Address id -> whether it is ephemeral."""
        machines = await op.cloudstack.list_all("listVirtualMachines", _Machine, {"id": vm_id})
        ids = [nic.publicipid for machine in machines for nic in machine.nic if nic.publicipid]
        facts = await op.sidecar.facts(ids)
        return {address_id: bool(facts.get(address_id, {}).get("ephemeral")) for address_id in ids}

    found = await op.decide(f"{step}-look", look)
    for index, (address_id, ephemeral) in enumerate(found.items()):
        if ephemeral:
            await _free(op, f"{step}-free-{index}", address_id)
        else:
            await _send(op, f"{step}-nat-{index}", "disableStaticNat", {"ipaddressid": address_id})
    return any(found.values())


async def _free(op: Op, step: str, address_id: str) -> None:
    # The probe looks, because CloudStack refuses to free an address again with 531, as nobody's or another's.
    released = gone("listPublicIpAddresses", PublicAddress, address_id, lambda one: bool(one.allocated))
    await _send(op, step, "disassociateIpAddress", {"id": address_id}, released)
    await op.forget(f"{step}-forget", address_id)


async def _send(op: Op, step: str, command: str, parameters: dict[str, str], probe: Probe = harmless) -> None:
    """Send a command that may be sent twice: CloudStack answers the second one with 431, nothing to do."""
    try:
        await op.run(step, command, parameters, probe=probe)
    except Refusal as refusal:
        if refusal.error_code != INVALID:
            raise


def _associated(place: Mapping[str, str], existing: Mapping[str, str]) -> Probe:
    """Find the address that a lost associateIpAddress has associated.

    It is new, unused, and unknown to the sidecar. If several addresses fit, it is uncertain which of them is ours.
    """

    async def probe(op: Op) -> Mapping[str, Any] | None:
        idle = {one: address for one, address in (await _idle(op, place)).items() if one not in existing}
        facts = await op.sidecar.facts(idle)
        found = [{"id": one, "ipaddress": address} for one, address in idle.items() if one not in facts]
        return found[0] if len(found) == 1 else None

    return probe


async def _idle(op: Op, place: Mapping[str, str]) -> dict[str, str]:
    """Id -> address of the unused addresses of a place. They may be a user's own, so do not simply take one."""
    query = {"vpcid": place["vpcid"]} if "vpcid" in place else {"associatednetworkid": place["networkid"]}
    found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, query)
    return {one.id: one.ipaddress for one in found if one.idle}


async def _machine_of(op: Op, address_id: str) -> str:
    """The id of the machine whose static NAT the address is; empty where there is none."""
    found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, {"id": address_id})
    return next((one.virtualmachineid for one in found), "")
