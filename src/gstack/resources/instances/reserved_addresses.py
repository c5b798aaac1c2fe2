"""An external address that the account holds, given to a new machine.

One that is only reserved is brought to the machine's network first. CloudStack cannot make it a reserved one again
without giving it up, so it stays with that network, and with its owner, when the machine lets it go.
"""

from collections.abc import Mapping
from typing import Any

from gstack.operations.model import Op, Probe
from gstack.resources.backings import Placement
from gstack.resources.instances.plan import External
from gstack.resources.networking import external_addresses
from gstack.resources.networking.external_addresses import PublicAddress


async def use(op: Op, step: str, placement: Placement, asked: External, machine_id: str) -> None:
    """Make the address the machine's, on the interface in this network."""
    network_id = str(placement.network_id)
    if asked.address:
        place = {"vpcid": placement.vpc_id} if placement.vpc_id else {"networkid": network_id}
        parameters = {"ipaddress": asked.address, **place}
        await op.run(f"{step}-bring", "associateIpAddress", parameters, probe=_is_at(asked.held, place))
    await external_addresses.use(op, f"{step}-nat", asked.held, network_id, machine_id)


def _is_at(address_id: str, place: Mapping[str, str | None]) -> Probe:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listPublicIpAddresses", PublicAddress, {"id": address_id})
        there = (one for one in found if place in ({"vpcid": one.vpcid}, {"networkid": one.associatednetworkid}))
        return next(({"id": one.id} for one in there), None)

    return probe
