"""Which GCE networks and subnetworks CloudStack's VPCs, tiers and guest networks are. Pure but for one reading.

A VPC is a GCE network by its name, one VPC per zone; its tiers are subnetworks. The network `default` is always
there, with a subnetwork `default` in every region: a tier that is made on first use, or, where a zone has security
groups, the shared guest network. An isolated network is a legacy network of Google's, with an `IPv4Range` and no
subnetworks; a shared network without security groups has one subnetwork; an L2 network has none.

The range of a `default` subnetwork that is not made yet comes from its region's name, inside Google's own 10.128.0.0/9:
a /22 at the beginning of a /20, since CloudStack makes no guest network larger than /22 (global setting
network.guest.cidr.limit). Names that two things would share get a suffix; the older one keeps the name.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from itertools import chain
from typing import TypeVar

import msgspec

from gstack.cloudstack.client import Client
from gstack.resources.inventory.zones import Location, Locations
from gstack.resources.shared.naming import gce_id, gce_names, slug, suffix

DEFAULT = "default"
AUTO_RANGE = IPv4Network("10.128.0.0/9")
PRIVATE_BLOCKS = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))
GROUPS, VPC, ISOLATED, SHARED, L2 = "groups", "vpc", "isolated", "shared", "l2"
HIDDEN = "gstack-"  # CloudStack networks named so are tools of this server's, no resources
_SLOTS = 2**11  # /20 in a /9


class Service(msgspec.Struct, frozen=True):
    """One service of a guest network."""

    name: str


class GuestNetwork(msgspec.Struct, frozen=True):
    """A network as CloudStack's listNetworks answers it."""

    id: str
    name: str
    zoneid: str
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


class Vpc(msgspec.Struct, frozen=True):
    """A VPC as CloudStack's listVPCs answers it."""

    id: str
    name: str
    zoneid: str
    cidr: str = ""
    displaytext: str = ""
    created: str = ""


Made = TypeVar("Made", GuestNetwork, Vpc)


class Subnetwork(msgspec.Struct, frozen=True):
    """A GCE subnetwork. `network_id` is empty while it is only planned; `key` is what its GCE id comes from."""

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
    """What a GCE network is in one zone. `ours`: its rules are kept by this server, not by hand in CloudStack."""

    kind: str
    location: Location
    vpc_id: str = ""
    vpc_cidr: str = ""
    network_id: str = ""
    ours: bool = True


class Network(msgspec.Struct, frozen=True):
    """A GCE network with what it is in the zones where it is anything yet."""

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
        """What this network is in a zone, or None."""
        return next((backing for backing in self.backings if backing.location.id == location.id), None)


class Topology:
    """An owner's networks and subnetworks."""

    def __init__(self, networks: Iterable[Network], subnetworks: Iterable[Subnetwork]) -> None:
        self.networks = tuple(sorted(networks, key=lambda network: network.name))
        self.subnetworks = tuple(subnetworks)
        self._paths = {one.network_id: (f"global/networks/{one.network}", one.path) for one in self.subnetworks}

    def network(self, name: str) -> Network | None:
        """Find a network by name or GCE id."""
        return next((one for one in self.networks if name in {one.name, gce_id(one.key)}), None)

    def subnetwork(self, region: str, name: str) -> Subnetwork | None:
        """Find a subnetwork by its region's name and its own name or GCE id."""
        inside = (one for one in self.subnetworks if one.location.region == region)
        return next((one for one in inside if name in {one.name, gce_id(one.key)}), None)

    def subnetworks_of(self, network: Network) -> list[Subnetwork]:
        """All subnetworks of a network, one after the other by region."""
        return [one for one in self.subnetworks if one.network == network.name]

    def paths(self, network_id: str) -> tuple[str, str | None] | None:
        """A CloudStack network -> its GCE network and subnetwork, relative to the project."""
        if network_id in self._paths:
            return self._paths[network_id]
        found = (one for one in self.networks for its in one.backings if its.network_id == network_id)
        return next(((one.path, None) for one in found), None)


