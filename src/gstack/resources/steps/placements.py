"""Steps that prepare a network for a machine's interface, give it an address, and clean up after it.

A backing that was made stays when the machine that it was made for fails: the next machine uses it.
"""

from collections.abc import Sequence

import msgspec

from gstack.operations.model import Op
from gstack.resources.inventory.networks import DEFAULT, GROUPS, ISOLATED, VPC
from gstack.resources.inventory.placements import Placement
from gstack.resources.steps import addresses, security_groups, vpcs


async def ensure_backing(op: Op, step: str, placement: Placement) -> Placement:
    """Make what the network lacks in this zone, with its firewall rules; return the placement completed."""
    if placement.kind != VPC or placement.network_id:
        return placement
    wanted = vpcs.Wanted(
        zone_id=placement.location_id,
        network=placement.network,
        subnetwork=placement.subnetwork or DEFAULT,
        cidr=placement.cidr,
        widen=placement.widen_tags,
    )
    vpc_id, tier_id = await vpcs.ensure(op, step, wanted)
    return msgspec.structs.replace(placement, vpc_id=vpc_id, network_id=tier_id)


async def join_groups(op: Op, step: str, placement: Placement, instance_name: str, tags: Sequence[str]) -> list[str]:
    """The security groups to deploy a machine with: its network's and one of its own, made and filled.

    Empty outside security-group zones: then send no `securitygroupids`. When the deployment fails, undo with
    `leave_groups`.
    """
    if placement.kind != GROUPS:
        return []
    return await security_groups.join(op, step, placement.network, instance_name, tags)


async def leave_groups(op: Op, step: str, group_ids: Sequence[str]) -> None:
    """Delete the own group of a machine that is gone or has left its groups, and the rules that name it.

    `group_ids` are the groups that the machine had (`securitygroup[].id` before they were taken from it); groups that
    are no machine's own are left alone. Call it after `updateVirtualMachine securitygroupids=` or after expunging.
    """
    await security_groups.leave(op, step, group_ids)


async def give_address(op: Op, step: str, placement: Placement, vm_id: str, nic_id: str) -> str | None:  # noqa: ARG001  # the interface will matter with several
    """Give the machine an ephemeral external address.

    None where CloudStack has no static NAT: in security-group zones and on shared networks the guest address is the
    external one.
    """
    if placement.kind not in {VPC, ISOLATED} or not placement.network_id:
        return None
    where = {"vpcid": placement.vpc_id} if placement.vpc_id else {"networkid": placement.network_id}
    return await addresses.give(op, step, where, placement.network_id, vm_id)


async def free_addresses(op: Op, step: str, vm_id: str) -> bool:
    """Take a machine's external addresses from it; the ephemeral ones become free, others stay their owner's.

    Whether there was an ephemeral one.
    """
    return await addresses.free(op, step, vm_id)
