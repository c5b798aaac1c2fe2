"""The common part of list commands: filters, pages and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gstack.sandbox.registry import Answer, Call
from gstack.sandbox.world import Row, World

View = Callable[[World, Row], Answer]


def page(call: Call, name: str, rows: list[Row], view: View) -> Answer:
    """Return one page of `rows` under `name`. `count` is that of all pages. As recorded, no rows at all are `{}`."""
    if not rows:
        return {}
    shown = [view(call.world, row) for row in _cut(call, rows)]
    return {"count": len(rows), name: shown} if shown else {"count": len(rows)}


def _cut(call: Call, rows: list[Row]) -> list[Row]:
    size = call.args.get("pagesize", call.settings.page_maximum)
    if size < 0:
        return rows
    start = (max(call.args.get("page", 1), 1) - 1) * size
    return rows[start : start + size]


def chosen(call: Call, rows: Iterable[Row], *exact: str) -> list[Row]:
    """Return the rows that match `id`, `ids`, `keyword`, `tags` and the `exact` parameters of the call.

    An exact parameter is compared with the field of its name. Case does not matter, as in MariaDB.
    """
    args = call.args
    wanted = {field: _folded(args[field]) for field in exact if field in args}
    ids = {args["id"]} if "id" in args else set(args["ids"]) if args.get("ids") else None
    keyword = str(args.get("keyword", "")).lower()
    return [
        row
        for row in rows
        if (ids is None or row["id"] in ids)
        and all(_folded(row.get(field)) == value for field, value in wanted.items())
        and (not keyword or keyword in _text(row))
        and has_tags(call.world, row, args.get("tags", []))
    ]


def has_tags(world: World, row: Row, wanted: list[dict[str, str]]) -> bool:
    """Tell whether an object has all these tags. Case does not matter; a missing value matches any."""
    if not wanted:
        return True
    carried = {tag["key"].lower(): tag["value"].lower() for tag in world.find("tag", resourceid=row["id"])}
    return all(_tag_fits(carried, tag) for tag in wanted)


def _tag_fits(carried: dict[str, str], tag: dict[str, str]) -> bool:
    value = carried.get(tag.get("key", "").lower())
    return value is not None and tag.get("value", value).lower() == value


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _text(row: Row) -> str:
    fields = ("name", "displayname", "displaytext", "description")
    return "\n".join(str(row.get(field, "")) for field in fields).lower()
