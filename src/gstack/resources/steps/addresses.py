"""Ephemeral external addresses: a public address that comes with a machine, as its static NAT, and goes with it.

That an address is ephemeral is a fact in the sidecar. One without that fact was reserved, or given by hand in
CloudStack: it is taken from the machine and stays with its owner. In zones with security groups the guest address is
the external one and nothing is sent.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from gstack.cloudstack.errors import CONFLICT, INVALID, Refusal
from gstack.errors import Problem
from gstack.operations.model import Op, Probe, harmless

KIND = "addresses"
_TRIES = 3


class PublicAddress(msgspec.Struct, frozen=True):
    """An address as listPublicIpAddresses answers it."""

    id: str
    ipaddress: str = ""
    issourcenat: bool = False
    isstaticnat: bool = False
    vpcid: str = ""
    associatednetworkid: str = ""
    virtualmachineid: str = ""
    allocated: str = ""


class _Nic(msgspec.Struct, frozen=True):
    publicipid: str = ""


class _Machine(msgspec.Struct, frozen=True):
    id: str
    nic: tuple[_Nic, ...] = ()


async def give(op: Op, step: str, place: Mapping[str, str], network_id: str, vm_id: str) -> str:
    """Take an address for `place` ({"vpcid": …} or {"networkid": …}) and make it the machine's; the address.

    CloudStack's Refusal where the cloud has none left; nothing stays taken then.
    """
    for number in range(_TRIES):
        there = await op.decide(f"{step}-there-{number}", lambda: _idle(op, place))
        probe = _taken_by_us(place, there)
        taken = await op.run(f"{step}-take-{number}", "associateIpAddress", place, probe=probe)
        if taken.get("issourcenat"):  # the first one of a network that nothing ran in yet is the network's own
            continue
        await op.decide(f"{step}-fact-{number}", partial(_keep, op, taken["id"]))
        if await _given(op, f"{step}-{number}", str(taken["id"]), network_id, vm_id):
            return str(taken["ipaddress"])
    raise Problem.exhausted("No external address could be taken: others were faster each time. Try again.")


async def use(op: Op, step: str, address_id: str, network_id: str, vm_id: str) -> None:
    """Make an address that the account holds the machine's. It stays with its owner when the machine lets it go."""
    parameters = {"ipaddressid": address_id, "virtualmachineid": vm_id, "networkid": network_id}
    await op.run(step, "enableStaticNat", parameters, probe=_serves(address_id, vm_id))


async def _given(op: Op, step: str, address_id: str, network_id: str, vm_id: str) -> bool:
    """Whether the address became the machine's; no where it turned out to be another operation's."""
    try:
        await use(op, f"{step}-nat", address_id, network_id, vm_id)
    except Refusal as refusal:
        serves = await op.decide(f"{step}-whose", partial(_whose, op, address_id))
        if refusal.error_code == CONFLICT and serves not in {"", vm_id}:
            return False
        await _free(op, f"{step}-undo", address_id)
        raise
    return True


async def _whose(op: Op, address_id: str) -> str:
    found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, {"id": address_id})
    return next((one.virtualmachineid for one in found), "")


async def free(op: Op, step: str, vm_id: str) -> bool:
    """Take all external addresses from a machine; the ephemeral ones become free. Whether there was such a one.

    Those are not taken from it first: were freeing refused then, nobody would know whose they are.
    """
    found = await op.decide(f"{step}-look", lambda: _of_machine(op, vm_id))
    for index, (address_id, ephemeral) in enumerate(found.items()):
        if ephemeral:
            await _free(op, f"{step}-free-{index}", address_id)
        else:
            await _send(op, f"{step}-nat-{index}", "disableStaticNat", {"ipaddressid": address_id})
    return any(found.values())


async def _of_machine(op: Op, vm_id: str) -> dict[str, bool]:
    """Address id -> whether it is ephemeral."""
    machines = await op.cloudstack.list_all("listVirtualMachines", _Machine, {"id": vm_id})
    ids = [nic.publicipid for machine in machines for nic in machine.nic if nic.publicipid]
    facts = await op.sidecar.facts(ids)
    return {address_id: bool(facts.get(address_id, {}).get("ephemeral")) for address_id in ids}


async def _free(op: Op, step: str, address_id: str) -> None:
    await _send(op, step, "disassociateIpAddress", {"id": address_id}, _released(address_id))
    await op.decide(f"{step}-forget", lambda: op.sidecar.drop(address_id))


async def _send(op: Op, step: str, command: str, parameters: dict[str, str], probe: Probe = harmless) -> None:
    """Send what may be sent twice: the second time CloudStack says 431, that there is nothing (any more)."""
    try:
        await op.run(step, command, parameters, probe=probe)
    except Refusal as refusal:
        if refusal.error_code != INVALID:
            raise


async def _keep(op: Op, address_id: str) -> None:
    await op.sidecar.keep(address_id, op.operation.owner, KIND, {"ephemeral": True})


def _taken_by_us(place: Mapping[str, str], there: Mapping[str, str]) -> Probe:
    """An address that was not there before, serves nobody and is not known as anybody's; of several none is certain."""

    async def probe(op: Op) -> Mapping[str, Any] | None:
        idle = {one: address for one, address in (await _idle(op, place)).items() if one not in there}
        known = await op.sidecar.facts(idle)
        unknown = [{"id": one, "ipaddress": address} for one, address in idle.items() if one not in known]
        return unknown[0] if len(unknown) == 1 else None

    return probe


async def _idle(op: Op, place: Mapping[str, str]) -> dict[str, str]:
    """Id -> address of those of a place that serve nobody: users may hold such, and they are never ours to take."""
    query = {"vpcid": place["vpcid"]} if "vpcid" in place else {"associatednetworkid": place["networkid"]}
    found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, query)
    return {one.id: one.ipaddress for one in found if not one.issourcenat and not one.isstaticnat}


def _released(address_id: str) -> Probe:
    """An address that is no longer ours: CloudStack refuses to free it again with 531, as nobody's or another's."""

    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, {"id": address_id})
        return None if any(one.allocated for one in found) else {"success": True}

    return probe


def _serves(address_id: str, vm_id: str) -> Probe:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        return {"success": True} if await _whose(op, address_id) == vm_id else None

    return probe
