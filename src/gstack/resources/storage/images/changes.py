"""images.delete, deprecate, patch and setLabels. Only the caller's own templates may be changed.

The description is the template's display text; family, labels and deprecation are tags.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.operations.recipes import undoing
from gstack.resources.inventory.templates import Image, resolve_image
from gstack.resources.shared import deprecation
from gstack.resources.shared.naming import (
    check_description,
    check_label_fingerprint,
    check_labels,
    gce_id,
    tags_to_labels,
)
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import templates as template_steps
from gstack.resources.steps.templates import RESOURCE
from gstack.resources.storage.images.reads import check_family, images_of, not_yours

_PATCHABLE = frozenset({"family", "description", "deprecated", "labels", "labelFingerprint"})
_CHANGE = "images.change"  # the name of a work
_WAITS = 5  # changes that a change waits for


class OneImage(msgspec.Struct, frozen=True):
    """The request of images.delete."""

    template_id: str


class ImageChange(msgspec.Struct, frozen=True):
    """The request of patch, deprecate and setLabels.

    `display` is the new display text, empty to leave it; `labels` replace all labels, None leaves them; `own` are tags
    of ours by key, an empty value removes one. `fingerprint` is the label fingerprint that the client sent.
    """

    template_id: str
    display: str = ""
    display_before: str = ""
    labels: dict[str, str] | None = None
    fingerprint: str = ""
    own: dict[str, str] = {}


@serves("compute.images.delete", foreign=True)
async def delete(call: Call) -> dict[str, Any]:
    image = await _own_image(call, call.params["image"], "delete")
    return await call.start(remove, _target(image), OneImage(image.id))


@work("images.delete", OneImage)
async def remove(op: Op, request: OneImage) -> None:
    """Delete the template in all zones, and its facts."""
    await template_steps.delete(op, "delete", request.template_id)
    await op.forget("forget", request.template_id)
    op.cloudstack.forget("listTemplates")


@serves("compute.images.deprecate", foreign=True)
async def deprecate(call: Call) -> dict[str, Any]:
    """Set the deprecation status to that of the body; an empty body makes the image active."""
    image = await _own_image(call, call.params["image"], "deprecate")
    return await _start_change(call, image, own=await _deprecation(call, call.body, ""))


@serves("compute.images.patch", foreign=True)
async def patch(call: Call) -> dict[str, Any]:
    """Change family, description, deprecation and labels. Fields that are not in the body stay as they are."""
    body = call.body
    image = await _own_image(call, call.params["image"], "update")
    for field in sorted(body.keys() - _PATCHABLE):
        if body[field] and not (field == "name" and body[field] == image.name):
            raise Problem.invalid(f"resource.{field}", "only family, description, labels and deprecated can change.")
    own = {"family": check_family(body)} if "family" in body else {}
    if "deprecated" in body:
        own |= await _deprecation(call, body["deprecated"], "resource.deprecated.")
    display = (check_description(body) or image.cloudstack_name) if "description" in body else ""
    return await _start_change(call, image, own=own, labels=body.get("labels"), display=display)


@serves("compute.images.setLabels", foreign=True)
async def set_labels(call: Call) -> dict[str, Any]:
    image = await _own_image(call, call.params["resource"], "setLabels")
    return await _start_change(call, image, labels=call.body.get("labels", {}))


async def _start_change(
    call: Call,
    image: Image,
    *,
    own: Mapping[str, str] | None = None,
    labels: Mapping[str, Any] | None = None,
    display: str = "",
) -> dict[str, Any]:
    """Begin a change when those in progress have ended: gcloud sends labels and other changes at once."""
    path, sent = f"global/images/{image.name}", call.body.get("labelFingerprint", "")
    for _ in range(_WAITS):
        if labels is not None:
            labels = check_labels(labels, "labels")
            check_label_fingerprint(sent, tags_to_labels(image.tags))
        request = ImageChange(
            template_id=image.id,
            display=display,
            display_before=image.description or image.cloudstack_name,
            labels=None if labels is None else dict(labels),
            fingerprint=sent,
            own=dict(own or {}),
        )
        try:
            return await call.start(change, _target(image), request)
        except Problem as problem:
            holder = await call.operations.holder(call.owner_id, path)
            if problem.reason != "resourceNotReady" or (holder and holder.work != _CHANGE):
                raise
        if holder:
            await call.journal.wait(call.owner_id, "global", holder.name)
        image = await _own_image(call, image.name, "update")
    raise Problem.not_ready(call.resource(path))


@work(_CHANGE, ImageChange)
async def change(op: Op, request: ImageChange) -> None:
    """Change the description, then labels and our own tags. If those cannot change, the description goes back."""
    template_id, labels, sent = request.template_id, request.labels, request.fingerprint
    try:
        if request.display:
            await template_steps.set_display(op, "update", template_id, request.display)
        await tagging.change(op, "tags", RESOURCE, template_id, labels=labels, sent=sent, own=request.own)
    except Problem:
        if request.display:
            async with undoing(op, "The description could not be changed back"):
                await template_steps.set_display(op, "undo", template_id, request.display_before)
        raise
    finally:
        op.cloudstack.forget("listTemplates")


async def _deprecation(call: Call, status: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The tags of a DeprecationStatus. `prefix` begins the names of its fields in Problems."""
    replacement = ""
    if text := status.get("replacement"):
        try:
            replacement = (await resolve_image(call, text)).path
        except Problem as problem:
            raise Problem.invalid(f"{prefix}replacement", problem.message) from problem
    return deprecation.to_cloudstack(status, replacement)


async def _own_image(call: Call, name: str, action: str) -> Image:
    """The caller's own image; 403 in Google's words for somebody else's."""
    image = (await images_of(call)).named(call.project, name)
    if image is None:
        raise Problem.not_found(call.resource(f"global/images/{name}"))
    if not image.own:
        raise not_yours(call, action, name)
    return image


def _target(image: Image) -> Target:
    return Target("global", "images", image.name, gce_id(image.id))
