"""Where a machine's network interface goes, and what CloudStack needs to have there first. For the instances.

A GCE network has one backing per zone: security groups on the shared guest network, or a VPC with a tier per
subnetwork (networking/topology.py). `place` checks at request time and sends nothing that changes; the others are
work, in recorded steps. A backing that was made stays when the machine it was made for fails: the next one uses it.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gstack.errors import Problem
from gstack.firewalling.rules import Inexpressible
from gstack.gateway.call import Call
from gstack.operations.model import Op
from gstack.resources.locations import Location, locations
from gstack.resources.networking import external_addresses, security_groups, vpcs
from gstack.resources.networking.rulebook import Book, check_expressible, to_problem
from gstack.resources.networking.topology import (
    DEFAULT,
    GROUPS,
    ISOLATED,
    VPC,
    Backing,
    Network,
    Subnetwork,
    Topology,
    read_topology,
)
from gstack.resources.owners import own_names
from gstack.resources.references import name_in

WIDEN = "subnetwork"  # the setting names.target_tags


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
    kind: str = GROUPS
    cidr: str = ""
    widen_tags: bool = False

    @property
    def network_path(self) -> str:
        """The network, relative to the project."""
        return f"global/networks/{self.network}"

    @property
    def subnetwork_path(self) -> str:
        """The subnetwork, relative to the project; empty where the network has none."""
        return f"regions/{self.region}/subnetworks/{self.subnetwork}" if self.subnetwork else ""


def network_named(call: Call, text: str) -> str:
    """The name of the network that a body means; empty where it means nothing of the call's project, or no network."""
    return name_in(text, "networks", ["global"], own_names(call))


def subnetwork_named(call: Call, location: Location, text: str) -> str:
    """The name of the subnetwork that a body means in the region of a zone; empty where it can be none there."""
    regions = [f"regions/{name}" for name in (location.region, location.region_id)]
    return name_in(text, "subnetworks", regions, own_names(call))


async def place(
    call: Call, location: Location, network_ref: str | None, subnetwork_ref: str | None, field: str = ""
) -> Placement:
    """Find where these references lead; the default network where both are None. Sends nothing that changes.

    `field` names the interface in Problems, e.g. `resource.networkInterfaces[0]`. 400 in Google's words where a
    network or subnetwork does not exist, or where the zone cannot express a rule of the network.
    """
    field = field or "resource.networkInterfaces[0]"
    everywhere = await locations(call.cloudstack, call.settings.names)
    for fresh in (False, True):
        known = await read_topology(call.cloudstack, call.owner_id, everywhere, fresh=fresh)
        subnetwork = _subnetwork(call, known, location, subnetwork_ref)
        network = _network(call, known, network_ref, subnetwork)
        if network and (subnetwork or not subnetwork_ref):
            return await _placed(call, known, location, network, subnetwork, field)
    if subnetwork_ref and not subnetwork:
        raise _unknown(f"{field}.subnetwork", subnetwork_ref, "subnetwork")
    raise _unknown(f"{field}.network", network_ref or "", "network")


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
    return await external_addresses.give(op, step, where, placement.network_id, vm_id)


async def free_addresses(op: Op, step: str, vm_id: str) -> bool:
    """Take a machine's external addresses from it; the ephemeral ones become free, others stay their owner's.

    Whether there was an ephemeral one.
    """
    return await external_addresses.free(op, step, vm_id)


async def network_links(call: Call, network_ids: Iterable[str]) -> Mapping[str, tuple[str, str | None]]:
    """CloudStack network uuid -> (`global/networks/n`, `regions/r/subnetworks/s` or None), for rendering NICs.

    Costs no CloudStack call while the caller's networks are remembered. Ids that are not seen any more are absent.
    """
    wanted = set(network_ids)
    everywhere = await locations(call.cloudstack, call.settings.names)
    found: dict[str, tuple[str, str | None]] = {}
    for fresh in (False, True):
        if wanted <= found.keys():
            break
        known = await read_topology(call.cloudstack, call.owner_id, everywhere, fresh=fresh)
        found = {one: paths for one in wanted if (paths := known.paths(one))}
    return found


def _subnetwork(call: Call, known: Topology, location: Location, text: str | None) -> Subnetwork | None:
    if not text:
        return None
    return known.subnetwork(location.region, subnetwork_named(call, location, text))


def _network(call: Call, known: Topology, text: str | None, subnetwork: Subnetwork | None) -> Network | None:
    if not text:
        return known.network(subnetwork.network if subnetwork else DEFAULT)
    return known.network(network_named(call, text))


async def _placed(
    call: Call, known: Topology, location: Location, network: Network, subnetwork: Subnetwork | None, field: str
) -> Placement:
    if subnetwork and subnetwork.network != network.name:
        text = f"'{subnetwork.path}'. The subnetwork is of the network '{subnetwork.network}', not '{network.name}'."
        raise Problem.invalid(f"{field}.subnetwork", text)
    subnetwork = subnetwork or _only_subnetwork(known, network, location, field)
    backing = network.backing(location) or _coming(network, location, field)
    widen = call.settings.names.target_tags == WIDEN
    await _check_rules(call, network, backing, field, widen=widen)
    return Placement(
        location_id=location.id,
        security_groups=location.security_groups,
        network=network.name,
        subnetwork=subnetwork.name if subnetwork else None,
        network_id=_deployed_on(location, backing, subnetwork),
        vpc_id=backing.vpc_id or None,
        zone=location.zone,
        region=location.region,
        kind=backing.kind,
        cidr=subnetwork.cidr if subnetwork else "",
        widen_tags=widen,
    )


def _only_subnetwork(known: Topology, network: Network, location: Location, field: str) -> Subnetwork | None:
    """The subnetwork that is meant where none is named: that of `default`; others must be named, as Google says."""
    here = [one for one in known.subnetworks_of(network) if one.location.id == location.id]
    if network.name == DEFAULT:
        return next((one for one in here if one.name == DEFAULT), None)
    if any(backing.kind == VPC for backing in network.backings):
        text = "Network interface must specify a subnet if the network resource is in custom subnet mode."
        raise Problem.invalid(f"{field}.subnetwork", text)
    return here[0] if here else None


def _coming(network: Network, location: Location, field: str) -> Backing:
    """The backing that the network will get in this zone: a VPC, for the network `default` alone."""
    if network.name == DEFAULT and location.advanced and not location.security_groups:
        return Backing(VPC, location)
    text = f"'{network.path}'. CloudStack has nothing of this network in zone '{location.zone}'."
    raise Problem.invalid(f"{field}.network", text)


async def _check_rules(call: Call, network: Network, backing: Backing, field: str, *, widen: bool) -> None:
    if not backing.ours:
        return
    rules = await Book(call.sidecar, call.owner_id).rules(network.name)
    try:
        check_expressible(rules, [backing], widen=widen)
    except Inexpressible as error:
        raise to_problem(error, f"{field}.network") from error


def _deployed_on(location: Location, backing: Backing, subnetwork: Subnetwork | None) -> str | None:
    if not location.advanced:
        return None
    return (subnetwork.network_id if subnetwork else backing.network_id) or None


def _unknown(field: str, text: str, noun: str) -> Problem:
    return Problem.invalid(field, f"'{text}'. The referenced {noun} resource cannot be found.")
