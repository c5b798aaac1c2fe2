"""Instances as Google shows them: a CloudStack machine, its volumes, and the facts of the sidecar.

Scheduling, service accounts, metadata and network tags are shown as they were sent: CloudStack has no place for them.
The external address is the static NAT of the interface. In zones with security groups it is the guest address itself.
It is shown as external if the request asked for an external address, or if the machine was made in CloudStack.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.resources.inventory import placements, service_offerings, volumes
from gstack.resources.inventory.machines import Found, Nic, VirtualMachine
from gstack.resources.inventory.reader import Reader
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.inventory.zones import Location, Locations
from gstack.resources.shared import metadata
from gstack.resources.shared.instance_properties import EXTERNAL_NAME, SHIELDED, scheduling_to_gce, tags_to_gce
from gstack.resources.shared.naming import fingerprint, gce_id, slug, tags_to_labels, timestamp_of

Link = Callable[[str], str]

STATUSES = {
    "Starting": "STAGING",
    "Running": "RUNNING",
    "Migrating": "RUNNING",
    "Stopping": "STOPPING",
    "Stopped": "TERMINATED",
    "Shutdown": "TERMINATED",
    "Error": "TERMINATED",
    "Unknown": "REPAIRING",
}
UNKNOWN_CPU = "Unknown CPU Platform"  # Google's own words for a machine without one
FIRST_NIC = "nic0"
_NOT_CONTENT = {"last_start", "last_stop", "machine_type"}  # facts about the state, or shown in another field
_EMPTY: tuple[object, ...] = ("", None, [], {})


class AttachedDisk(msgspec.Struct, frozen=True):
    """One volume of a machine with its GCE name and its facts."""

    volume: Volume
    name: str
    facts: Mapping[str, Any]

    @property
    def auto_delete(self) -> bool:
        """Whether it is deleted with its machine. As in CloudStack, the default is yes for a root volume only."""
        return bool(self.facts.get("auto_delete", self.volume.type == ROOT))


class View(msgspec.Struct, frozen=True):
    """Everything that an Instance is made from. `networks` is the result of placements.network_links."""

    machine: VirtualMachine
    name: str
    facts: Mapping[str, Any]
    disks: Sequence[AttachedDisk]
    location: Location
    machine_type: str
    networks: Mapping[str, tuple[str, str | None]]


def to_gce(view: View, link: Link) -> dict[str, Any]:
    """The Instance; `link` makes a URL of a path relative to the project."""
    machine, facts = view.machine, view.facts
    zone = f"zones/{view.location.zone}"
    labels = tags_to_labels(machine.tags)
    accepted = facts.get("kept", {})
    shown = {
        "id": gce_id(machine.id),
        "name": view.name,
        "description": facts.get("description", ""),
        "creationTimestamp": timestamp_of(machine.created),
        "zone": link(zone),
        "selfLink": link(f"{zone}/instances/{view.name}"),
        "machineType": link(f"{zone}/machineTypes/{view.machine_type}"),
        "cpuPlatform": UNKNOWN_CPU,
        "labels": labels,
        "labelFingerprint": fingerprint(labels),
        "metadata": metadata.to_gce(facts.get("metadata", {})),
        "tags": tags_to_gce(facts.get("tags", [])),
        "disks": [disk_to_gce(disk, index, zone, link) for index, disk in enumerate(ordered(view.disks))],
        "networkInterfaces": [nic_to_gce(nic, name, view, link) for name, nic in named_nics(machine).items()],
        "canIpForward": False,
        "deletionProtection": machine.deleteprotection,
        "startRestricted": False,
        **_status(machine, facts),
        **accepted,
        "scheduling": scheduling_to_gce(accepted.get("scheduling", {})),
        "shieldedInstanceConfig": SHIELDED | accepted.get("shieldedInstanceConfig", {}),
        "shieldedInstanceIntegrityPolicy": {"updateAutoLearnPolicy": True},
    }
    return {**_without_empty(shown), "fingerprint": _fingerprint(view, labels)}


def disk_to_gce(disk: AttachedDisk, index: int, zone: str, link: Link) -> dict[str, Any]:
    """An AttachedDisk; `zone` is the path of its zone."""
    return {
        "type": "PERSISTENT",
        "mode": "READ_WRITE",
        "interface": "SCSI",
        "source": link(f"{zone}/disks/{disk.name}"),
        "deviceName": device_name(disk, index),
        "index": index,
        "boot": disk.volume.type == ROOT,
        "autoDelete": disk.auto_delete,
        "diskSizeGb": str(disk.volume.gigabytes),
    }


def device_name(disk: AttachedDisk, index: int) -> str:
    """The device name that a request gave, else Google's own: `persistent-disk-<index>`."""
    return str(disk.facts.get("device_name") or f"persistent-disk-{index}")


