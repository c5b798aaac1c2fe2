"""Lists as Google gives them: filter, orderBy, maxResults, pageToken, plain and aggregated.

A resource hands a `fetch` that renders one CloudStack page; here pages become Google's. Without a filter one page of
the list costs one CloudStack page. Results stand in CloudStack's order, by name where the list is complete in one
answer (as Google sorts); `orderBy` reads the whole list and sorts it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.gateway.discovery import schema
from gstack.gateway.filters import Filter, parse_filter
from gstack.gateway.pages import Place, from_token, mark, to_token

_DEFAULT_RESULTS = 500
_MOST_PAGES = 40  # CloudStack pages looked through for one answer; a filter that finds little goes on by its token


class Window(msgspec.Struct, frozen=True):
    """The part of a list that is wanted.

    `page` counts from 1; `size` is at most the configured page size. `equals` are conditions that every result
    fulfils, such as {"name": "vm1"}: fetch may use them to narrow the CloudStack call where that is exact.
    """

    page: int
    size: int
    equals: dict[str, str]


class Batch(msgspec.Struct, frozen=True):
    """One page of rendered resources. `last`: there is no further page."""

    items: Sequence[Mapping[str, Any]]
    last: bool


Fetch = Callable[[Window], Awaitable[Batch]]
Items = list[Mapping[str, Any]]


class _Query(msgspec.Struct, frozen=True):
    """What the client asks of a list."""

    limit: int
    narrow: Filter | None
    order: str
    mark: str
    place: Place | None
    size: int  # of a CloudStack page

    @property
    def equals(self) -> dict[str, str]:
        return self.narrow.equals if self.narrow else {}

    def matching(self, items: Iterable[Mapping[str, Any]]) -> Items:
        return [item for item in items if self.narrow is None or self.narrow.matches(item)]


async def list_items(call: Call, fetch: Fetch) -> dict[str, Any]:
    """Return the answer of a `list` method. `items` is absent where there are none, as with Google."""
    query = _query(call)
    items, token = await _page(query, fetch)
    answer = _frame(call, token)
    return {**answer, "items": items} if items else answer


async def list_aggregated(call: Call, fetch: Fetch, scopes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the answer of an `aggregatedList` method: resources by the zone or region that they link to.

    `scopes` are all keys to show (`zones/a`, `regions/b`, `global`): one without results carries Google's warning.
    """
    query = _query(call)
    items, token = await _page(query, fetch)
    name = _scoped_name(call)
    grouped: dict[str, Items] = {scope: [] for scope in scopes}
    for item in items:
        grouped.setdefault(_scope(item), []).append(item)
    shown = {scope: {name: found} if found else _nothing(scope) for scope, found in grouped.items()}
    return {**_frame(call, token), "items": shown}


def whole(items: Iterable[Mapping[str, Any]]) -> Fetch:
    """Return a fetch over a list that is at hand."""
    known = list(items)

    async def fetch(window: Window) -> Batch:
        begin = (window.page - 1) * window.size
        end = begin + window.size
        return Batch(known[begin:end], last=end >= len(known))

    return fetch


def _query(call: Call) -> _Query:
    text, order = str(call.params.get("filter", "")), str(call.params.get("orderBy", ""))
    if order not in {"", "name", "creationTimestamp desc"}:
        raise Problem.invalid("orderBy", f"'{order}'. Must be 'name' or 'creationTimestamp desc'.")
    narrow = parse_filter(text)
    if narrow:
        _check_fields(narrow, _item_schema(call))
    limit = call.params.get("maxResults") or _DEFAULT_RESULTS
    own = mark((_path(call), text, order))
    token = str(call.params.get("pageToken", ""))
    place = from_token(token, own) if token else None
    most = call.settings.cloudstack.page_size
    size = min(place.size, most) if place else most if narrow or order else min(limit, most)
    if place and (place.size > most or bool(order) != (place.page == 0)):
        raise Problem.invalid("pageToken", "the token has ended. Start again without pageToken.")
    return _Query(limit, narrow, order, own, place, size)


async def _page(query: _Query, fetch: Fetch) -> tuple[Items, str]:
    """Return one page of the client's, and the token of the next."""
    return await (_sorted_page(query, fetch) if query.order else _plain_page(query, fetch))


