"""Google's Instance from a CloudStack machine, its volumes and the facts of the sidecar. Pure.

What CloudStack has no place for comes back as it was sent (scheduling, service accounts, metadata, network tags). The
external address is the static NAT of the interface; in zones with security groups it is the guest address itself,
shown as external where it was asked for, or where nobody asked (a machine that was made in CloudStack).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.resources.inventory.machines import Nic, VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import metadata
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
SCHEDULING = {
    "onHostMaintenance": "MIGRATE",
    "automaticRestart": True,
    "preemptible": False,
    "provisioningModel": "STANDARD",
}
SHIELDED = {"enableSecureBoot": False, "enableVtpm": False, "enableIntegrityMonitoring": False}
EXTERNAL_NAME = "external-nat"
FIRST_NIC = "nic0"
_BESIDE = {"last_start", "last_stop", "machine_type"}  # facts that are of the state, or of what is shown anyway


class Part(msgspec.Struct, frozen=True):
    """One volume of a machine with its GCE name and its facts."""

    volume: Volume
    name: str
    facts: Mapping[str, Any]


class View(msgspec.Struct, frozen=True):
    """All that one Instance is shown from. `networks` is what backings.network_links gives."""

    machine: VirtualMachine
    name: str
    facts: Mapping[str, Any]
    parts: Sequence[Part]
    location: Location
    machine_type: str
    networks: Mapping[str, tuple[str, str | None]]


def to_gce(view: View, link: Link) -> dict[str, Any]:
    """The Instance; `link` makes a URL of a path relative to the project."""
    machine, facts = view.machine, view.facts
    place = f"zones/{view.location.zone}"
    labels = tags_to_labels(machine.tags)
    shown = {
        "id": gce_id(machine.id),
        "name": view.name,
        "description": facts.get("description", ""),
        "creationTimestamp": timestamp_of(machine.created),
        "zone": link(place),
        "selfLink": link(f"{place}/instances/{view.name}"),
        "machineType": link(f"{place}/machineTypes/{view.machine_type}"),
        "cpuPlatform": UNKNOWN_CPU,
        "labels": labels,
        "labelFingerprint": fingerprint(labels),
        "metadata": metadata.to_gce(facts.get("metadata", {})),
        "tags": tags_to_gce(facts.get("tags", [])),
        "disks": [disk_to_gce(part, index, place, link) for index, part in enumerate(ordered(view.parts))],
        "networkInterfaces": [nic_to_gce(nic, name, view, link) for name, nic in named_nics(machine).items()],
        "canIpForward": False,
        "deletionProtection": machine.deleteprotection,
        "startRestricted": False,
    }
    shown |= _status(machine, facts) | _kept(facts)
    return {**_without_empty(shown), "fingerprint": _fingerprint(view, labels)}


def _fingerprint(view: View, labels: Mapping[str, str]) -> str:
    """Of the content alone: neither the Host of the request nor the machine's state changes it."""
    machine, facts = view.machine, {name: fact for name, fact in view.facts.items() if _counts(name, fact)}
    nics = [(nic.id, nic.ipaddress, nic.publicip) for nic in machine.nic]
    disks = [(part.name, part.facts) for part in view.parts]
    return fingerprint([view.name, view.machine_type, facts, labels, machine.deleteprotection, nics, disks])


def _counts(name: str, fact: Any) -> bool:
    """Whether a fact is content. An empty `external` is: it says that there is none."""
    return name not in _BESIDE and (name == "external" or fact not in ("", None, [], {}))


def tags_to_gce(tags: Sequence[str]) -> dict[str, Any]:
    """Network tags with their fingerprint."""
    shown = {"fingerprint": fingerprint(list(tags))}
    return shown | ({"items": list(tags)} if tags else {})


def disk_to_gce(part: Part, index: int, place: str, link: Link) -> dict[str, Any]:
    """An AttachedDisk. A root volume goes with its machine unless it was said to stay; a data volume stays."""
    boot = part.volume.type == ROOT
    return {
        "type": "PERSISTENT",
        "mode": "READ_WRITE",
        "interface": "SCSI",
        "source": link(f"{place}/disks/{part.name}"),
        "deviceName": device_name(part, index),
        "index": index,
        "boot": boot,
        "autoDelete": goes_with_machine(part),
        "diskSizeGb": str(part.volume.gigabytes),
    }


