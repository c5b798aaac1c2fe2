"""The work behind images: made, deleted, changed, in recorded steps. image_writes.py checks what is asked.

An image is made in the zone of its disk and then copied to the others, since Google's images are global. CloudStack
makes no template of a disk that a running machine has, so there a snapshot comes first and goes again. It makes none of
another template either, so that is put on a disk for a while (instances/makers.py).

Templates may share a CloudStack name: those that had ours before anything was sent are known, and never ours.
"""

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op, harmless, work
from gstack.resources.inventory.image_disks import ImageDiskSpec
from gstack.resources.inventory.machines import OWN
from gstack.resources.inventory.templates import Catalog, Template
from gstack.resources.shared.naming import gce_id
from gstack.resources.steps import image_disks as makers
from gstack.resources.steps import passing_snapshots
from gstack.resources.steps import tags as tagging

CHANGE = "images.change"  # the name of a work
KIND = "images"  # the sidecar's kind
RESOURCE = "Template"  # CloudStack's type, for tags
_PAUSES = (1.0, 2.0, 5.0, 10.0)  # seconds between looks at a template that is downloaded, the last one for ever


class Wish(msgspec.Struct, frozen=True):
    """The args of images.insert. Of `volume_id`, `snapshot_id`, `url` and `making` (of an image) one is set.

    `zones` are the uuids of the zones to be in, the source's first. `running`: a running machine has the volume.
    """

    name: str
    display: str
    os_type: str
    zones: tuple[str, ...]
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


@work("images.insert")
async def make(op: Op) -> None:
    """Make the template, write down and tag what it is, bring it to the other zones; or leave nothing."""
    wish = msgspec.convert(op.args, Wish)
    known = frozenset(await op.decide("known", lambda: _known(op, wish.name)))
    try:
        template_id = await (_registered if wish.url else _created)(op, wish, known)
        await op.target(gce_id(template_id))
        await op.decide("facts", lambda: _write_down(op, template_id, wish))
        await tagging.add(op, "tags", RESOURCE, template_id, wish.tags)
        await op.progress(70, "The image is ready.")
    except Problem:
        await _take_back(op, wish, known)
        raise
    finally:
        op.cloudstack.forget("listTemplates")
    await _spread(op, template_id, wish)


@work("images.delete")
async def remove(op: Op) -> None:
    """Delete the template everywhere. Disks and machines made of it stay, as with Google."""
    await _deleted(op, "delete", op.args["template_id"])
    await op.decide("forget", lambda: _forget(op, op.args["template_id"]))
    op.cloudstack.forget("listTemplates")


@work(CHANGE)
async def change(op: Op) -> None:
    """Change the description, then labels and our own tags; the description goes back where those fail."""
    args = op.args
    template_id, display, before = args["template_id"], args["display"], args["display_before"]
    try:
        if display:
            await op.run("update", "updateTemplate", {"id": template_id, "displaytext": display}, probe=harmless)
        labels, sent = args["labels"], args["fingerprint"]
        await tagging.change(op, "tags", RESOURCE, template_id, labels=labels, sent=sent, own=args["own"])
    except Problem:
        if display:
            await op.run("undo", "updateTemplate", {"id": template_id, "displaytext": before}, probe=harmless)
        raise
    finally:
        op.cloudstack.forget("listTemplates")


async def _registered(op: Op, wish: Wish, known: AbstractSet[str]) -> str:
    parameters = {
        "name": wish.name,
        "displaytext": wish.display,
        "url": wish.url,
        "format": wish.format,
        "hypervisor": wish.hypervisor,
        "ostypeid": wish.os_type,
        "zoneids": wish.zones,
        "checksum": wish.checksum or None,
        "arch": wish.arch or None,
    }
    answer = await op.run("register", "registerTemplate", parameters, probe=_called(wish.name, known))
    template_id = str(answer["id"] if "id" in answer else answer["template"][0]["id"])
    await op.progress(10, "CloudStack downloads the file.")
    await op.decide("ready", lambda: _ready(op, template_id))
    return template_id


async def _created(op: Op, wish: Wish, known: AbstractSet[str]) -> str:
    if wish.making:
        return await makers.lend(op, "source", wish.name, wish.making, partial(_of_volume, op, wish, known))
    if not wish.running:
        source = {"volumeid": wish.volume_id or None, "snapshotid": wish.snapshot_id or None}
        return await _template(op, wish, known, source)
    taken = await passing_snapshots.take(op, "snapshot", wish.volume_id, wish.name)
    try:
        template_id = await _template(op, wish, known, {"snapshotid": taken})
    except Problem:
        await passing_snapshots.drop(op, "snapshot-drop", taken)
        raise
    await passing_snapshots.drop(op, "snapshot-drop", taken)
    return template_id


