"""Steps that prepare a network for the interface of an instance, and give the interface an external address.

What was created for a network stays when the instance that needed it fails: the next instance uses it.
"""

from collections.abc import Sequence

import msgspec

from gstack.operations.model import Op
from gstack.resources.inventory.firewalls import Firewalls, check_expressible
from gstack.resources.inventory.networks import DEFAULT, GROUPS, ISOLATED, VPC
from gstack.resources.inventory.placements import Placement
from gstack.resources.steps import addresses, security_groups, vpcs


async def ensure_backing(op: Op, step: str, placement: Placement) -> Placement:
    """Create what the network lacks in this zone, with its firewall rules; return the placement completed."""
    if placement.kind != VPC or placement.network_id:
        return placement
    spec = vpcs.TierSpec(
        zone_id=placement.zone_id,
        network=placement.network,
        subnetwork=placement.subnetwork or DEFAULT,
        cidr=placement.cidr,
        widen=placement.widen_tags,
    )
    vpc_id, tier_id = await vpcs.ensure(op, step, spec)
    return msgspec.structs.replace(placement, vpc_id=vpc_id, network_id=tier_id)


async def join_groups(op: Op, step: str, placement: Placement, instance_name: str, tags: Sequence[str]) -> list[str]:
    """Create and fill the security groups to deploy an instance in; return their ids.

    Empty outside zones with security groups: send no `securitygroupids` then. When the deployment fails, call
    `security_groups.leave`.
    """
    if placement.kind != GROUPS:
        return []
    return await security_groups.join(op, step, placement.network, instance_name, tags)


async def check_firewalls(op: Op, step: str, *placements: Placement) -> None:
    """400 where a zone cannot express a firewall that was inserted while the instance was being created.

    A firewall binds a zone only if instances are in it. So whoever inserts a firewall looks for instances after it has
    stored the firewall, and whoever creates an instance looks for firewalls after the instance exists in CloudStack.
    One of them sees the other.
    """

    async def check() -> None:
        for placement in placements:
            if placement.ours:
                firewalls = await Firewalls(op.sidecar, op.operation.owner).of_network(placement.network)
                rules = [firewall.rule for firewall in firewalls]
                check_expressible(rules, placement.kind, f"Zone '{placement.zone}'", widen=placement.widen_tags)

    await op.decide(step, check)


async def give_address(op: Op, step: str, placement: Placement, vm_id: str) -> str | None:
    """Give the machine an ephemeral external address.

    None where CloudStack has no static NAT: in zones with security groups and on shared networks the guest address is
    the external one.
    """
    if placement.kind not in {VPC, ISOLATED} or not placement.network_id:
        return None
    return await addresses.give(op, step, placement.place, placement.network_id, vm_id)
