"""Tags of a CloudStack object changed as a whole, in recorded steps: its labels, or our own keys beside them.

CloudStack cannot replace a tag: createTags fails on a key that is there, and as a whole. So what changes is deleted
first and then made; where the making fails, what was deleted is put back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.operations.model import Op, Probe
from gstack.resources.shared.naming import check_fingerprint, labels_to_tags, tags_to_labels

Tag = dict[str, str]  # {"key": …, "value": …}


def plan(known: Sequence[Tag], labels: Mapping[str, str] | None, own: Mapping[str, str]) -> tuple[list[Tag], list[Tag]]:
    """Say which tags go and which come. Pure.

    `labels` replace all labels, None leaves them; `own` are tags of ours by key, an empty value removes one.
    """
    wanted = {tag["key"]: tag["value"] for tag in known if labels is None or tag["key"] not in _label_keys(known)}
    wanted |= {tag["key"]: tag["value"] for tag in labels_to_tags(labels or {})}
    wanted |= own
    there = {tag["key"]: tag["value"] for tag in known}
    goes = [{"key": key, "value": value} for key, value in there.items() if wanted.get(key) != value]
    comes = [{"key": key, "value": value} for key, value in wanted.items() if value and there.get(key) != value]
    return goes, comes


async def change(
    op: Op,
    step: str,
    resource: str,
    uuid: str,
    *,
    labels: Mapping[str, str] | None = None,
    sent: str = "",
    own: Mapping[str, str] | None = None,
) -> None:
    """Bring the tags of an object to what is wanted; `resource` is CloudStack's type, `labels` and `own` as in `plan`.

    `sent` is the label fingerprint that the client sent: 412 when somebody else was faster.
    """
    known = await op.decide(f"{step}-known", lambda: tags_of(op, resource, uuid))
    shown = tags_to_labels(known)
    if labels is not None and shown != dict(labels):
        check_fingerprint(sent, shown)
    goes, comes = plan(known, labels, own or {})
    if goes:
        await _remove(op, f"{step}-remove", resource, uuid, goes)
    if not comes:
        return
    try:
        await add(op, f"{step}-add", resource, uuid, comes)
    except Problem:
        if goes:
            await _put_back(op, f"{step}-undo", resource, uuid, goes)
        raise


async def add(op: Op, step: str, resource: str, uuid: str, tags: Sequence[Tag]) -> None:
    """Make tags that are not there; nothing is sent for none."""
    if tags:
        parameters = {"resourcetype": resource, "resourceids": uuid, "tags": list(tags)}
        await op.run(step, "createTags", parameters, probe=_there(resource, uuid, tags))


async def tags_of(op: Op, resource: str, uuid: str) -> list[Tag]:
    """The tags of an object as they are now."""
    narrowed = {"resourceid": uuid, "resourcetype": resource}
    found = await op.cloudstack.list_all("listTags", dict[str, Any], narrowed)
    return [{"key": str(tag["key"]), "value": str(tag.get("value", ""))} for tag in found]


async def _remove(op: Op, step: str, resource: str, uuid: str, tags: Sequence[Tag]) -> None:
    async def gone(op: Op) -> Mapping[str, Any] | None:
        known = {tag["key"] for tag in await tags_of(op, resource, uuid)}
        return None if known & {tag["key"] for tag in tags} else {}

    parameters = {"resourcetype": resource, "resourceids": uuid, "tags": list(tags)}
    await op.run(step, "deleteTags", parameters, probe=gone)


async def _put_back(op: Op, step: str, resource: str, uuid: str, tags: Sequence[Tag]) -> None:
    try:
        await add(op, step, resource, uuid, tags)
    except Problem as problem:
        lost = ", ".join(tag["key"] for tag in tags)
        await op.warn("CLEANUP_FAILED", f"These labels were lost and could not be put back: {lost}. {problem.message}")


def _there(resource: str, uuid: str, tags: Sequence[Tag]) -> Probe:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        known = await tags_of(op, resource, uuid)
        return {} if all(tag in known for tag in tags) else None

    return probe


def _label_keys(known: Sequence[Tag]) -> set[str]:
    return {tag["key"] for tag in known if tags_to_labels([tag])}
