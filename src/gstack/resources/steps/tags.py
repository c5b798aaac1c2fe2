"""Steps that change the tags of a CloudStack object: its labels, and our own keys beside them.

CloudStack cannot replace a tag: createTags fails as a whole if one of the keys exists. So what changes is deleted first
and then created. If that fails, the deleted tags are put back.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.operations.recipes import undoing
from gstack.resources.shared.naming import check_label_fingerprint, labels_to_tags, tags_to_labels

Tag = dict[str, str]  # {"key": …, "value": …}


def plan(
    present: Sequence[Tag], labels: Mapping[str, str] | None, own: Mapping[str, str]
) -> tuple[list[Tag], list[Tag]]:
    """Say which tags to delete and which to create. Pure.

    `labels` replace all labels, None leaves them; `own` are tags of ours by key, an empty value removes one.
    """
    before = {tag["key"]: tag["value"] for tag in present}
    after = {tag["key"]: tag["value"] for tag in present if labels is None or not tags_to_labels([tag])}
    after |= {tag["key"]: tag["value"] for tag in labels_to_tags(labels or {})}
    after |= own
    deleted = [{"key": key, "value": value} for key, value in before.items() if after.get(key) != value]
    created = [{"key": key, "value": value} for key, value in after.items() if value and before.get(key) != value]
    return deleted, created


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
    """Change the tags of an object. `resource` is CloudStack's type; `labels` and `own` are as in `plan`.

    `sent` is the label fingerprint that the client sent: 412 if the labels have changed since.
    """
    present = await op.decide(f"{step}-known", lambda: tags_of(op, resource, uuid))
    shown = tags_to_labels(present)
    if labels is not None and shown != dict(labels):
        check_label_fingerprint(sent, shown)
    deleted, created = plan(present, labels, own or {})
    if deleted:
        await _delete(op, f"{step}-remove", resource, uuid, deleted)
    try:
        await add(op, f"{step}-add", resource, uuid, created)
    except Problem:
        lost = ", ".join(tag["key"] for tag in deleted)
        async with undoing(op, f"These labels were lost and could not be put back: {lost}"):
            await add(op, f"{step}-undo", resource, uuid, deleted)
        raise


async def add(op: Op, step: str, resource: str, uuid: str, tags: Sequence[Tag]) -> None:
    """Create tags whose keys the object does not have. Nothing is sent for none."""
    if not tags:
        return

    async def created(op: Op) -> Mapping[str, Any] | None:
        present = await tags_of(op, resource, uuid)
        return {} if all(tag in present for tag in tags) else None

    parameters = {"resourcetype": resource, "resourceids": uuid, "tags": list(tags)}
    await op.run(step, "createTags", parameters, probe=created)


async def tags_of(op: Op, resource: str, uuid: str) -> list[Tag]:
    """The present tags of an object."""
    narrowed = {"resourceid": uuid, "resourcetype": resource}
    found = await op.cloudstack.list_all("listTags", dict[str, Any], narrowed)
    return [{"key": str(tag["key"]), "value": str(tag.get("value", ""))} for tag in found]


async def _delete(op: Op, step: str, resource: str, uuid: str, tags: Sequence[Tag]) -> None:
    async def deleted(op: Op) -> Mapping[str, Any] | None:
        present = {tag["key"] for tag in await tags_of(op, resource, uuid)}
        return None if present & {tag["key"] for tag in tags} else {}

    parameters = {"resourcetype": resource, "resourceids": uuid, "tags": list(tags)}
    await op.run(step, "deleteTags", parameters, probe=deleted)