async def _plain_page(query: _Query, fetch: Fetch) -> tuple[Items, str]:
    page, offset = (query.place.page, query.place.offset) if query.place else (1, 0)
    found: Items = []
    for _ in range(_MOST_PAGES):
        batch = await fetch(Window(page, query.size, query.equals))
        fitting = [(at, item) for at, item in enumerate(batch.items) if at >= offset and query.matching((item,))]
        room = query.limit - len(found)
        found += [item for _, item in fitting[:room]]
        if len(fitting) > room:
            return found, _token(query, page, fitting[room][0])
        if batch.last:
            return _by_name(found) if query.place is None else found, ""
        page, offset = page + 1, 0
        if len(found) >= query.limit or (found and not query.narrow and len(found) + query.size > query.limit):
            break
    return found, _token(query, page, 0)


async def _sorted_page(query: _Query, fetch: Fetch) -> tuple[Items, str]:
    found, page, last = [], 1, False
    while not last:
        batch = await fetch(Window(page, query.size, query.equals))
        found += query.matching(batch.items)
        page, last = page + 1, batch.last
    ordered = _by_name(found)
    if query.order != "name":
        ordered.sort(key=_made, reverse=True)
    begin = query.place.offset if query.place else 0
    end = begin + query.limit
    return ordered[begin:end], _token(query, 0, end) if end < len(ordered) else ""


def _made(item: Mapping[str, Any]) -> str:
    """When it was made; operations call it otherwise."""
    return str(item.get("creationTimestamp") or item.get("insertTime") or "")


def _by_name(items: Items) -> Items:
    return sorted(items, key=lambda item: str(item.get("name", "")))


def _token(query: _Query, page: int, offset: int) -> str:
    return to_token(Place(page, query.size, offset, query.mark))


def _path(call: Call) -> str:
    return str(call.method.path.format_map(call.params))


def _frame(call: Call, token: str) -> dict[str, Any]:
    path = _path(call)
    frame = {"id": path, "selfLink": f"{call.links.base}{path}"}
    return {**frame, "nextPageToken": token} if token else frame


def _list_of(call: Call) -> Mapping[str, Any]:
    """The description of what stands under `items` in the method's answer."""
    items: Mapping[str, Any] = schema(call.method.response or "")["properties"]["items"]
    return items


def _scoped_name(call: Call) -> str:
    """`instances` of an InstancesScopedList: its one field beside `warning`."""
    scoped = schema(_list_of(call)["additionalProperties"]["$ref"])
    return str(next(name for name in scoped["properties"] if name != "warning"))


def _item_schema(call: Call) -> Mapping[str, Any]:
    described = _list_of(call)
    if "additionalProperties" in described:
        described = schema(described["additionalProperties"]["$ref"])["properties"][_scoped_name(call)]
    inner: Mapping[str, Any] = described["items"]
    return inner


def _check_fields(narrow: Filter, described: Mapping[str, Any]) -> None:
    for field in narrow.fields:
        if not _known(field, described):
            raise Problem.invalid("filter", f"'{'.'.join(field)}' is no field of this list's resources.")


def _known(field: tuple[str, ...], described: Mapping[str, Any]) -> bool:
    if "$ref" in described:
        return _known(field, schema(described["$ref"]))
    if "items" in described:
        return _known(field, described["items"])
    if not field:
        return True
    if "additionalProperties" in described:
        return _known(field[1:], described["additionalProperties"])
    properties = described.get("properties", {})
    return field[0] in properties and _known(field[1:], properties[field[0]])


def _scope(item: Mapping[str, Any]) -> str:
    for kind in ("zone", "region"):
        if link := item.get(kind):
            return f"{kind}s/{str(link).rsplit('/', 1)[-1]}"
    return "global"


def _nothing(scope: str) -> dict[str, Any]:
    message = f"There are no results for scope '{scope}' on this page."
    data = [{"key": "scope", "value": scope}]
    return {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": message, "data": data}}


__all__ = ["Batch", "Fetch", "Window", "list_aggregated", "list_items", "whole"]
