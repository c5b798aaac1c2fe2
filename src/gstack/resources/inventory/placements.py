"""Where a machine's network interface goes, and what CloudStack needs to have there first. For the instances.

A GCE network has one backing per zone: security groups on the shared guest network, or a VPC with a tier per
subnetwork (networking/topology.py). `place` checks at request time and sends nothing that changes; the others are
work, in recorded steps. A backing that was made stays when the machine it was made for fails: the next one uses it.
"""

from collections.abc import Iterable, Mapping

import msgspec

from gstack.errors import Problem
from gstack.firewalling.rules import Inexpressible
from gstack.resources.inventory.accounts import own_names
from gstack.resources.inventory.firewalls import Book, check_expressible, to_problem
from gstack.resources.inventory.networks import (
    DEFAULT,
    GROUPS,
    VPC,
    Backing,
    Network,
    Subnetwork,
    Topology,
    read_topology,
)
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.zones import Location, locations
from gstack.resources.shared.references import name_in

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


def network_named(reader: Reader, text: str) -> str:
    """The name of the network that a body means; empty where it means nothing of the call's project, or no network."""
    return name_in(text, "networks", ["global"], own_names(reader))


def subnetwork_named(reader: Reader, location: Location, text: str) -> str:
    """The name of the subnetwork that a body means in the region of a zone; empty where it can be none there."""
    regions = [f"regions/{name}" for name in (location.region, location.region_id)]
    return name_in(text, "subnetworks", regions, own_names(reader))


async def place(
    reader: Reader, location: Location, network_ref: str | None, subnetwork_ref: str | None, field: str = ""
) -> Placement:
    """Find where these references lead; the default network where both are None. Sends nothing that changes.

    `field` names the interface in Problems, e.g. `resource.networkInterfaces[0]`. 400 in Google's words where a
    network or subnetwork does not exist, or where the zone cannot express a rule of the network.
    """
    field = field or "resource.networkInterfaces[0]"
    everywhere = await locations(reader.cloudstack, reader.settings.names)
    for fresh in (False, True):
        known = await read_topology(reader.cloudstack, reader.owner_id, everywhere, fresh=fresh)
        subnetwork = _subnetwork(reader, known, location, subnetwork_ref)
        network = _network(reader, known, network_ref, subnetwork)
        if network and (subnetwork or not subnetwork_ref):
            return await _placed(reader, known, location, network, subnetwork, field)
    if subnetwork_ref and not subnetwork:
        raise _unknown(f"{field}.subnetwork", subnetwork_ref, "subnetwork")
    raise _unknown(f"{field}.network", network_ref or "", "network")


async def network_links(reader: Reader, network_ids: Iterable[str]) -> Mapping[str, tuple[str, str | None]]:
    """CloudStack network uuid -> (`global/networks/n`, `regions/r/subnetworks/s` or None), for rendering NICs.

    Costs no CloudStack call while the caller's networks are remembered. Ids that are not seen any more are absent.
    """
    wanted = set(network_ids)
    everywhere = await locations(reader.cloudstack, reader.settings.names)
    found: dict[str, tuple[str, str | None]] = {}
    for fresh in (False, True):
        if wanted <= found.keys():
            break
        known = await read_topology(reader.cloudstack, reader.owner_id, everywhere, fresh=fresh)
        found = {one: paths for one in wanted if (paths := known.paths(one))}
    return found


def _subnetwork(reader: Reader, known: Topology, location: Location, text: str | None) -> Subnetwork | None:
    if not text:
        return None
    return known.subnetwork(location.region, subnetwork_named(reader, location, text))


def _network(reader: Reader, known: Topology, text: str | None, subnetwork: Subnetwork | None) -> Network | None:
    if not text:
        return known.network(subnetwork.network if subnetwork else DEFAULT)
    return known.network(network_named(reader, text))


async def _placed(
    reader: Reader, known: Topology, location: Location, network: Network, subnetwork: Subnetwork | None, field: str
) -> Placement:
    if subnetwork and subnetwork.network != network.name:
        text = f"'{subnetwork.path}'. The subnetwork is of the network '{subnetwork.network}', not '{network.name}'."
        raise Problem.invalid(f"{field}.subnetwork", text)
    subnetwork = subnetwork or _only_subnetwork(known, network, location, field)
    backing = network.backing(location) or _coming(network, location, field)
    widen = reader.settings.names.target_tags == WIDEN
    await _check_rules(reader, network, backing, field, widen=widen)
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


async def _check_rules(reader: Reader, network: Network, backing: Backing, field: str, *, widen: bool) -> None:
    if not backing.ours:
        return
    rules = await Book(reader.sidecar, reader.owner_id).rules(network.name)
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
