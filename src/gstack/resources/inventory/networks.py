"""CloudStack's networks and VPCs, and the GCE networks and subnetworks that they are. Pure but for one reading.

A VPC is a GCE network by its name, one VPC per zone; its tiers are the subnetworks. The network `default` always
exists, with a subnetwork `default` in every region: a tier that is created on first use or, in a zone with security
groups, the zone's shared guest network. An isolated network is a legacy network of Google's, with an `IPv4Range` and no
subnetworks. A shared network without security groups has one subnetwork, an L2 network has none.

The range of a `default` subnetwork that does not exist yet is derived from the name of its region. It lies in Google's
own 10.128.0.0/9: a /22 at the beginning of a /20, because CloudStack by default refuses guest networks larger than a
/22 (global setting network.guest.cidr.limit). Where two things would share a name, the older one keeps it and the other
one gets a suffix.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from itertools import chain
from typing import TypeVar

import msgspec

from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.zones import Location, Locations
from gstack.resources.shared.naming import gce_id, gce_names, slug, suffix

DEFAULT = "default"
AUTO_RANGE = IPv4Network("10.128.0.0/9")
PRIVATE_BLOCKS = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))
GROUPS, VPC, ISOLATED, SHARED, L2 = "groups", "vpc", "isolated", "shared", "l2"
HIDDEN = "gstack-"  # CloudStack networks with this prefix are tools of this server and no GCE networks
_SLOTS = 2**11  # /20 in a /9


class Service(msgspec.Struct, frozen=True):
    """One service of a guest network."""

    name: str


class GuestNetwork(msgspec.Struct, frozen=True):
    """A network or tier, as listNetworks answers it."""

    id: str
    name: str = ""
    zoneid: str = ""
    type: str = ""
    displaytext: str = ""
    cidr: str = ""
    gateway: str = ""
    vpcid: str = ""
    aclname: str = ""
    created: str = ""
    service: tuple[Service, ...] = ()

    @property
    def has_groups(self) -> bool:
        """Whether security groups filter this network."""
        return any(service.name == "SecurityGroup" for service in self.service)

    @property
    def place(self) -> dict[str, str]:
        """Where public addresses for it belong, as parameters of associateIpAddress; empty where it has none."""
        if self.vpcid:
            return {"vpcid": self.vpcid}
        return {"networkid": self.id} if self.type == "Isolated" else {}


class VpcTier(msgspec.Struct, frozen=True):
    """A tier inside an answer of listVPCs."""

    id: str = ""


class Vpc(msgspec.Struct, frozen=True):
    """A VPC, as listVPCs answers it."""

    id: str
    name: str
    zoneid: str
    cidr: str = ""
    displaytext: str = ""
    created: str = ""
    network: tuple[VpcTier, ...] = ()


GuestNetworkOrVpc = TypeVar("GuestNetworkOrVpc", GuestNetwork, Vpc)


class Subnetwork(msgspec.Struct, frozen=True):
    """A GCE subnetwork. `network_id` is empty while its tier does not exist; its GCE id is derived from `key`."""

    name: str
    network: str
    location: Location
    key: str
    cidr: str = ""
    gateway: str = ""
    network_id: str = ""
    created: str = ""
    description: str = ""

    @property
    def path(self) -> str:
        """Relative to the project."""
        return f"regions/{self.location.region}/subnetworks/{self.name}"


class Backing(msgspec.Struct, frozen=True):
    """What a GCE network is in one zone. `ours` means that this server sets its rules, not somebody in CloudStack."""

    kind: str
    location: Location
    vpc_id: str = ""
    vpc_cidr: str = ""
    network_id: str = ""
    ours: bool = True


class Network(msgspec.Struct, frozen=True):
    """A GCE network, with its backing in each zone where it has one. Its GCE id is derived from `key`."""

    name: str
    key: str
    backings: tuple[Backing, ...] = ()
    created: str = ""
    description: str = ""
    legacy_range: str = ""
    legacy_gateway: str = ""

    @property
    def path(self) -> str:
        """Relative to the project."""
        return f"global/networks/{self.name}"

    def backing(self, location: Location) -> Backing | None:
        """The backing in a zone, or None."""
        return next((backing for backing in self.backings if backing.location.id == location.id), None)


class Networks:
    """All networks and subnetworks of an owner."""

    def __init__(self, networks: Iterable[Network], subnetworks: Iterable[Subnetwork]) -> None:
        self.all = tuple(sorted(networks, key=lambda network: network.name))
        self.subnetworks = tuple(subnetworks)
        self._paths: dict[str, tuple[str, str | None]] = {
            backing.network_id: (network.path, None) for network in self.all for backing in network.backings
        }
        self._paths |= {one.network_id: (f"global/networks/{one.network}", one.path) for one in self.subnetworks}
        self._paths.pop("", None)

    def network(self, name: str) -> Network | None:
        """Find a network by name or GCE id."""
        return next((one for one in self.all if name in {one.name, gce_id(one.key)}), None)

    def subnetwork(self, region: str, name: str) -> Subnetwork | None:
        """Find a subnetwork of a region by name or GCE id."""
        inside = (one for one in self.subnetworks if one.location.region == region)
        return next((one for one in inside if name in {one.name, gce_id(one.key)}), None)

    def subnetworks_of(self, network: Network) -> list[Subnetwork]:
        """All subnetworks of a network, region by region."""
        return [one for one in self.subnetworks if one.network == network.name]

    def paths(self, network_id: str) -> tuple[str, str | None] | None:
        """A CloudStack network -> its GCE network and subnetwork, relative to the project; None if unknown."""
        return self._paths.get(network_id)


async def read_networks(reader: Reader, zones: Locations, *, fresh: bool = False) -> Networks:
    """Read the owner's networks: listNetworks and listVPCs at the same time, remembered for seconds with the result."""
    guests, _ = await asyncio.gather(
        reader.cloudstack.reference("listNetworks", GuestNetwork, fresh=fresh),
        reader.cloudstack.reference("listVPCs", Vpc, fresh=fresh),
    )
    context = (guests, zones, reader.owner_id)
    return await reader.cloudstack.reference("listVPCs", Vpc, build=build, context=context)


