"""images: insert, delete, patch, deprecate, setLabels. Only the caller's own templates may be changed.

The description is the template's display text, the family its tag `family`, labels and deprecation are tags too.
Google's images are global: a new one goes to every zone, or to the regions that `storageLocations` names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Target
from gstack.resources.inventory.templates import Image, resolve_image
from gstack.resources.inventory.zones import Locations, locations
from gstack.resources.shared import deprecation
from gstack.resources.shared.naming import (
    check_description,
    check_fingerprint,
    check_labels,
    check_name,
    gce_id,
    labels_to_tags,
    tags_to_labels,
)
from gstack.resources.shared.refused import IGNORED, refuse
from gstack.resources.steps.templates import CHANGE, Wish, change, make, remove
from gstack.resources.storage.image_sources import Source, os_type_of, place, source_asked
from gstack.resources.storage.images import ARCHITECTURES, images_of

_KEYS = "CloudStack takes no keys of yours."
_REFUSED = {
    "imageEncryptionKey": _KEYS,
    "sourceDiskEncryptionKey": _KEYS,
    "sourceImageEncryptionKey": _KEYS,
    "sourceSnapshotEncryptionKey": _KEYS,
    "shieldedInstanceInitialState": "CloudStack keeps no keys for Secure Boot.",
    "enableConfidentialCompute": "CloudStack offers no confidential disks.",
    "licenseCodes": "licences are not kept by number here. Send licenses.",
    "params": "resource manager tags are not served here.",
    "deprecated": "a new image is active. Deprecate it afterwards.",
}
_PATCHED = frozenset({"family", "description", "deprecated", "labels", "labelFingerprint"})
_TURNS = 5  # changes that one waits for


class Changes(msgspec.Struct, frozen=True):
    """What is to change: our own tags by key, all labels (None: none of them), the display text (empty: not it)."""

    own: dict[str, str] = {}
    labels: dict[str, Any] | None = None
    display: str = ""


@serves("compute.images.insert", foreign=True)
async def insert(call: Call) -> dict[str, Any]:
    name = check_name("resource.name", call.body.get("name"))
    known = await images_of(call)
    if call.owner is None:
        raise _not_yours(call, "create", name)
    refuse(call.body, _REFUSED, "resource")
    if any(image.name == name for image in known.of_project(call.project)):
        raise Problem.already_exists(call.resource(f"global/images/{name}"))
    everywhere = await locations(call.cloudstack, call.settings.names)
    source = await source_asked(call, everywhere, known)
    hypervisor, zones = place(source, everywhere.all, known)
    family = _family(call.body)
    wish = Wish(
        name=name,
        display=check_description(call.body) or name,
        os_type=await os_type_of(call, source, family),
        zones=tuple(_chosen(call, source, everywhere, zones)),
        volume_id=source.volume_id,
        running=source.running,
        snapshot_id=source.snapshot_id,
        making=source.making,
        url=source.url,
        format=source.format,
        hypervisor=hypervisor,
        checksum=source.checksum,
        arch=_architecture(call.body),
        tags=tuple(_tags(call.body, family)),
        facts=_facts(call, source),
    )
    return await call.start(make, Target("global", "images", name), msgspec.to_builtins(wish), holds=source.holds)


@serves("compute.images.delete", foreign=True)
async def delete(call: Call) -> dict[str, Any]:
    image = await _own(call, call.params["image"], "delete")
    return await call.start(remove, _target(image), {"template_id": image.id})


@serves("compute.images.deprecate", foreign=True)
async def deprecate(call: Call) -> dict[str, Any]:
    """Say what the body says of the image; an empty body says that it is active."""
    image = await _own(call, call.params["image"], "deprecate")
    return await _change(call, image, Changes(own=await _deprecation(call, call.body, "")))


@serves("compute.images.patch", foreign=True)
async def patch(call: Call) -> dict[str, Any]:
    """Change family, description, deprecation and labels; what the body does not name stays."""
    body = call.body
    image = await _own(call, call.params["image"], "update")
    for field in sorted(body.keys() - _PATCHED):
        if body[field] and not (field == "name" and body[field] == image.name):
            raise Problem.invalid(f"resource.{field}", "only family, description, labels and deprecated can change.")
    own = {"family": _family(body)} if "family" in body else {}
    if "deprecated" in body:
        own |= await _deprecation(call, body["deprecated"], "resource.deprecated.")
    display = (check_description(body) or image.cloudstack_name) if "description" in body else ""
    return await _change(call, image, Changes(own, body.get("labels"), display))


@serves("compute.images.setLabels", foreign=True)
async def set_labels(call: Call) -> dict[str, Any]:
    image = await _own(call, call.params["resource"], "setLabels")
    return await _change(call, image, Changes(labels=call.body.get("labels", {})))


async def _change(call: Call, image: Image, asked: Changes) -> dict[str, Any]:
    """Begin a change, after those that are on their way: gcloud sends labels and the rest at once."""
    path = f"global/images/{image.name}"
    for _ in range(_TURNS):
        try:
            return await _begun(call, image, asked)
        except Problem as problem:
            held = await call.operations.holder(call.owner_id, path)
            if problem.reason != "resourceNotReady" or (held and held.work != CHANGE):
                raise
        if held:
            await call.journal.wait(call.owner_id, "global", held.name)
        image = await _own(call, image.name, "update")
    raise Problem.not_ready(call.resource(path))


async def _begun(call: Call, image: Image, asked: Changes) -> dict[str, Any]:
    sent, labels = call.body.get("labelFingerprint", ""), asked.labels
    if labels is not None:
        labels = check_labels(labels, "labels")
        check_fingerprint(sent, tags_to_labels(image.tags))
    args = {
        "template_id": image.id,
        "display": asked.display,
        "display_before": image.description or image.cloudstack_name,
        "labels": labels,
        "fingerprint": sent,
        "own": asked.own,
    }
    return await call.start(change, _target(image), args)


async def _deprecation(call: Call, status: Mapping[str, str], prefix: str) -> dict[str, str]:
    replacement = ""
    if text := status.get("replacement"):
        try:
            replacement = (await resolve_image(call, text)).path
        except Problem as problem:
            raise Problem.invalid(f"{prefix}replacement", problem.message) from problem
    return deprecation.to_cloudstack(status, replacement)


async def _own(call: Call, name: str, action: str) -> Image:
    """The caller's own image; 403 for one that is somebody else's, as Google says it."""
    image = (await images_of(call)).named(call.project, name)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/{name}"))
    if not image.own:
        raise _not_yours(call, action, name)
    return image


def _not_yours(call: Call, action: str, name: str) -> Problem:
    path = call.resource(f"global/images/{name}")
    return Problem.forbidden(f"Required 'compute.images.{action}' permission for '{path}'")


def _target(image: Image) -> Target:
    return Target("global", "images", image.name, gce_id(image.id))


def _chosen(call: Call, source: Source, everywhere: Locations, zones: Sequence[str]) -> list[str]:
    """The zones of the regions that are asked for, the source's in any case; all where none is."""
    asked = call.body.get("storageLocations") or []
    for region in asked:
        if region not in {location.region for location in everywhere.all}:
            there = ", ".join(sorted(location.region for location in everywhere.all))
            raise Problem.invalid("resource.storageLocations", f"'{region}'. This cloud has the regions {there}.")
    wanted = {location.id for location in everywhere.all if location.region in asked}
    found = [zone_id for zone_id in zones if not asked or zone_id in wanted]
    if asked and source.zone_id and source.zone_id not in found:
        why = "CloudStack makes the image in the region of its source first. Name that one too."
        raise Problem.unsupported("resource.storageLocations", why)
    if not found:
        raise Problem.unsupported("resource.storageLocations", "no zone there can have this image.")
    return found


