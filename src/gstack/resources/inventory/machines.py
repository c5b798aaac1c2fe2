"""CloudStack's virtual machines, the names they have as Google's instances, and how one is found.

A machine's GCE name is the one in the sidecar, else the displayname of a machine that was deployed here under
`<name>-<4 characters>`, else its host name as a slug. One is found by the sidecar's uuid, by its numeric id, or by one
`listVirtualMachines keyword=`, which looks at host name and displayname and ignores case (`name=` looks at the host
name alone); what CloudStack answers is compared exactly here. CloudStack keeps a destroyed machine for a
day, with its host name, networks and root volume. It is not an instance any more, and neither are the temporary
machines that this server uses itself (steps/image_disks.py).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.resources.inventory import finding
from gstack.resources.inventory.zones import Location
from gstack.resources.shared.naming import NAME_LENGTH, gce_names, is_name, slug

Facts = Mapping[str, Mapping[str, Any]]

GONE = frozenset({"Destroyed", "Expunging", "Expunged"})
DETAILS = ("nics", "tmpl", "servoff")  # what listVirtualMachines joins; `stats` would be expensive
OWN: Mapping[str, object] = {"listall": False}  # only the caller's own, for administrators too
TOOL = "gstack: "  # begins the displayname of a temporary machine; no GCE name contains a space
MARK = 4  # characters that are added to a host name that is taken
_MARKED = re.compile(rf"(?P<name>.+)-[0-9a-f]{{{MARK}}}")


class Nic(msgspec.Struct, frozen=True):
    """A network interface inside a machine's answer. `deviceid` is a string here, unlike a volume's."""

    id: str
    networkid: str = ""
    networkname: str = ""
    ipaddress: str = ""
    netmask: str = ""
    type: str = ""
    isdefault: bool = False
    deviceid: str = "0"
    publicip: str = ""
    publicipid: str = ""


class VirtualMachine(msgspec.Struct, frozen=True):
    """A machine as CloudStack lists it; with few details asked for, many fields are absent. Memory is in MB."""

    id: str
    name: str = ""
    displayname: str = ""
    state: str = ""
    zoneid: str = ""
    created: str = ""
    lastupdated: str = ""
    serviceofferingid: str = ""
    serviceofferingname: str = ""
    cpunumber: int = 0
    memory: int = 0
    templateid: str = ""
    nic: tuple[Nic, ...] = ()
    tags: tuple[dict[str, Any], ...] = ()
    deleteprotection: bool = False

    @property
    def shown(self) -> bool:
        """Whether this is an instance at all."""
        return self.state not in GONE and not self.displayname.startswith(TOOL)


class Found(msgspec.Struct, frozen=True):
    """One machine with its GCE name and what the sidecar knows of it."""

    machine: VirtualMachine
    name: str
    facts: Mapping[str, Any]

    @property
    def uuid(self) -> str:
        """CloudStack's uuid of the machine."""
        return self.machine.id


def kind(zone_id: str) -> str:
    """The sidecar's kind of the instances of a CloudStack zone: their names are unique in it."""
    return f"instances/{zone_id}"


def marked(name: str, mark: str) -> str:
    """A host name for a machine whose plain name may be taken: `<name>-<4 characters>`."""
    return f"{name[: NAME_LENGTH - MARK - 1].rstrip('-')}-{mark[:MARK]}"


def raw_name(host: str, display: str) -> str:
    """The name to show for a machine that the sidecar does not know (pure; not yet a GCE name)."""
    match = _MARKED.fullmatch(host)
    if match and is_name(display) and marked(display, "0" * MARK) == f"{match['name']}-{'0' * MARK}":
        return display
    return host or display


def names_of(machines: Iterable[VirtualMachine], facts: Facts) -> dict[str, str]:
    """Map uuid to GCE name, unique in its zone. Names in the sidecar stay; others get a suffix if necessary."""
    zones: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for machine in machines:
        zones[machine.zoneid].append((machine.id, raw_name(machine.name, machine.displayname)))
    return {uuid: name for pairs in zones.values() for uuid, name in names_beside(pairs, facts).items()}


def names_beside(pairs: Iterable[tuple[str, str]], facts: Facts) -> dict[str, str]:
    """(uuid, CloudStack name) -> {uuid: GCE name} in one scope, where some have a name in the sidecar."""
    all_pairs = dict(pairs)
    given = {uuid: str(facts[uuid]["name"]) for uuid in all_pairs if facts.get(uuid, {}).get("name")}
    free = ((uuid, name) for uuid, name in all_pairs.items() if uuid not in given)
    return given | gce_names(free, taken=set(given.values()))


def name_behind(uuid: str, host: str, display: str, facts: Facts) -> str:
    """The GCE name of one machine that is only mentioned (by a volume, a rule)."""
    return str(facts.get(uuid, {}).get("name") or slug(raw_name(host, display)))


async def find(cloudstack: Client, sidecar: Sidecar, owner: str, location: Location, wanted: str) -> Found | None:
    """Find an instance of a zone by GCE name or numeric id: one call to CloudStack where the sidecar knows it."""
    zone = {"zoneid": location.id}
    return await finding.find(
        sidecar,
        owner,
        kind(location.id),
        wanted,
        search=lambda narrowed: search(cloudstack, sidecar, {**zone, **narrowed}),
        named=lambda name: named(cloudstack, sidecar, name, zone),
    )


async def known_uuid(sidecar: Sidecar, owner: str, location: Location, wanted: str) -> str | None:
    """The CloudStack uuid that the sidecar knows for a GCE name or numeric id; the machine may be gone by now."""
    return await (sidecar.uuid_of(wanted) if wanted.isdigit() else sidecar.named(owner, kind(location.id), wanted))


async def named(cloudstack: Client, sidecar: Sidecar, wanted: str, narrowed: Mapping[str, object]) -> list[Found]:
    """Find the instances of this GCE name, one in each zone at most. `narrowed` are more parameters of the list.

    If the end of the name looks like the mark of a taken name, look for the name without it too.
    """
    match = _MARKED.fullmatch(wanted)
    for word in [wanted, match["name"]] if match else [wanted]:
        found = await search(cloudstack, sidecar, {"keyword": word, **narrowed})
        if exact := [one for one in found if one.name == wanted]:
            return exact
    return []


async def search(cloudstack: Client, sidecar: Sidecar, narrowed: Mapping[str, object]) -> list[Found]:
    """List instances with what the sidecar knows of them; `narrowed` are parameters of listVirtualMachines."""
    parameters = {**OWN, "details": DETAILS, **narrowed}
    listed = await cloudstack.list_all("listVirtualMachines", VirtualMachine, parameters)
    return await with_names([one for one in listed if one.shown], sidecar)


async def with_names(machines: Sequence[VirtualMachine], sidecar: Sidecar) -> list[Found]:
    """Name machines that were listed together."""
    facts = await sidecar.facts([one.id for one in machines])
    names = names_of(machines, facts)
    return [Found(one, names[one.id], facts.get(one.id, {})) for one in machines]
