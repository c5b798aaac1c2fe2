"""An external address that the account holds, given to a machine: found at request time, used in recorded steps.

One that is only reserved is brought to the machine's network first. CloudStack cannot make it a reserved one again
without giving it up, so it stays with that network, and with its owner, when the machine lets it go.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Op, Probe
from gstack.resources.inventory.addresses import PublicAddress
from gstack.resources.inventory.zones import Location
from gstack.resources.steps import addresses as external_addresses

_RESERVED = "Reserved"


class HeldAddress(msgspec.Struct, frozen=True):
    """A public address of the account, as listPublicIpAddresses answers it."""

    id: str
    ipaddress: str = ""
    state: str = ""
    issourcenat: bool = False
    isstaticnat: bool = False
    hasrules: bool = False
    vpcid: str = ""
    associatednetworkid: str = ""


class Held(msgspec.Struct, frozen=True):
    """An address that may be given: `hold` names it while it is.

    `bring` is the address itself where CloudStack must bring it to the network first.
    """

    id: str
    bring: str = ""
    hold: str = ""


async def find(call: Call, location: Location, place: Mapping[str, str | None], wish: str, field: str) -> Held:
    """The address that is named, which must be free for the network at `place`; 400 on `field` where it is not.

    `place` is {"vpcid": …} or {"networkid": …}, empty while the network is not made.
    """
    found = await _held(call, location, wish)
    if found is None:
        why = f"The specified external IP address '{wish}' was not found in region '{location.region}'."
        raise Problem.invalid(field, f"'{wish}'. {why}")
    if found.issourcenat or found.isstaticnat or found.hasrules:
        raise Problem.invalid(field, f"'{wish}'. External IP address: {wish} is already in-use.")
    reserved = found.state == _RESERVED
    if not reserved and place not in ({"vpcid": found.vpcid}, {"networkid": found.associatednetworkid}):
        why = f"CloudStack has {wish} in another network, and an address cannot move. Leave natIP out for another."
        raise Problem.unsupported(field, why)
    return Held(found.id, wish if reserved else "", f"regions/{location.region}/addresses/{wish}")


async def _held(call: Call, location: Location, wish: str) -> HeldAddress | None:
    """An address of the account's: associated, or only reserved, which CloudStack lists apart."""
    narrowed = {"ipaddress": wish, "zoneid": location.id}
    for more in ({}, {"state": _RESERVED, "allocatedonly": False}):
        listed = await call.cloudstack.list_all("listPublicIpAddresses", HeldAddress, {**narrowed, **more})
        if found := next((one for one in listed if one.ipaddress == wish), None):
            return found
    return None


async def use(op: Op, step: str, place: Mapping[str, str], network_id: str, held: Held, machine_id: str) -> None:
    """Make the address the machine's, on the interface in this network, which is at `place`."""
    if held.bring:
        parameters = {"ipaddress": held.bring, **place}
        await op.run(f"{step}-bring", "associateIpAddress", parameters, probe=_is_at(held.id, place))
    await external_addresses.use(op, f"{step}-nat", held.id, network_id, machine_id)


def _is_at(address_id: str, place: Mapping[str, str]) -> Probe:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, {"id": address_id})
        there = (one for one in found if place in ({"vpcid": one.vpcid}, {"networkid": one.associatednetworkid}))
        return next(({"id": one.id} for one in there), None)

    return probe
