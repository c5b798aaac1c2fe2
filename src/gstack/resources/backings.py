"""Where a machine's network interface goes, and what CloudStack needs to have there first. For the instances.

A GCE network has one backing per zone (docs: networks): a security group on the shared guest network, or a VPC with a
tier per subnetwork. `place` checks at request time and sends nothing; the others are work, in recorded steps.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Op
from gstack.resources.locations import Location


class Placement(msgspec.Struct, frozen=True):
    """Where a NIC of a new machine goes. JSON-able, for `op.args`: `msgspec.to_builtins`, `msgspec.convert`.

    `network_id` is the CloudStack network to deploy on (tier, isolated, shared): None until `ensure_backing` made it,
    and None for good in Basic zones, whose deployments name no network. `cidr` is the range of a tier to be made.
    """

    location_id: str
    security_groups: bool
    network: str
    subnetwork: str | None
    network_id: str | None = None
    vpc_id: str | None = None
    zone: str = ""
    region: str = ""
    cidr: str = ""
    widen_tags: bool = False  # the setting names.target_tags = "subnetwork"


async def place(
    call: Call, location: Location, network_ref: str | None, subnetwork_ref: str | None, field: str = ""
) -> Placement:
    """Find where these references lead; the default network where both are None. Sends nothing that changes.

    `field` names the interface in Problems, e.g. `resource.networkInterfaces[0]`. 400 in Google's words where a
    network or subnetwork does not exist, or where the zone cannot express a rule of the network.
    """
    raise Problem.not_implemented(call.method.id)


async def ensure_backing(op: Op, step: str, placement: Placement) -> Placement:
    """Make what the network lacks in this zone, with its firewall rules; return the placement completed."""
    raise Problem.not_implemented(step)


async def join_groups(
    op: Op, step: str, placement: Placement, instance_name: str, tags: Sequence[str]
) -> list[str]:
    """The security groups to deploy a machine with: its network's and one of its own, made and filled.

    Empty outside security-group zones: then send no `securitygroupids`. When the deployment fails, undo with
    `leave_groups(op, "undo", group_ids)`.
    """
    raise Problem.not_implemented(step)


async def leave_groups(op: Op, step: str, group_ids: Sequence[str]) -> None:
    """Delete the own group of a machine that is gone or has left its groups, and the rules that name it.

    `group_ids` are the groups that the machine had (`securitygroup[].id` before they were taken from it); groups that
    are no machine's own are left alone. Call it after `updateVirtualMachine securitygroupids=` or after expunging.
    """
    raise Problem.not_implemented(step)


async def give_address(op: Op, step: str, placement: Placement, vm_id: str, nic_id: str) -> str | None:
    """Give the machine an ephemeral external address; None in security-group zones, where the guest's is external."""
    raise Problem.not_implemented(step)


async def free_addresses(op: Op, step: str, vm_id: str) -> None:
    """Take a machine's ephemeral external addresses from it and free them."""
    raise Problem.not_implemented(step)


async def network_links(call: Call, network_ids: Iterable[str]) -> Mapping[str, tuple[str, str | None]]:
    """CloudStack network uuid -> (`global/networks/n`, `regions/r/subnetworks/s` or None), for rendering NICs.

    Costs no CloudStack call while the caller's networks are remembered.
    """
    raise Problem.not_implemented(call.method.id)
