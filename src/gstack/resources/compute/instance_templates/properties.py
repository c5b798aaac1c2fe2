"""InstanceProperties, what an instance template holds: checked as an instance's own fields would be, and shown. Pure.

Kept as the client sent them but for references, which are kept as paths (`projects/p/global/networks/n`): no absolute
URL is stored. Machine and disk types are bare names, since a template belongs to no zone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

from gstack.errors import Problem
from gstack.gateway.links import GOOGLE
from gstack.resources.compute.instances.to_gce import EXTERNAL_NAME, scheduling_to_gce, tags_to_gce
from gstack.resources.inventory.templates import image_reference
from gstack.resources.shared import metadata
from gstack.resources.shared import refused as policy
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import NAME_PATTERN, check_labels, check_name, is_name
from gstack.resources.shared.references import parse_reference

_DEVICE = re.compile(r"\w[\w.-]{0,254}", re.ASCII)  # Google's pattern, of setDiskAutoDelete's deviceName
_SCOPES = {"networks": "global", "snapshots": "global", "subnetworks": "regions"}
_TAGS = 64  # Google's limit of network tags
_REFUSED = policy.INSTANCE | {"resourceManagerTags": "resource manager tags are not served here."}


def checked(sent: Mapping[str, Any], project: str, field: str = "resource.properties") -> dict[str, Any]:
    """Return properties as they are kept. Problem 400 names the field that no instance could have."""
    policy.refuse(sent, _REFUSED, field)
    policy.refuse(sent.get("scheduling") or {}, policy.SCHEDULING, f"{field}.scheduling")
    check_labels(sent.get("labels"), f"{field}.labels")
    items = check_metadata(sent.get("metadata"), f"{field}.metadata")
    return dict(sent) | {
        "machineType": _bare(sent.get("machineType"), f"{field}.machineType"),
        "disks": _disks(sent.get("disks") or [], project, f"{field}.disks"),
        "networkInterfaces": [
            _interface(one, project, f"{field}.networkInterfaces[{index}]")
            for index, one in enumerate(sent.get("networkInterfaces") or [])
        ],
        "metadata": {"items": [{"key": key, "value": value} for key, value in items.items()]},
        "tags": {"items": _tags((sent.get("tags") or {}).get("items") or [], f"{field}.tags.items")},
    }


def images_of(kept: Mapping[str, Any]) -> list[str]:
    """The images that the disks are made from, as paths."""
    asked = (disk.get("initializeParams", {}).get("sourceImage", "") for disk in kept["disks"])
    return [path for path in asked if path]


def to_gce(kept: Mapping[str, Any], link: Callable[[str, str], str]) -> dict[str, Any]:
    """Show properties as Google does, with fingerprints; `link` makes a URL of a path in a project."""
    return dict(kept) | {
        "metadata": metadata.to_gce({item["key"]: item["value"] for item in kept["metadata"]["items"]}),
        "tags": tags_to_gce(kept["tags"]["items"]),
        "scheduling": scheduling_to_gce(kept.get("scheduling", {})),
        "disks": [_shown_disk(disk, index) for index, disk in enumerate(kept["disks"])],
        "networkInterfaces": [_shown_nic(nic, index, link) for index, nic in enumerate(kept["networkInterfaces"])],
    }


def _disks(sent: Sequence[Mapping[str, Any]], project: str, field: str) -> list[dict[str, Any]]:
    if not sent:
        raise Problem.invalid(field, "''. A boot disk must be specified.")
    for index, disk in enumerate(sent):
        if bool(disk.get("boot")) is not (index == 0):
            raise Problem.invalid(f"{field}[{index}].boot", "the first disk, and no other, must be the boot disk.")
    kept = [_disk(disk, project, f"{field}[{index}]") for index, disk in enumerate(sent)]
    for name, values in (
        ("deviceName", [disk.get("deviceName") for disk in kept]),
        ("diskName", [disk.get("initializeParams", {}).get("diskName") for disk in kept]),
    ):
        given = [value for value in values if value]
        if len(given) != len(set(given)):
            raise Problem.invalid(field, f"two disks have the same {name}.")
    return kept


def _disk(disk: Mapping[str, Any], project: str, field: str) -> dict[str, Any]:
    policy.refuse(disk, policy.DISK, field)
    asked = disk.get("initializeParams") or {}
    device = disk.get("deviceName", "")
    if device and not _DEVICE.fullmatch(device):
        raise Problem.invalid(f"{field}.deviceName", f"'{device}'. Must be a match of regex '{_DEVICE.pattern}'")
    _check_size(disk, f"{field}.diskSizeGb")
    if disk.get("source"):
        if asked:
            raise Problem.invalid(field, "source and initializeParams exclude each other.")
        return dict(disk) | {"source": _disk_name(disk["source"], f"{field}.source")}
    if disk.get("boot") and not (asked.get("sourceImage") or asked.get("sourceSnapshot")):
        raise Problem.required(f"{field}.initializeParams.sourceImage")
    return dict(disk) | {"initializeParams": _initialize(asked, project, f"{field}.initializeParams")}


def _disk_name(text: str, field: str) -> str:
    told = parse_reference(text)
    if not told.can_be("disks") or (told.scope and not told.zone):
        raise Problem.invalid(field, f"'{text}'. Send the name of a disk.")
    return told.name


def _initialize(asked: Mapping[str, Any], project: str, field: str) -> dict[str, Any]:
    policy.refuse(asked, policy.INITIALIZE, field)
    check_labels(asked.get("labels"), f"{field}.labels")
    _check_size(asked, f"{field}.diskSizeGb")
    kept = dict(asked)
    if asked.get("diskName"):
        check_name(f"{field}.diskName", asked["diskName"])
    if asked.get("diskType"):
        kept["diskType"] = _bare(asked["diskType"], f"{field}.diskType")
    if asked.get("sourceImage"):
        kept["sourceImage"] = _image_path(asked["sourceImage"], project)
    if asked.get("sourceSnapshot"):
        kept["sourceSnapshot"] = _path(asked["sourceSnapshot"], "snapshots", project, f"{field}.sourceSnapshot")
    return kept


def _image_path(text: str, project: str) -> str:
    """A path with its project; `debian-cloud/debian-12`, an image or a family, stays as it is."""
    told = image_reference(text, project)
    return f"projects/{told.project}/global/{told.collection}/{told.name}" if told.collection else text


def _check_size(sent: Mapping[str, Any], field: str) -> None:
    if "diskSizeGb" in sent and int(sent["diskSizeGb"]) < 1:
        raise Problem.invalid(field, f"'{sent['diskSizeGb']}'. Must be at least 1.")


def _interface(sent: Mapping[str, Any], project: str, field: str) -> dict[str, Any]:
    policy.refuse(sent, policy.INTERFACE, field)
    configs = sent.get("accessConfigs") or []
    if len(configs) > 1:
        raise Problem.invalid(f"{field}.accessConfigs", "At most one access config currently supported.")
    for config in configs:
        policy.refuse(config, policy.ACCESS, f"{field}.accessConfigs[0]")
    if address := sent.get("networkIP"):
        _check_address(address, f"{field}.networkIP")
    kept = dict(sent)
    for name, collection in (("network", "networks"), ("subnetwork", "subnetworks")):
        if sent.get(name):
            kept[name] = _path(sent[name], collection, project, f"{field}.{name}")
    return kept


def _check_address(address: str, field: str) -> None:
    try:
        IPv4Address(address)
    except ValueError as error:
        raise Problem.invalid(field, f"'{address}'. Must be an IPv4 address.") from error


def _path(text: str, collection: str, project: str, field: str) -> str:
    """`projects/p/global/networks/n`, or a bare name of a subnetwork, whose region the instance's zone tells."""
    told = parse_reference(text)
    kind = _SCOPES[collection]
    if not told.can_be(collection) or told.scope.partition("/")[0] not in {"", kind}:
        raise Problem.invalid(field, f"'{text}'. The referenced {collection[:-1]} cannot be found.")
    scope = told.scope or ("global" if kind == "global" else "")
    return f"projects/{told.project or project}/{scope}/{collection}/{told.name}" if scope else told.name