def device_name(part: Part, index: int) -> str:
    """The name that the guest's owner knows a disk by; Google's own pattern where none was given."""
    return str(part.facts.get("device_name") or f"persistent-disk-{index}")


def goes_with_machine(part: Part) -> bool:
    """`autoDelete`: CloudStack's own way (root goes, data stays) where nobody said otherwise."""
    return bool(part.facts.get("auto_delete", part.volume.type == ROOT))


def nic_to_gce(nic: Nic, name: str, view: View, link: Link) -> dict[str, Any]:
    """A NetworkInterface. The facts know the network where a shared CloudStack network is behind several."""
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
    """The name that it was given with the instance, or later (`externals`, by the interface's uuid)."""
    first = view.facts.get("external", EXTERNAL_NAME) if name == FIRST_NIC else EXTERNAL_NAME
    wanted = view.facts.get("externals", {}).get(nic.id, first)
    address = nic.publicip or (nic.ipaddress if view.location.security_groups else "")
    called = wanted or (EXTERNAL_NAME if nic.publicip else "")
    if not address or not called:
        return []
    return [{"type": "ONE_TO_ONE_NAT", "name": called, "natIP": address, "networkTier": "PREMIUM"}]


def named_nics(machine: VirtualMachine) -> dict[str, Nic]:
    """Google's name -> interface, the default one first: `nic<n>` by CloudStack's device number, which stays."""
    nics = sorted(machine.nic, key=lambda nic: (not nic.isdefault, int(nic.deviceid)))
    numbers = [nic.deviceid for nic in nics]
    if numbers[:1] != ["0"] or len({*numbers}) < len(numbers):  # made by hand in CloudStack
        numbers = [str(index) for index in range(len(nics))]
    return {f"nic{number}": nic for number, nic in zip(numbers, nics, strict=True)}


def ordered(parts: Sequence[Part]) -> list[Part]:
    """A machine's disks in the order that `index` counts: the boot disk, then by CloudStack's device number."""
    return sorted(parts, key=lambda part: (part.volume.type != ROOT, part.volume.deviceid or 0, part.name))


def _status(machine: VirtualMachine, facts: Mapping[str, Any]) -> dict[str, Any]:
    """CloudStack knows since when a machine is as it is; when it was otherwise is known where it changed here."""
    status, since = STATUSES.get(machine.state, "REPAIRING"), machine.lastupdated
    shown = {"status": status, "lastStartTimestamp": "", "lastStopTimestamp": ""}
    if machine.state == "Error":
        shown["statusMessage"] = "CloudStack could not deploy this machine (state Error)."
    if status == "RUNNING":
        stopped = facts.get("last_stop", "")
        shown |= {"lastStartTimestamp": since or machine.created, "lastStopTimestamp": stopped}
    if status == "TERMINATED":
        shown |= {"lastStartTimestamp": facts.get("last_start", ""), "lastStopTimestamp": since}
    return {name: timestamp_of(text) if name.startswith("last") else text for name, text in shown.items()}


def scheduling_to_gce(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were sent on top of Google's defaults, which are others for a machine that may be taken away."""
    if kept.get("preemptible") or kept.get("provisioningModel") == "SPOT":
        fleeting = {"onHostMaintenance": "TERMINATE", "automaticRestart": False, "preemptible": True}
        return SCHEDULING | dict(kept) | {name: value for name, value in fleeting.items() if not kept.get(name)}
    return SCHEDULING | dict(kept)


def _kept(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What comes back as it was sent, or as Google fills it in."""
    kept = dict(facts.get("kept", {}))
    kept["scheduling"] = scheduling_to_gce(kept.get("scheduling", {}))
    kept["shieldedInstanceConfig"] = SHIELDED | kept.get("shieldedInstanceConfig", {})
    kept["shieldedInstanceIntegrityPolicy"] = {"updateAutoLearnPolicy": True}
    return kept


def _without_empty(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if value not in ("", None, [], {})}