async def read_topology(cloudstack: Client, owner_id: str, everywhere: Locations, *, fresh: bool = False) -> Topology:
    """The owner's networks. Two calls at the same time (listNetworks, listVPCs), remembered for seconds."""
    guests, vpcs = await asyncio.gather(
        cloudstack.reference("listNetworks", GuestNetwork, fresh=fresh),
        cloudstack.reference("listVPCs", Vpc, fresh=fresh),
    )
    return build(guests, vpcs, everywhere, owner_id)


def build(guests: Sequence[GuestNetwork], vpcs: Sequence[Vpc], everywhere: Locations, owner_id: str) -> Topology:
    """Make Google's picture of what CloudStack has. Things in zones that the caller does not see are left out."""
    seen = _by_age(guest for guest in guests if everywhere.of_id(guest.zoneid) and not guest.name.startswith(HIDDEN))
    named = dict(_vpc_names(vpc for vpc in _by_age(vpcs) if everywhere.of_id(vpc.zoneid)))
    tiers = [guest for guest in seen if guest.vpcid in named]
    grouped = [guest for guest in seen if guest.has_groups and _location(everywhere, guest).security_groups]
    alone = [guest for guest in seen if guest not in tiers and guest not in grouped and not guest.vpcid]
    names = gce_names(((guest.id, guest.name) for guest in alone), taken={DEFAULT, *(n for n, _ in named.values())})
    networks = _vpc_networks(named, tiers, everywhere) | {
        names[guest.id]: _alone(guest, names[guest.id], everywhere) for guest in alone
    }
    networks[DEFAULT] = _default(networks.get(DEFAULT), grouped, everywhere, owner_id)
    subnetworks: list[Subnetwork] = []
    for location in everywhere.all:
        here = [guest for guest in (*tiers, *grouped, *alone) if guest.zoneid == location.id]
        belongs = {guest.id: _network_of(guest, named, names) for guest in here}
        subnetworks += _subnetworks(here, belongs, location, networks[DEFAULT])
    return Topology(networks.values(), subnetworks)


def planned_range(region: str, backing: Backing | None = None, used: Iterable[str] = ()) -> str:
    """The range of a region's `default` subnetwork: from its name, else the first free /24 of the VPC that is there."""
    digest = hashlib.sha256(region.encode()).digest()
    slot = int.from_bytes(digest[:4], "big") % _SLOTS
    first = int(AUTO_RANGE.network_address) + slot * 2**12
    wanted = IPv4Network((first, 22))
    whole = IPv4Network(backing.vpc_cidr) if backing and backing.vpc_cidr else enclosing_block(wanted)
    taken = [IPv4Network(one) for one in used if one]
    fitting = (
        one for one in chain([wanted], whole.subnets(new_prefix=max(24, whole.prefixlen))) if one.subnet_of(whole)
    )
    return str(next((one for one in fitting if not any(one.overlaps(other) for other in taken)), wanted))


def enclosing_block(network: IPv4Network) -> IPv4Network:
    """The private block (RFC 1918) that a VPC gets as its CIDR, so that every later subnetwork of it fits."""
    return next((block for block in PRIVATE_BLOCKS if network.subnet_of(block)), network)


def acl_list_name(network: str) -> str:
    """The name of the ACL list that holds a network's rules in each of its VPCs."""
    return f"gce-{network}"


def _by_age(found: Iterable[Made]) -> list[Made]:
    return sorted(found, key=lambda one: (one.created, one.id))


def _location(everywhere: Locations, thing: GuestNetwork | Vpc) -> Location:
    location = everywhere.of_id(thing.zoneid)
    if location is None:
        raise LookupError(thing.zoneid)  # a fault of ours: such things were left out before
    return location


def _vpc_names(vpcs: Iterable[Vpc]) -> Iterator[tuple[str, tuple[str, Vpc]]]:
    """VPC id -> GCE network and VPC: those of one name in several zones are one network."""
    taken: set[tuple[str, str]] = set()
    for vpc in vpcs:
        name = slug(vpc.name)
        if (name, vpc.zoneid) in taken:
            name = f"{name[:58]}-{suffix(vpc.id)}"
        taken.add((name, vpc.zoneid))
        yield vpc.id, (name, vpc)


