"""InstanceProperties, the content of an instance template: checked like the fields of an instance, and shown. Pure.

They are stored as the client sent them, except that references become paths (`projects/p/global/networks/n`): no
absolute URL is stored. Machine and disk types are bare names, since a template belongs to no zone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.links import Links
from gstack.resources.inventory.templates import image_reference
from gstack.resources.shared import metadata
from gstack.resources.shared import refused as policy
from gstack.resources.shared.instance_properties import (
    EXTERNAL_NAME,
    check_access_config,
    check_device_name,
    check_disks,
    check_distinct,
    check_ipv4,
    check_served,
    check_tags,
    scheduling_to_gce,
    tags_to_gce,
)
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import NAME_PATTERN, check_labels, check_name, is_name
from gstack.resources.shared.references import parse_reference

_SCOPES = {"networks": "global", "snapshots": "global", "subnetworks": "regions"}
_REFUSED = {"resourceManagerTags": "resource manager tags are not served here."}


def checked(sent: Mapping[str, Any], project: str, field: str = "resource.properties") -> dict[str, Any]:
    """The properties as they are stored. 400 names a field that no instance could have."""
    policy.refuse(sent, _REFUSED, field)
    check_served(sent, field)
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
        "tags": {"items": check_tags(sent.get("tags"), f"{field}.tags")},
    }


def images_of(stored: Mapping[str, Any]) -> list[str]:
    """The images that the disks are created from, as paths."""
    paths = (disk.get("initializeParams", {}).get("sourceImage", "") for disk in stored["disks"])
    return [path for path in paths if path]


def to_gce(stored: Mapping[str, Any], links: Links, link: Callable[[str, str], str]) -> dict[str, Any]:
    """Show properties as Google does, with fingerprints; `link` makes a URL of a path in a project."""
    return dict(stored) | {
        "metadata": metadata.to_gce({item["key"]: item["value"] for item in stored["metadata"]["items"]}),
        "tags": tags_to_gce(stored["tags"]["items"]),
        "scheduling": scheduling_to_gce(stored.get("scheduling", {})),
        "disks": [_shown_disk(disk, index, links) for index, disk in enumerate(stored["disks"])],
        "networkInterfaces": [_shown_nic(nic, index, link) for index, nic in enumerate(stored["networkInterfaces"])],
    }


def _disks(sent: Sequence[Mapping[str, Any]], project: str, field: str) -> list[dict[str, Any]]:
    check_disks(sent, field)
    stored = [_disk(disk, project, f"{field}[{index}]") for index, disk in enumerate(sent)]
    for name, values in (
        ("deviceName", [disk.get("deviceName") for disk in stored]),
        ("diskName", [disk.get("initializeParams", {}).get("diskName") for disk in stored]),
    ):
        check_distinct([value for value in values if value], name, field)
    return stored


def _disk(disk: Mapping[str, Any], project: str, field: str) -> dict[str, Any]:
    policy.refuse(disk, policy.DISK, field)
    parameters = disk.get("initializeParams") or {}
    if disk.get("deviceName"):
        check_device_name(disk["deviceName"], f"{field}.deviceName")
    _check_size(disk, f"{field}.diskSizeGb")
    if disk.get("source"):
        return dict(disk) | {"source": _disk_name(disk["source"], f"{field}.source")}
    if disk.get("boot") and not (parameters.get("sourceImage") or parameters.get("sourceSnapshot")):
        raise Problem.required(f"{field}.initializeParams.sourceImage")
    return dict(disk) | {"initializeParams": _initialize(parameters, project, f"{field}.initializeParams")}


def _disk_name(text: str, field: str) -> str:
    reference = parse_reference(text)
    if not reference.can_be("disks") or (reference.scope and not reference.zone):
        raise Problem.invalid(field, f"'{text}'. Send the name of a disk.")
    return reference.name


def _initialize(parameters: Mapping[str, Any], project: str, field: str) -> dict[str, Any]:
    policy.refuse(parameters, policy.INITIALIZE, field)
    check_labels(parameters.get("labels"), f"{field}.labels")
    _check_size(parameters, f"{field}.diskSizeGb")
    stored = dict(parameters)
    if parameters.get("diskName"):
        check_name(f"{field}.diskName", parameters["diskName"])
    if parameters.get("diskType"):
        stored["diskType"] = _bare(parameters["diskType"], f"{field}.diskType")
    if parameters.get("sourceImage"):
        stored["sourceImage"] = _image_path(parameters["sourceImage"], project)
    if parameters.get("sourceSnapshot"):
        stored["sourceSnapshot"] = _path(parameters["sourceSnapshot"], "snapshots", project, f"{field}.sourceSnapshot")
    return stored


def _image_path(text: str, project: str) -> str:
    """A path with its project; `debian-cloud/debian-12`, an image or a family, stays as it is."""
    reference = image_reference(text, project)
    if not reference.collection:
        return text
    return f"projects/{reference.project}/global/{reference.collection}/{reference.name}"


def _check_size(sent: Mapping[str, Any], field: str) -> None:
    if "diskSizeGb" in sent and int(sent["diskSizeGb"]) < 1:
        raise Problem.invalid(field, f"'{sent['diskSizeGb']}'. Must be at least 1.")


def _interface(sent: Mapping[str, Any], project: str, field: str) -> dict[str, Any]:
    policy.refuse(sent, policy.INTERFACE, field)
    check_access_config(sent.get("accessConfigs"), field)
    if sent.get("networkIP"):
        check_ipv4(sent["networkIP"], f"{field}.networkIP")
    stored = dict(sent)
    for name, collection in (("network", "networks"), ("subnetwork", "subnetworks")):
        if sent.get(name):
            stored[name] = _path(sent[name], collection, project, f"{field}.{name}")
    return stored


def _path(text: str, collection: str, project: str, field: str) -> str:
    """`projects/p/global/networks/n`, or the bare name of a subnetwork, in the region of the instance's zone."""
    reference = parse_reference(text)
    kind = _SCOPES[collection]
    if not reference.can_be(collection) or reference.scope.partition("/")[0] not in {"", kind}:
        raise Problem.invalid(field, f"'{text}'. The referenced {collection[:-1]} cannot be found.")
    scope = reference.scope or ("global" if kind == "global" else "")
    return f"projects/{reference.project or project}/{scope}/{collection}/{reference.name}" if scope else reference.name


def _bare(text: object, field: str) -> str:
    if not text:
        raise Problem.required(field)
    if not isinstance(text, str) or not is_name(text):
        rule = f"Must be a name without zone, a match of regex '(?:{NAME_PATTERN})'"
        raise Problem.invalid(field, f"'{text}'. {rule}")
    return text


def _shown_disk(disk: Mapping[str, Any], index: int, links: Links) -> dict[str, Any]:
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
    if path.startswith("projects/"):
        shown["initializeParams"] = shown["initializeParams"] | {"sourceImage": links.image_path(path)}
    return shown


def _shown_nic(nic: Mapping[str, Any], index: int, link: Callable[[str, str], str]) -> dict[str, Any]:
    shown = {"name": f"nic{index}"} | dict(nic)
    for field in ("network", "subnetwork"):
        reference = parse_reference(shown.get(field, ""))
        if reference.project:
            shown[field] = link(f"{reference.scope}/{reference.collection}/{reference.name}", reference.project)
    if configs := shown.get("accessConfigs"):
        default = {"type": "ONE_TO_ONE_NAT", "name": EXTERNAL_NAME, "networkTier": "PREMIUM"}
        shown["accessConfigs"] = [default | dict(config) for config in configs]
    return shown
