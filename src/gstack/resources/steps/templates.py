"""Steps that create, copy, change and delete templates, for the works of images.

A template is created in the zone of its source and then copied to the others, since Google's images are global.
CloudStack creates none from the disk of a running machine, so a temporary snapshot comes first. Nor does it create one
from another template, so that is put on a temporary disk first (steps/image_disks.py).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op, harmless
from gstack.operations.recipes import Find, arrived, gone, settled, temporary
from gstack.resources.inventory.image_disks import ImageDiskSpec
from gstack.resources.inventory.machines import OWN
from gstack.resources.inventory.templates import Template
from gstack.resources.shared.present import present
from gstack.resources.steps import image_disks, snapshots
from gstack.resources.steps import tags as tagging

RESOURCE = "Template"  # CloudStack's type, for tags
_SELF = {**OWN, "templatefilter": "self"}
_PAUSES = (1.0, 2.0, 5.0, 10.0)  # seconds between looks at a template that CloudStack downloads; the last one repeats
_FAILED = ("error", "fail", "abandon", "refused", "unknown")  # in what CloudStack says of a download


class NewTemplate(msgspec.Struct, frozen=True):
    """A template to create, from one of `volume_id`, `snapshot_id`, `url` and `making` (of another template).

    `running` says that a running machine has the volume. `zones` are the uuids of the zones to be in; the source's is
    the first. `os_type` is the uuid of an OS type; `display` is CloudStack's display text. The sidecar gets `facts`.
    `storing` is how the volume is put on storage first, for one that was never attached.
    """

    name: str
    display: str = ""
    os_type: str = ""
    zones: tuple[str, ...] = ()
    volume_id: str = ""
    running: bool = False
    snapshot_id: str = ""
    making: ImageDiskSpec | None = None
    url: str = ""
    format: str = ""
    hypervisor: str = ""
    checksum: str = ""
    arch: str = ""
    tags: tuple[tagging.Tag, ...] = ()
    facts: dict[str, Any] = {}
    storing: ImageDiskSpec | None = None


def of_name(name: str) -> Find:
    """Find the account's templates that have this CloudStack name."""

    async def find(op: Op) -> Sequence[dict[str, Any]]:
        found = await op.cloudstack.list_all("listTemplates", dict[str, Any], {**_SELF, "name": name})
        return [one for one in found if one["name"] == name]

    return find


async def create(op: Op, spec: NewTemplate, before: Collection[str]) -> str:
    """Create the template in its first zone, or register its file in all; return its uuid once it is ready.

    `before` are the uuids of the templates that had this name already. A failure may leave a template of this name.
    """
    if spec.url:
        return await _register(op, spec, before)
    if making := spec.making:
        return await image_disks.lend(
            op, "source", spec.name, making, lambda volume_id: _create(op, spec, before, {"volumeid": volume_id})
        )
    if spec.storing:
        await image_disks.put_on_storage(op, "storing", spec.volume_id, spec.name, spec.storing)
    if not spec.running:
        return await _create(op, spec, before, present({"volumeid": spec.volume_id, "snapshotid": spec.snapshot_id}))
    snapshot_id = await snapshots.take_temporary(op, "snapshot", spec.volume_id, spec.name)
    async with temporary(lambda: snapshots.drop_temporary(op, "snapshot-drop", snapshot_id)):
        return await _create(op, spec, before, {"snapshotid": snapshot_id})


async def _create(op: Op, spec: NewTemplate, before: Collection[str], source: Mapping[str, str]) -> str:
    parameters = {"name": spec.name, "displaytext": spec.display, "ostypeid": spec.os_type, "arch": spec.arch or None}
    probe = arrived(of_name(spec.name), before)
    template_id = str((await op.run("create", "createTemplate", {**parameters, **source}, probe=probe))["id"])
    await _await_ready(op, template_id)
    return template_id


async def _register(op: Op, spec: NewTemplate, before: Collection[str]) -> str:
    parameters = {
        "name": spec.name,
        "displaytext": spec.display,
        "url": spec.url,
        "format": spec.format,
        "hypervisor": spec.hypervisor,
        "ostypeid": spec.os_type,
        "zoneids": spec.zones,
        "checksum": spec.checksum or None,
        "arch": spec.arch or None,
    }
    answer = await op.run("register", "registerTemplate", parameters, probe=arrived(of_name(spec.name), before))
    template_id = str(answer["id"] if "id" in answer else answer["template"][0]["id"])
    await op.progress(10, "CloudStack downloads the file.")
    await _await_ready(op, template_id)
    return template_id


async def _await_ready(op: Op, template_id: str) -> None:
    """Wait until the template is ready in its first zone. A download may take hours."""

    async def look() -> bool | None:
        found = await op.cloudstack.list_all("listTemplates", Template, {**_SELF, "id": template_id})
        if any(one.isready for one in found):
            return True
        states = " ".join(one.status for one in found)
        if not found or any(word in states.lower() for word in _FAILED):
            raise Problem.exhausted(f"CloudStack could not make the image: {states or 'it is gone'}.")
        return None

    await op.decide("ready", lambda: settled(look, _PAUSES))


async def copy(op: Op, template_id: str, zones: Sequence[str]) -> None:
    """Copy a template from the first of the zones to the others. If CloudStack refuses, the operation gets a warning.

    An image that is missing in a zone is an image all the same.
    """
    source, *others = zones
    if not others:
        return

    async def in_all(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listTemplates", Template, {**_SELF, "id": template_id})
        return {} if {one.zoneid for one in found} >= {*others} else None

    parameters = {"id": template_id, "sourcezoneid": source, "destzoneids": tuple(others)}
    try:
        await op.run("copy", "copyTemplate", parameters, probe=in_all)
    except Problem as problem:
        text = f"The image is not in every zone: CloudStack did not copy it. {problem.message}"
        await op.warn("NOT_CRITICAL_ERROR", text)


async def set_display(op: Op, step: str, template_id: str, text: str) -> None:
    """Change the display text of a template."""
    await op.run(step, "updateTemplate", {"id": template_id, "displaytext": text}, probe=harmless)


async def delete(op: Op, step: str, template_id: str) -> None:
    """Delete a template in all zones. What was created from it stays."""
    probe = gone("listTemplates", Template, template_id, parameters=_SELF)
    await op.run(step, "deleteTemplate", {"id": template_id, "forced": True}, probe=probe)