def _vpc_networks(
    named: dict[str, tuple[str, Vpc]], tiers: Sequence[GuestNetwork], everywhere: Locations
) -> dict[str, Network]:
    networks: dict[str, Network] = {}
    for name, vpc in named.values():
        lists = {tier.aclname for tier in tiers if tier.vpcid == vpc.id}
        ours = not lists or acl_list_name(name) in lists
        backing = Backing(VPC, _location(everywhere, vpc), vpc.id, vpc.cidr, ours=ours)
        known = networks.get(name) or Network(name, vpc.id, created=vpc.created, description=vpc.displaytext)
        networks[name] = msgspec.structs.replace(known, backings=(*known.backings, backing))
    return networks


def _alone(guest: GuestNetwork, name: str, everywhere: Locations) -> Network:
    kind = {"Isolated": ISOLATED, "L2": L2}.get(guest.type, SHARED)
    backing = Backing(kind, _location(everywhere, guest), network_id=guest.id, ours=False)
    legacy = (guest.cidr, guest.gateway) if kind == ISOLATED else ("", "")
    return Network(name, guest.id, (backing,), guest.created, guest.displaytext, *legacy)


def _default(known: Network | None, grouped: Sequence[GuestNetwork], everywhere: Locations, owner: str) -> Network:
    found = tuple(Backing(GROUPS, _location(everywhere, guest), network_id=guest.id) for guest in grouped)
    backings = (*(known.backings if known else ()), *{its.location.id: its for its in reversed(found)}.values())
    text = "Default network for the project"  # Google's own words
    return Network(DEFAULT, f"{owner} networks {DEFAULT}", backings, known.created if known else "", text)


def _network_of(guest: GuestNetwork, named: dict[str, tuple[str, Vpc]], names: dict[str, str]) -> str:
    return named[guest.vpcid][0] if guest.vpcid in named else names.get(guest.id, DEFAULT)


def _subnetworks(
    here: Sequence[GuestNetwork], belongs: dict[str, str], location: Location, default: Network
) -> list[Subnetwork]:
    """The subnetworks of a region: first those of the network `default`, one of which has its name."""
    found: list[Subnetwork] = []
    first = [guest for guest in here if belongs[guest.id] == DEFAULT]
    chosen = next((guest for guest in first if guest.name == DEFAULT or guest.has_groups), None)
    taken = {DEFAULT} if chosen or location.advanced else set()
    for guest in [*first, *(guest for guest in here if guest not in first)]:
        if not guest.vpcid and guest.type in {"Isolated", "L2"}:
            continue
        name = DEFAULT if guest is chosen else slug(guest.name)
        if name in taken and guest is not chosen:
            name = f"{name[:58]}-{suffix(guest.id)}"
        taken.add(name)
        key = _default_key(default, location) if guest is chosen else guest.id
        found.append(_made(guest, name, belongs[guest.id], location, key))
    if chosen is None and location.advanced and not location.security_groups:
        found.append(_planned(location, default, [guest.cidr for guest in first]))
    return found


def _default_key(default: Network, location: Location) -> str:
    """The `default` subnetwork is the same resource before and after its tier is made."""
    return f"{default.key} {location.id}"


def _made(guest: GuestNetwork, name: str, network: str, location: Location, key: str) -> Subnetwork:
    description = guest.displaytext if guest.displaytext != guest.name else ""
    place = (guest.cidr, guest.gateway, guest.id, guest.created, description)
    return Subnetwork(name, network, location, key, *place)


def _planned(location: Location, default: Network, used: Sequence[str]) -> Subnetwork:
    """A `default` subnetwork before its tier is made."""
    cidr = planned_range(location.region, default.backing(location), used)
    gateway = str(IPv4Network(cidr)[1])
    return Subnetwork(DEFAULT, DEFAULT, location, _default_key(default, location), cidr, gateway)