def nic_to_gce(nic: Nic, name: str, view: View, link: Link) -> dict[str, Any]:
    """A NetworkInterface.

    The machine's facts name the network of its first interface: several networks of Google's may share one CloudStack
    network.
    """
    network, subnetwork = view.networks.get(nic.networkid, (f"global/networks/{slug(nic.networkname)}", None))
    if name == FIRST_NIC:
        network = view.facts.get("network", network)
        subnetwork = view.facts.get("subnetwork", subnetwork)
    shown = {
        "name": name,
        "network": link(network),
        "subnetwork": link(subnetwork) if subnetwork else "",
        "networkIP": nic.ipaddress,
        "stackType": "IPV4_ONLY",
        "accessConfigs": _access_configs(nic, name, view),
    }
    content = [network, subnetwork, nic.ipaddress, nic.publicip]
    return {**_without_empty(shown), "fingerprint": fingerprint(content)}


def _access_configs(nic: Nic, name: str, view: View) -> list[dict[str, Any]]:
    """The access config of an interface, under the name that was given with the instance or later.

    The fact `external` is the name that the insert gave the first interface's access config, empty if it had none. The
    fact `externals` maps the uuids of interfaces to later names.
    """
    first = view.facts.get("external", EXTERNAL_NAME) if name == FIRST_NIC else EXTERNAL_NAME
    config = view.facts.get("externals", {}).get(nic.id, first) or (EXTERNAL_NAME if nic.publicip else "")
    address = nic.publicip or (nic.ipaddress if view.location.security_groups else "")
    if not address or not config:
        return []
    return [{"type": "ONE_TO_ONE_NAT", "name": config, "natIP": address, "networkTier": "PREMIUM"}]


def named_nics(machine: VirtualMachine) -> dict[str, Nic]:
    """Google's name -> interface, the default one first: `nic<n>` by CloudStack's device number, which stays."""
    nics = sorted(machine.nic, key=lambda nic: (not nic.isdefault, int(nic.deviceid)))
    numbers = [nic.deviceid for nic in nics]
    if numbers[:1] != ["0"] or len({*numbers}) < len(numbers):  # somebody changed the default one in CloudStack
        numbers = [str(index) for index in range(len(nics))]
    return {f"nic{number}": nic for number, nic in zip(numbers, nics, strict=True)}


def ordered(disks: Sequence[AttachedDisk]) -> list[AttachedDisk]:
    """A machine's disks in the order that `index` counts: the boot disk, then by CloudStack's device number."""
    return sorted(disks, key=lambda disk: (disk.volume.type != ROOT, disk.volume.deviceid or 0, disk.name))


def _status(machine: VirtualMachine, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The status, and when the machine was started and stopped last.

    CloudStack tells since when a machine has had its state. The facts tell when it last had the other one, if it was
    stopped or started here.
    """
    status, since = STATUSES.get(machine.state, "REPAIRING"), machine.lastupdated
    started, stopped = "", ""
    if status == "RUNNING":
        started, stopped = since or machine.created, facts.get("last_stop", "")
    if status == "TERMINATED":
        started, stopped = facts.get("last_start", ""), since
    failed = machine.state == "Error"
    return {
        "status": status,
        "statusMessage": "CloudStack could not deploy this machine (state Error)." if failed else "",
        "lastStartTimestamp": timestamp_of(started),
        "lastStopTimestamp": timestamp_of(stopped),
    }


def _fingerprint(view: View, labels: Mapping[str, str]) -> str:
    """Of the content alone: neither the Host of the request nor the machine's state changes it."""
    facts = {  # an empty `external` counts: it says that there is no access config
        name: fact
        for name, fact in view.facts.items()
        if name not in _NOT_CONTENT and (name == "external" or fact not in _EMPTY)
    }
    nics = [(nic.id, nic.ipaddress, nic.publicip) for nic in view.machine.nic]
    disks = [(disk.name, disk.facts) for disk in view.disks]
    return fingerprint([view.name, view.machine_type, facts, labels, view.machine.deleteprotection, nics, disks])


def _without_empty(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value not in _EMPTY}


async def render(
    reader: Reader, link: Link, zones: Locations, found: Sequence[Found], disks: Sequence[Volume]
) -> list[dict[str, Any]]:
    """Show machines as Instances. `disks` may hold volumes of other machines too."""
    if not found:
        return []
    ids = {one.machine.id for one in found}
    attached: dict[str, list[AttachedDisk]] = defaultdict(list)
    own = [disk for disk in disks if disk.shown and disk.virtualmachineid in ids]
    for disk in await volumes.with_names(own, reader.sidecar):
        facts = disk.facts.get(disk.volume.id, {})
        attached[disk.volume.virtualmachineid].append(AttachedDisk(disk.volume, disk.name, facts))
    networks = await placements.network_links(reader, {nic.networkid for one in found for nic in one.machine.nic})
    offerings = await service_offerings.offerings(reader.cloudstack)
    await reader.sidecar.remember_ids([*ids, *(disk.id for disk in own)])
    shown = []
    for one in found:
        machine = one.machine
        location = zones.of_id(machine.zoneid)
        if location is None:
            continue
        machine_type = service_offerings.as_requested(
            service_offerings.name_of(
                machine.serviceofferingid, machine.cpunumber, machine.memory, offerings, machine.serviceofferingname
            ),
            one.facts.get("machine_type", ""),
        )
        view = View(machine, one.name, one.facts, attached[machine.id], location, machine_type, networks)
        shown.append(to_gce(view, link))
    return shown