async def _of_volume(op: Op, wish: Wish, known: AbstractSet[str], volume_id: str) -> str:
    return await _template(op, wish, known, {"volumeid": volume_id})


async def _template(op: Op, wish: Wish, known: AbstractSet[str], source: Mapping[str, object]) -> str:
    parameters = {"name": wish.name, "displaytext": wish.display, "ostypeid": wish.os_type, "arch": wish.arch or None}
    answer = await op.run("create", "createTemplate", {**parameters, **source}, probe=_called(wish.name, known))
    template_id = str(answer["id"])
    await op.decide("ready", lambda: _ready(op, template_id))
    return template_id


def _called(name: str, known: AbstractSet[str]) -> Any:
    async def arrived(op: Op) -> Mapping[str, Any] | None:
        return next((one for one in await _named(op, name) if one["id"] not in known), None)

    return arrived


async def _known(op: Op, name: str) -> list[str]:
    """The templates that have the CloudStack name already; 409 where one was made under it since the request's checks.

    Two hand-made ones of a name show under others, so the name may be free though some have it.
    """
    own = await op.cloudstack.list_all("listTemplates", Template, {**OWN, "templatefilter": "self"})
    images = Catalog(own, (), op.operation.project).all
    if any(image.name == name for image in images):
        raise Problem.already_exists(f"projects/{op.operation.project}/global/images/{name}")
    return [image.id for image in images if image.cloudstack_name == name]


async def _named(op: Op, name: str) -> list[dict[str, Any]]:
    narrowed = {**OWN, "templatefilter": "self", "name": name}
    found = await op.cloudstack.list_all("listTemplates", dict[str, Any], narrowed)
    return [one for one in found if one["name"] == name]


async def _ready(op: Op, template_id: str) -> bool:
    """Look until the template is ready in its first zone. A download may take hours."""
    look = 0
    while True:
        narrowed = {**OWN, "templatefilter": "self", "id": template_id}
        found = await op.cloudstack.list_all("listTemplates", dict[str, Any], narrowed)
        if any(one.get("isready") for one in found):
            return True
        states = " ".join(str(one.get("status", "")) for one in found)
        if not found or any(word in states.lower() for word in ("error", "fail", "abandon", "refused", "unknown")):
            raise Problem.exhausted(f"CloudStack could not make the image: {states or 'it is gone'}.")
        await asyncio.sleep(_PAUSES[min(look, len(_PAUSES) - 1)])
        look += 1


async def _spread(op: Op, template_id: str, wish: Wish) -> None:
    """Copy what was made in one zone to the others. A zone that cannot have it is told of, and no reason to fail."""
    others = wish.zones[1:]
    if wish.url or not others:
        return

    async def there(op: Op) -> Mapping[str, Any] | None:
        narrowed = {**OWN, "templatefilter": "self", "id": template_id}
        found = await op.cloudstack.list_all("listTemplates", dict[str, Any], narrowed)
        return {} if {one.get("zoneid") for one in found} >= set(others) else None

    parameters = {"id": template_id, "sourcezoneid": wish.zones[0], "destzoneids": others}
    try:
        await op.run("copy", "copyTemplate", parameters, probe=there)
    except Problem as problem:
        text = f"The image is not in every zone: CloudStack did not copy it. {problem.message}"
        await op.warn("NOT_CRITICAL_ERROR", text)
    finally:
        op.cloudstack.forget("listTemplates")


async def _write_down(op: Op, template_id: str, wish: Wish) -> bool:
    await op.sidecar.keep(template_id, op.operation.owner, KIND, wish.facts)
    return True


async def _take_back(op: Op, wish: Wish, known: AbstractSet[str]) -> None:
    """Remove what the failure left; warn about what would not go."""

    async def look() -> list[str]:
        return sorted({str(one["id"]) for one in await _named(op, wish.name)} - known)

    for template_id in await op.decide("undo-look", look):
        try:
            await _deleted(op, f"undo-{template_id[:8]}", template_id)
        except Problem as problem:
            await op.warn("CLEANUP_FAILED", f"The image {wish.name} could not be removed: {problem.message}")
        await op.decide(f"undo-facts-{template_id[:8]}", partial(_forget, op, template_id))


async def _deleted(op: Op, step: str, template_id: str) -> None:
    async def gone(op: Op) -> Mapping[str, Any] | None:
        narrowed = {**OWN, "templatefilter": "self", "id": template_id}
        return None if await op.cloudstack.list_all("listTemplates", dict[str, Any], narrowed) else {}

    await op.run(step, "deleteTemplate", {"id": template_id, "forced": True}, probe=gone)


async def _forget(op: Op, template_id: str) -> bool:
    await op.sidecar.drop(template_id)
    return True