def _bare(text: object, field: str) -> str:
    if not text:
        raise Problem.required(field)
    if not isinstance(text, str) or not is_name(text):
        rule = f"Must be a name without zone, a match of regex '(?:{NAME_PATTERN})'"
        raise Problem.invalid(field, f"'{text}'. {rule}")
    return text


def _tags(items: Sequence[str], field: str) -> list[str]:
    if len(items) > _TAGS:
        raise Problem.invalid(field, f"at most {_TAGS} tags are allowed, {len(items)} were sent.")
    for index, tag in enumerate(items):
        check_name(f"{field}[{index}]", tag)
    return list(dict.fromkeys(items))


def _shown_disk(disk: Mapping[str, Any], index: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "PERSISTENT",
        "mode": "READ_WRITE",
        "interface": "SCSI",
        "index": index,
        "boot": False,
        "autoDelete": False,
        "deviceName": f"persistent-disk-{index}",
    } | dict(disk)
    path = shown.get("initializeParams", {}).get("sourceImage", "")
    if path.startswith("projects/"):  # an image's URL is always at Google's host
        shown["initializeParams"] = shown["initializeParams"] | {"sourceImage": f"{GOOGLE}/compute/v1/{path}"}
    return shown


def _shown_nic(nic: Mapping[str, Any], index: int, link: Callable[[str, str], str]) -> dict[str, Any]:
    shown = {"name": f"nic{index}"} | dict(nic)
    for field in ("network", "subnetwork"):
        told = parse_reference(shown.get(field, ""))
        if told.project:
            shown[field] = link(f"{told.scope}/{told.collection}/{told.name}", told.project)
    if configs := shown.get("accessConfigs"):
        default = {"type": "ONE_TO_ONE_NAT", "name": EXTERNAL_NAME, "networkTier": "PREMIUM"}
        shown["accessConfigs"] = [default | dict(config) for config in configs]
    return shown
