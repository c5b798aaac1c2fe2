"""What instances, instance templates and bulk inserts have in common: their fields checked and shown. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

from gstack.errors import Problem
from gstack.resources.shared import refused
from gstack.resources.shared.naming import NAME_PATTERN, fingerprint, is_name

EXTERNAL_NAME = "external-nat"  # Google's name for an access config without a name
SHIELDED = {"enableSecureBoot": False, "enableVtpm": False, "enableIntegrityMonitoring": False}
_SCHEDULING = {
    "onHostMaintenance": "MIGRATE",
    "automaticRestart": True,
    "preemptible": False,
    "provisioningModel": "STANDARD",
}
_PREEMPTIBLE = {"onHostMaintenance": "TERMINATE", "automaticRestart": False, "preemptible": True}
_DEVICE = re.compile(r"\w[\w.-]{0,254}", re.ASCII)  # Google's pattern, of setDiskAutoDelete's deviceName
_MOST_TAGS = 64  # Google's limit


# Checks. `field` is where the value stands in the request.


def check_served(properties: Mapping[str, Any], field: str) -> None:
    """400 for a field of the instance that is not served here."""
    refused.refuse(properties, refused.INSTANCE, field)
    refused.refuse(properties.get("scheduling") or {}, refused.SCHEDULING, f"{field}.scheduling")


def check_scheduling(scheduling: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return the options that were sent. 400 if an option would need an effect, or if two contradict each other."""
    refused.refuse(scheduling, refused.SCHEDULING, field)
    if scheduling.get("preemptible") and scheduling.get("automaticRestart"):
        raise Problem.invalid(f"{field}.automaticRestart", "true. A preemptible instance is not restarted.")
    if scheduling.get("preemptible") and scheduling.get("onHostMaintenance", "TERMINATE") != "TERMINATE":
        raise Problem.invalid(f"{field}.onHostMaintenance", "A preemptible instance must have TERMINATE.")
    return {name: value for name, value in scheduling.items() if value is not None}


def check_tags(tags: Mapping[str, Any] | None, field: str) -> list[str]:
    """Return the network tags of a Tags object, each once."""
    items = (tags or {}).get("items") or []
    if len(items) > _MOST_TAGS:
        raise Problem.invalid(f"{field}.items", f"at most {_MOST_TAGS} tags are allowed, {len(items)} were sent.")
    return check_tag_names(items, f"{field}.items")


def check_tag_names(tags: Iterable[str], field: str) -> list[str]:
    """Return these network tags, each once; 400 where one of them does not match Google's pattern."""
    tags = list(tags)
    for index, tag in enumerate(tags):
        if not is_name(tag):
            why = f"'{tag}'. Must be a match of regex '(?:{NAME_PATTERN})'"
            raise Problem.invalid(f"{field}[{index}]", why)
    return list(dict.fromkeys(tags))


def check_disks(disks: Sequence[Mapping[str, Any]], field: str) -> None:
    """400 unless the first disk, and no other, is the boot disk, and each exists or is new."""
    if not disks:
        raise Problem.invalid(field, "''. A boot disk must be specified.")
    for index, disk in enumerate(disks):
        if bool(disk.get("boot")) is not (index == 0):
            raise Problem.invalid(f"{field}[{index}].boot", "the first disk, and no other, must be the boot disk.")
        if disk.get("source") and disk.get("initializeParams"):
            raise Problem.invalid(f"{field}[{index}]", "send either source or initializeParams, not both.")


def check_distinct(values: Sequence[str], what: str, field: str) -> None:
    """400 if two disks have the same name or device name; `what` says which."""
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise Problem.invalid(field, f"two disks have the {what} '{twice}'.")


def check_device_name(name: str, field: str) -> str:
    """Return the device name of a disk; 400 if Google would not accept it."""
    if not _DEVICE.fullmatch(name):
        raise Problem.invalid(field, f"'{name}'. Must be a match of regex '{_DEVICE.pattern}'")
    return name


def check_ipv4(address: str, field: str) -> IPv4Address:
    """Return the address; 400 for anything else."""
    try:
        return IPv4Address(address)
    except ValueError as error:
        raise Problem.invalid(field, f"'{address}'. Must be an IPv4 address.") from error


def check_access_config(
    configs: Sequence[Mapping[str, Any]] | None, field: str, reasons: Mapping[str, str] = refused.ACCESS
) -> Mapping[str, Any] | None:
    """Return the one access config of an interface, or None. `reasons` say which of its fields are refused."""
    if not configs:
        return None
    if len(configs) > 1:
        raise Problem.invalid(f"{field}.accessConfigs", "At most one access config currently supported.")
    refused.refuse(configs[0], reasons, f"{field}.accessConfigs[0]")
    return configs[0]


# Translators.


def tags_to_gce(tags: Sequence[str]) -> dict[str, Any]:
    """Google's Tags: network tags with their fingerprint."""
    shown = {"fingerprint": fingerprint(list(tags))}
    return shown | ({"items": list(tags)} if tags else {})


def scheduling_to_gce(scheduling: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were sent on top of Google's defaults. Preemptible machines have other defaults."""
    shown = _SCHEDULING | dict(scheduling)
    if scheduling.get("preemptible") or scheduling.get("provisioningModel") == "SPOT":
        shown |= {name: value for name, value in _PREEMPTIBLE.items() if not scheduling.get(name)}
    return shown
