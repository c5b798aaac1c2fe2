"""Where the network interface of an instance goes.

A GCE network has one backing per zone: security groups on the shared guest network, or a VPC with a tier per subnetwork
(inventory/networks.py). `place` resolves and checks what a request names; steps/placements.py creates what the network
lacks in the zone.
"""

from collections.abc import Iterable, Mapping

import msgspec

from gstack.cloudstack.client import Client
from gstack.errors import Problem
from gstack.resources.inventory.accounts import project_names
from gstack.resources.inventory.firewalls import Firewalls, check_expressible
from gstack.resources.inventory.machines import GONE, OWN, VirtualMachine
from gstack.resources.inventory.networks import (
    DEFAULT,
    GROUPS,
    VPC,
    Backing,
    Network,
    Networks,
    Subnetwork,
    read_networks,
)
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.security_groups import network_group, read_groups
from gstack.resources.inventory.zones import Location, locations_of
from gstack.resources.shared.references import name_in


class Placement(msgspec.Struct, frozen=True):
    """Where an interface goes. It is part of journalled requests.

    `network_id` is the CloudStack network to deploy on (tier, isolated, shared): None until `ensure_backing` has
    created it, and always None in Basic zones, where a deployment names no network. `cidr` is the range of the tier.
    `ours` is that of the network's backing.
    """

    zone_id: str
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
    ours: bool = True

    @property
    def network_path(self) -> str:
        """The network, relative to the project."""
        return f"global/networks/{self.network}"

    @property
    def subnetwork_path(self) -> str:
        """The subnetwork, relative to the project; empty where the network has none."""
        return f"regions/{self.region}/subnetworks/{self.subnetwork}" if self.subnetwork else ""

    @property
    def place(self) -> dict[str, str]:
        """Where public addresses for this interface belong, as parameters of associateIpAddress.

        Empty while the network does not exist.
        """
        if self.vpc_id:
            return {"vpcid": self.vpc_id}
        return {"networkid": self.network_id} if self.network_id else {}


def widens_tags(reader: Reader) -> bool:
    """Whether target tags mean the whole network in VPCs (setting names.target_tags)."""
    return reader.settings.names.target_tags == "subnetwork"


def network_named(reader: Reader, text: str) -> str:
    """The name of the network that a reference names; empty where it is no network of the request's project."""
    return name_in(text, "networks", ["global"], project_names(reader))


def subnetwork_named(reader: Reader, location: Location, text: str) -> str:
    """The name of the subnetwork that a reference names; empty where it is none in the region of this zone."""
    regions = [f"regions/{name}" for name in (location.region, location.region_id)]
    return name_in(text, "subnetworks", regions, project_names(reader))


async def resolve_placement(
    reader: Reader, location: Location, network_ref: str | None, subnetwork_ref: str | None, field: str = ""
) -> Placement:
    """Resolve these references for a zone. Where both are empty, the network `default` is meant.

    `field` names the interface in Problems, e.g. `resource.networkInterfaces[0]`. 400 in Google's words where a network
    or subnetwork does not exist, and where the zone cannot express a firewall of the network. Changes nothing.
    """
    field = field or "resource.networkInterfaces[0]"
    zones = await locations_of(reader)
    network, subnetwork = None, None
    for fresh in (False, True):
        networks = await read_networks(reader, zones, fresh=fresh)
        if subnetwork_ref:
            subnetwork = networks.subnetwork(location.region, subnetwork_named(reader, location, subnetwork_ref))
        name = network_named(reader, network_ref) if network_ref else subnetwork.network if subnetwork else DEFAULT
        network = networks.network(name)
        if network and (subnetwork or not subnetwork_ref):
            return await _placed(reader, networks, location, network, subnetwork, field)
    missing = ("subnetwork", subnetwork_ref) if subnetwork_ref and not subnetwork else ("network", network_ref or "")
    message = f"'{missing[1]}'. The referenced {missing[0]} resource cannot be found."
    raise Problem.invalid(f"{field}.{missing[0]}", message)