def build(vpcs: Sequence[Vpc], guests: Sequence[GuestNetwork], zones: Locations, owner_id: str) -> Networks:
    """The GCE networks that CloudStack's networks and VPCs are, without those in zones that the caller cannot see."""
    visible = _by_age(guest for guest in guests if zones.of_id(guest.zoneid) and not guest.name.startswith(HIDDEN))
    visible_vpcs = _by_age(vpc for vpc in vpcs if zones.of_id(vpc.zoneid))
    vpc_names = _vpc_names(visible_vpcs)
    tiers = [guest for guest in visible if guest.vpcid in vpc_names]
    grouped = [guest for guest in visible if guest.has_groups and _location(zones, guest).security_groups]
    others = [guest for guest in visible if guest not in tiers and guest not in grouped and not guest.vpcid]
    other_names = gce_names(((one.id, one.name) for one in others), taken={DEFAULT, *vpc_names.values()})

    networks = _vpc_networks(visible_vpcs, vpc_names, tiers, zones)
    for guest in others:
        kind = {"Isolated": ISOLATED, "L2": L2}.get(guest.type, SHARED)
        backing = Backing(kind, _location(zones, guest), network_id=guest.id, ours=False)
        legacy = (guest.cidr, guest.gateway) if kind == ISOLATED else ("", "")
        name = other_names[guest.id]
        networks[name] = Network(name, guest.id, (backing,), guest.created, guest.displaytext, *legacy)
    default = networks[DEFAULT] = _default_network(networks.get(DEFAULT), grouped, zones, owner_id)

    subnetworks: list[Subnetwork] = []
    for location in zones.all:
        here = [guest for guest in (*tiers, *grouped, *others) if guest.zoneid == location.id]
        network_of = {one.id: vpc_names.get(one.vpcid) or other_names.get(one.id, DEFAULT) for one in here}
        subnetworks += _subnetworks(here, network_of, location, default)
    return Networks(networks.values(), subnetworks)


def planned_range(region: str, backing: Backing | None = None, used: Iterable[str] = ()) -> str:
    """The range for the `default` subnetwork of a region, derived from the region's name.

    Where it is in use, or outside the VPC that exists, the first free /24 of the VPC.
    """
    digest = hashlib.sha256(region.encode()).digest()
    slot = int.from_bytes(digest[:4], "big") % _SLOTS
    first = int(AUTO_RANGE.network_address) + slot * 2**12
    preferred = IPv4Network((first, 22))
    whole = IPv4Network(backing.vpc_cidr) if backing and backing.vpc_cidr else enclosing_block(preferred)
    taken = [IPv4Network(one) for one in used if one]
    fitting = (
        one for one in chain([preferred], whole.subnets(new_prefix=max(24, whole.prefixlen))) if one.subnet_of(whole)
    )
    return str(next((one for one in fitting if not any(one.overlaps(other) for other in taken)), preferred))


