"""disks.setLabels and disks.update: labels, description and size may change, nothing else of a disk.

`update` takes the fields of the body, or only those that `paths` or `updateMask` name. A field that has the disk's own
value is no change: clients send back what they read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.inventory.volumes import FoundDisk
from gstack.resources.inventory.zones import locations
from gstack.resources.shared.naming import check_description, check_fingerprint, check_labels, tags_to_labels
from gstack.resources.shared.references import agrees
from gstack.resources.steps import tags as tagging
from gstack.resources.steps import volumes as volume_work
from gstack.resources.storage.disks.lookup import target_of, wanted_disk
from gstack.resources.storage.disks.reads import render
from gstack.resources.storage.disks.resize import grow, growth

_CHANGED = ("description", "labels", "sizeGb")


@serves("compute.disks.setLabels")
async def set_labels(call: Call) -> dict[str, Any]:
    found, location = await wanted_disk(call, call.params["resource"])
    labels, sent = _labels(found, call.body, "labels")
    args = {"volume_id": found.volume.id, "labels": labels, "fingerprint": sent}
    return await call.start(relabel, target_of(found, location), args)


@work("disks.setLabels")
async def relabel(op: Op) -> None:
    """Replace the labels."""
    args = op.args
    volume_id, labels, sent = args["volume_id"], args["labels"], args["fingerprint"]
    await tagging.change(op, "labels", volume_work.RESOURCE, volume_id, labels=labels, sent=sent)


@serves("compute.disks.update")
async def update(call: Call) -> dict[str, Any]:
    found, location = await wanted_disk(call, call.params["disk"])
    wanted = await _changes(call, found)
    volume = found.volume
    args: dict[str, Any] = {
        "volume_id": volume.id,
        "zone_id": location.id,
        "size_gb": 0,
        "labels": None,
        "fingerprint": "",
        "description": None,
    }
    if "labels" in wanted:
        args["labels"], args["fingerprint"] = _labels(found, call.body, "resource.labels")
    if "description" in wanted:
        args["description"] = check_description(wanted)
    if "sizeGb" in wanted:
        args["size_gb"] = await growth(call, found, wanted["sizeGb"], "resource.sizeGb")
    return await call.start(change, target_of(found, location), args)


@work("disks.update")
async def change(op: Op) -> None:
    """Change the labels, then the size, which cannot go back; the labels do where it fails. Then the description."""
    args = op.args
    volume_id, labels = args["volume_id"], args["labels"]
    before = await op.decide("labels-before", lambda: tagging.tags_of(op, volume_work.RESOURCE, volume_id))
    if labels is not None:
        sent = args["fingerprint"]
        await tagging.change(op, "labels", volume_work.RESOURCE, volume_id, labels=labels, sent=sent)
    if args["size_gb"]:
        try:
            await grow(op, "resize", volume_id, args["size_gb"])
        except Problem:
            if labels is not None:
                known = tags_to_labels(before)
                await tagging.change(op, "labels-undo", volume_work.RESOURCE, volume_id, labels=known)
            raise
    if args["description"] is not None:
        facts = {"description": args["description"] or None}
        await volume_work.keep(op, "description", volume_id, args["zone_id"], facts)


async def _changes(call: Call, found: FoundDisk) -> dict[str, Any]:
    """What is to change, by the body's names; 400 on anything else that differs from what the disk shows."""
    everywhere = await locations(call.cloudstack, call.settings.names)
    shown = (await render(call, everywhere, [found]))[0]
    asked = {name: call.body.get(name) for name in _named(call)}
    differing = {name: value for name, value in asked.items() if not _same(name, value, shown)}
    for name in sorted(differing.keys() - {*_CHANGED}):
        why = f"only {', '.join(_CHANGED)} of a disk can change."
        raise Problem.unsupported(f"resource.{name}", why)
    return differing


def _named(call: Call) -> Iterator[str]:
    mask = [*call.params.get("paths", []), *str(call.params.get("updateMask", "")).split(",")]
    named = [_camel(one) for one in mask if one]
    yield from named or (name for name in call.body if name not in {"labelFingerprint", "kind"})


def _camel(path: str) -> str:
    first, *rest = path.strip().split(".")[0].split("_")
    return first + "".join(word.capitalize() for word in rest)


def _same(name: str, value: Any, shown: Mapping[str, Any]) -> bool:
    if name in {"labels", "description"}:
        return (value or "") == (shown.get(name) or "")
    if isinstance(value, str) and "/" in value:
        return agrees(value, str(shown.get(name, "")))
    return value in (None, "", [], {}) or str(value) == str(shown.get(name))


def _labels(found: FoundDisk, body: Mapping[str, Any], field: str) -> tuple[dict[str, str], str]:
    labels, sent = check_labels(body.get("labels"), field), str(body.get("labelFingerprint") or "")
    check_fingerprint(sent, tags_to_labels(found.volume.tags))
    return labels, sent