async def network_links(reader: Reader, network_ids: Iterable[str]) -> Mapping[str, tuple[str, str | None]]:
    """CloudStack network id -> (`global/networks/n`, `regions/r/subnetworks/s` or None), for rendering interfaces.

    Costs no CloudStack call while the caller's networks are remembered. Ids that CloudStack does not list are absent.
    """
    wanted = set(network_ids)
    zones = await locations_of(reader)
    found: dict[str, tuple[str, str | None]] = {}
    for fresh in (False, True):
        if wanted <= found.keys():
            break
        networks = await read_networks(reader, zones, fresh=fresh)
        found = {one: paths for one in wanted if (paths := networks.paths(one))}
    return found


async def any_machine(cloudstack: Client, narrowed: Mapping[str, object]) -> bool:
    """Whether there is a machine; `narrowed` are parameters of listVirtualMachines."""
    parameters = {**OWN, "details": ("min",), **narrowed}
    found = await cloudstack.list_all("listVirtualMachines", VirtualMachine, parameters)
    return any(machine.state not in GONE for machine in found)


async def in_use(cloudstack: Client, network: str, backing: Backing) -> bool:
    """Whether machines are in the network in the backing's zone. One that is not ours counts as in use."""
    if not backing.ours:
        return True
    if backing.kind == VPC:
        return bool(backing.vpc_id) and await any_machine(cloudstack, {"vpcid": backing.vpc_id})
    group = next(iter(await read_groups(cloudstack, [network_group(network)])), None)
    narrowed = {"zoneid": backing.location.id, "securitygroupid": group.id if group else ""}
    return group is not None and await any_machine(cloudstack, narrowed)


def future_backing(network: Network, location: Location) -> Backing | None:
    """The backing that a network gets when its first instance comes into this zone, where it has none yet.

    Only the network `default` spreads by itself, into zones without security groups, where it becomes a VPC.
    """
    if network.name == DEFAULT and location.advanced and not location.security_groups:
        return Backing(VPC, location)
    return None


async def _placed(
    reader: Reader,
    networks: Networks,
    location: Location,
    network: Network,
    subnetwork: Subnetwork | None,
    field: str,
) -> Placement:
    if subnetwork and subnetwork.network != network.name:
        text = f"'{subnetwork.path}'. The subnetwork is of the network '{subnetwork.network}', not '{network.name}'."
        raise Problem.invalid(f"{field}.subnetwork", text)
    subnetwork = subnetwork or _only_subnetwork(networks, network, location, field)
    backing = network.backing(location) or future_backing(network, location)
    if backing is None:
        text = f"'{network.path}'. CloudStack has nothing of this network in zone '{location.zone}'."
        raise Problem.invalid(f"{field}.network", text)
    widen = widens_tags(reader)
    if backing.ours:
        firewalls = await Firewalls(reader.sidecar, reader.owner_id).of_network(network.name)
        rules = [firewall.rule for firewall in firewalls]
        check_expressible(rules, backing.kind, f"Zone '{location.zone}'", f"{field}.network", widen=widen)
    network_id = subnetwork.network_id if subnetwork else backing.network_id
    return Placement(
        zone_id=location.id,
        security_groups=location.security_groups,
        network=network.name,
        subnetwork=subnetwork.name if subnetwork else None,
        network_id=(network_id or None) if location.advanced else None,
        vpc_id=backing.vpc_id or None,
        zone=location.zone,
        region=location.region,
        kind=backing.kind,
        cidr=subnetwork.cidr if subnetwork else "",
        widen_tags=widen,
        ours=backing.ours,
    )


def _only_subnetwork(networks: Networks, network: Network, location: Location, field: str) -> Subnetwork | None:
    """The subnetwork where a request names none: that of `default`. In other networks it must be named, as in GCE."""
    here = [one for one in networks.subnetworks_of(network) if one.location.id == location.id]
    if network.name == DEFAULT:
        return next((one for one in here if one.name == DEFAULT), None)
    if any(backing.kind == VPC for backing in network.backings):
        text = "Network interface must specify a subnet if the network resource is in custom subnet mode."
        raise Problem.invalid(f"{field}.subnetwork", text)
    return here[0] if here else None