def _family(body: Mapping[str, Any]) -> str:
    family = body.get("family", "")
    return check_name("resource.family", family) if family else ""


def _architecture(body: Mapping[str, Any]) -> str:
    asked = body.get("architecture", "")
    return next((name for name, shown in ARCHITECTURES.items() if shown == asked), "")


def _tags(body: Mapping[str, Any], family: str) -> list[dict[str, str]]:
    own = [{"key": "family", "value": family}] if family else []
    return own + labels_to_tags(check_labels(body.get("labels")))


def _facts(call: Call, source: Source) -> dict[str, Any]:
    """What the sidecar keeps: where the image is from, and what is shown without having an effect."""
    body = call.body
    asked = int(body.get("diskSizeGb") or 0)
    if asked and asked != source.size_gb:
        why = "CloudStack takes the size from the source. Leave diskSizeGb out, and size the disks made of the image."
        raise Problem.unsupported("resource.diskSizeGb", why)
    for field in ("guestOsFeatures", "licenses"):
        if body.get(field):
            call.warn(IGNORED, f"{field} is kept and has no effect: the OS type decides on the virtual hardware.")
    known = {
        "source": source.fact,
        "size_gb": source.size_gb,
        "guest_os_features": body.get("guestOsFeatures"),
        "licenses": body.get("licenses"),
    }
    return {name: value for name, value in known.items() if value}
