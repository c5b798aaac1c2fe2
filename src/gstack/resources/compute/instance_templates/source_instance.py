"""instanceTemplates.insert with `sourceInstance`: the InstanceProperties of an instance as it is now.

As with Google, addresses and disk names are left out. Each disk is to be created from the image of the original, or
blank if that had none. `sourceInstanceParams.diskConfigs` may choose something else for a device name.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.inventory import instances, machines, volumes
from gstack.resources.inventory.accounts import project_of
from gstack.resources.inventory.disk_offerings import DiskBounds, DiskOffering, DiskOfferings
from gstack.resources.inventory.disks import image_of, images_of, type_of
from gstack.resources.inventory.templates import resolve_image
from gstack.resources.inventory.zones import locations_of
from gstack.resources.shared.references import last_name, parse_reference

_FIELD, _CONFIGS = "resource.sourceInstance", "resource.sourceInstanceParams.diskConfigs"
_DEFAULT, _BLANK, _IMAGE, _FAMILY, _CUSTOM = "DEFAULT", "BLANK", "SOURCE_IMAGE", "SOURCE_IMAGE_FAMILY", "CUSTOM_IMAGE"
_LEFT_OUT, _READ_ONLY = "DO_NOT_INCLUDE", "ATTACH_READ_ONLY"
_TAKEN = ("description", "labels", "scheduling", "minCpuPlatform", "serviceAccounts", "shieldedInstanceConfig")


class _Disk(Struct, frozen=True):
    """A disk of the instance: its type, its size in GB, and project and name of its image if it has one."""

    type: str
    size_gb: int
    image: tuple[str, str] | None

    @property
    def image_path(self) -> str:
        """The path of the image, or empty."""
        return "projects/{}/global/images/{}".format(*self.image) if self.image else ""


class _DiskSource(Struct, frozen=True):
    """One disk: as the instance shows it, what it is, and its entry of `diskConfigs`."""

    attached: Mapping[str, Any]
    disk: _Disk
    config: Mapping[str, Any]
    field: str

    @property
    def way(self) -> str:
        """What to create the disk from. 400 if that is impossible."""
        method, image = self.config.get("instantiateFrom") or _DEFAULT, self.disk.image
        way = (_IMAGE if image else _BLANK) if method == _DEFAULT else method
        if way in {_IMAGE, _FAMILY} and not image:
            raise Problem.invalid(
                self.field, f"the disk '{self.attached['deviceName']}' was not created from an image."
            )
        if way in {_BLANK, _LEFT_OUT} and self.attached["boot"]:
            text = f"the boot disk '{self.attached['deviceName']}' needs an image. Send {_CUSTOM} with customImage."
            raise Problem.invalid(self.field, text)
        if way == _READ_ONLY:
            raise Problem.unsupported(self.field, "CloudStack cannot attach disks read-only.")
        return way


async def properties_of(call: Call) -> dict[str, Any]:
    """The unchecked properties of the body's `sourceInstance`; 404 if the instance does not exist."""
    text = call.body["sourceInstance"]
    reference = parse_reference(text)
    if reference.collection != "instances" or not reference.zone:
        raise Problem.invalid(_FIELD, f"'{text}'. Send zones/ZONE/instances/INSTANCE.")
    project = project_of(call, reference.project)
    path = f"projects/{project}/zones/{reference.zone}/instances/{reference.name}"
    if project != call.project:
        raise Problem.not_found(path)
    everywhere = await locations_of(call)
    location = everywhere.zone(call.project, reference.zone)
    found = await machines.find(call.cloudstack, call.sidecar, call.owner_id, location, reference.name)
    if found is None:
        raise Problem.not_found(path)
    disks = await volumes.search(call.cloudstack, call.sidecar, {"virtualmachineid": found.machine.id})
    (shown,) = await instances.render(call, call.link, everywhere, [found], [disk.volume for disk in disks])
    images = await images_of(call, disks)
    listed = await call.cloudstack.reference("listDiskOfferings", DiskOffering)
    disk_types = DiskOfferings(listed, call.settings.names, DiskBounds())
    by_name = {
        disk.name: _Disk(type_of(disk, disk_types), disk.volume.gigabytes, image_of(disk, images)) for disk in disks
    }
    sources = _configured(shown, by_name, (call.body.get("sourceInstanceParams") or {}).get("diskConfigs") or [])
    return _properties(shown) | {"disks": [await _disk(call, one) for one in sources if one.way != _LEFT_OUT]}


def _configured(
    shown: Mapping[str, Any], disks: Mapping[str, _Disk], configs: list[Mapping[str, Any]]
) -> list[_DiskSource]:
    places = {config.get("deviceName", ""): index for index, config in enumerate(configs)}
    devices = {attached["deviceName"] for attached in shown["disks"]}
    if unknown := sorted(places.keys() - devices):
        raise Problem.invalid(_CONFIGS, f"'{unknown[0]}'. The instance has the devices {', '.join(sorted(devices))}.")
    sources = []
    for attached in shown["disks"]:
        index = places.get(attached["deviceName"])
        config = configs[index] if index is not None else {}
        field = f"{_CONFIGS}[{index}]" if index is not None else _FIELD
        sources.append(_DiskSource(attached, disks[last_name(attached["source"])], config, field))
    return sources


def _properties(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "machineType": last_name(shown["machineType"]),
        "metadata": {"items": shown["metadata"].get("items", [])},
        "tags": {"items": shown["tags"].get("items", [])},
        "networkInterfaces": [_interface(nic) for nic in shown["networkInterfaces"]],
        **{field: shown[field] for field in _TAKEN if shown.get(field)},
    }


def _interface(nic: Mapping[str, Any]) -> dict[str, Any]:
    """The network alone: each instance gets addresses of its own."""
    configs = [{"type": config["type"], "name": config["name"]} for config in nic.get("accessConfigs", [])]
    networks = {field: nic[field] for field in ("network", "subnetwork") if nic.get(field)}
    return networks | ({"accessConfigs": configs} if configs else {})


async def _disk(call: Call, source: _DiskSource) -> dict[str, Any]:
    kind, size = source.disk.type, str(source.disk.size_gb)
    auto = source.config.get("autoDelete", source.attached["autoDelete"])
    return {
        "type": "PERSISTENT",
        "mode": "READ_WRITE",
        "boot": source.attached["boot"],
        "autoDelete": auto,
        "deviceName": source.attached["deviceName"],
        "initializeParams": {"diskType": kind, "diskSizeGb": size, **await _image(call, source)},
    }


async def _image(call: Call, source: _DiskSource) -> dict[str, str]:
    if source.way == _BLANK:
        return {}
    if source.way == _IMAGE:
        return {"sourceImage": source.disk.image_path}
    if source.way == _CUSTOM:
        if not source.config.get("customImage"):
            raise Problem.required(f"{source.field}.customImage")
        return {"sourceImage": source.config["customImage"]}
    image = await resolve_image(call, source.disk.image_path)
    if not image.family:
        raise Problem.invalid(source.field, f"the image '{image.path}' belongs to no family.")
    return {"sourceImage": f"projects/{image.project}/global/images/family/{image.family}"}