def enclosing_block(network: IPv4Network) -> IPv4Network:
    """The private block (RFC 1918) that a VPC gets as its CIDR, so that every later subnetwork fits."""
    return next((block for block in PRIVATE_BLOCKS if network.subnet_of(block)), network)


def acl_list_name(network: str) -> str:
    """The name of the ACL list that holds a network's rules in each of its VPCs."""
    return f"gce-{network}"


def _by_age(found: Iterable[GuestNetworkOrVpc]) -> list[GuestNetworkOrVpc]:
    return sorted(found, key=lambda one: (one.created, one.id))


def _location(zones: Locations, found: GuestNetwork | Vpc) -> Location:
    location = zones.of_id(found.zoneid)
    if location is None:
        raise LookupError(found.zoneid)  # a bug: `build` has left out what is in no visible zone
    return location


def _vpc_names(vpcs: Iterable[Vpc]) -> dict[str, str]:
    """VPC id -> the name of its GCE network. VPCs of one name in several zones are one network."""
    names: dict[str, str] = {}
    taken: set[tuple[str, str]] = set()
    for vpc in vpcs:
        name = slug(vpc.name)
        if (name, vpc.zoneid) in taken:
            name = f"{name[:58]}-{suffix(vpc.id)}"
        taken.add((name, vpc.zoneid))
        names[vpc.id] = name
    return names


def _vpc_networks(
    vpcs: Sequence[Vpc], names: dict[str, str], tiers: Sequence[GuestNetwork], zones: Locations
) -> dict[str, Network]:
    networks: dict[str, Network] = {}
    for vpc in vpcs:
        name = names[vpc.id]
        lists = {tier.aclname for tier in tiers if tier.vpcid == vpc.id}
        ours = not lists or acl_list_name(name) in lists
        backing = Backing(VPC, _location(zones, vpc), vpc.id, vpc.cidr, ours=ours)
        network = networks.get(name) or Network(name, vpc.id, created=vpc.created, description=vpc.displaytext)
        networks[name] = msgspec.structs.replace(network, backings=(*network.backings, backing))
    return networks


def _default_network(found: Network | None, grouped: Sequence[GuestNetwork], zones: Locations, owner: str) -> Network:
    """The network `default`: the VPCs of this name, and the oldest guest network of each zone with security groups."""
    groups = {}
    for guest in reversed(grouped):
        groups[guest.zoneid] = Backing(GROUPS, _location(zones, guest), network_id=guest.id)
    backings = (*(found.backings if found else ()), *groups.values())
    description = "Default network for the project"  # Google's own words
    return Network(DEFAULT, f"{owner} networks {DEFAULT}", backings, found.created if found else "", description)


def _subnetworks(
    here: Sequence[GuestNetwork], network_of: dict[str, str], location: Location, default: Network
) -> list[Subnetwork]:
    """The subnetworks of a region. One subnetwork of the network `default` has the name `default`."""
    found: list[Subnetwork] = []
    default_key = f"{default.key} {location.id}"  # the same resource before and after its tier is created
    first = [guest for guest in here if network_of[guest.id] == DEFAULT]
    chosen = next((guest for guest in first if guest.name == DEFAULT or guest.has_groups), None)
    taken = {DEFAULT} if chosen or location.advanced else set()
    for guest in [*first, *(guest for guest in here if guest not in first)]:
        if not guest.vpcid and guest.type in {"Isolated", "L2"}:
            continue
        name = DEFAULT if guest is chosen else slug(guest.name)
        if name in taken and guest is not chosen:
            name = f"{name[:58]}-{suffix(guest.id)}"
        taken.add(name)
        subnetwork = Subnetwork(
            name=name,
            network=network_of[guest.id],
            location=location,
            key=default_key if guest is chosen else guest.id,
            cidr=guest.cidr,
            gateway=guest.gateway,
            network_id=guest.id,
            created=guest.created,
            description=guest.displaytext if guest.displaytext != guest.name else "",
        )
        found.append(subnetwork)
    if chosen is None and location.advanced and not location.security_groups:
        cidr = planned_range(location.region, default.backing(location), [guest.cidr for guest in first])
        gateway = str(IPv4Network(cidr)[1])
        found.append(Subnetwork(DEFAULT, DEFAULT, location, default_key, cidr, gateway))
    return found
