"""Lists as Google gives them: filter, orderBy, maxResults, pageToken, plain and aggregated.

A resource hands a `fetch` that renders one CloudStack page; here pages become Google's. One page costs one call, the
first of a long list in small pages two. A list that fits one CloudStack page (500 items) stands in the order of names,
as Google's, over all pages of the client. A longer one stands in CloudStack's order, since to sort it the whole of it
must be read; `orderBy` does so.
Tokens hold what was shown last, not how many: what is deleted between two pages makes none of the others skipped.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.gateway.discovery import default_kind, schema
from gstack.gateway.filter_fields import check_fields
from gstack.gateway.filters import Filter, parse_filter
from gstack.gateway.pages import Place, from_token, mark, to_token

_DEFAULT_RESULTS = 500
_ANCHORS = 5  # items shown last that a token remembers
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
    """One page of rendered resources. `last`: no further page. `total`: how many CloudStack has, where it is known."""

    items: Sequence[Mapping[str, Any]]
    last: bool
    total: int = 0


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
    most: int  # of the largest one
    same: dict[str, str]  # what all items have

    @property
    def equals(self) -> dict[str, str]:
        return self.narrow.equals if self.narrow else {}

    def matching(self, items: Iterable[Mapping[str, Any]]) -> Items:
        """Those that the filter takes; `kind`, which the endpoint adds to all, can be asked for too."""
        return [item for item in items if self.narrow is None or self.narrow.matches({**self.same, **item})]


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


async def list_zonal(call: Call, fetch: Fetch, zones: Iterable[str]) -> dict[str, Any]:
    """Answer a `list` of the zone in the URL, or an `aggregatedList`, which has no zone in its URL, of all zones."""
    if "zone" in call.params:
        return await list_items(call, fetch)
    return await list_aggregated(call, fetch, [f"zones/{zone}" for zone in zones])


def whole(items: Iterable[Mapping[str, Any]]) -> Fetch:
    """Return a fetch over a list that is at hand."""
    known = list(items)

    async def fetch(window: Window) -> Batch:
        begin = (window.page - 1) * window.size
        end = begin + window.size
        return Batch(known[begin:end], last=end >= len(known), total=len(known))

    return fetch


def _query(call: Call) -> _Query:
    text, order = str(call.params.get("filter", "")), str(call.params.get("orderBy", ""))
    if order not in {"", "name", "creationTimestamp desc"}:
        raise Problem.invalid("orderBy", f"'{order}'. Must be 'name' or 'creationTimestamp desc'.")
    narrow = parse_filter(text)
    if narrow:
        check_fields(narrow, _item_schema(call))
    limit = call.params.get("maxResults") or _DEFAULT_RESULTS
    own = mark((_path(call), text, order))
    token = str(call.params.get("pageToken", ""))
    place = from_token(token, own) if token else None
    most = call.settings.cloudstack.page_size
    size = min(place.size, most) if place else most if narrow or order else min(limit, most)
    if place and (place.size > most or (order and place.page)):
        raise Problem.invalid("pageToken", "the token has ended. Start again without pageToken.")
    return _Query(limit, narrow, order, own, place, size, most, {"kind": default_kind(_item_name(call))})


async def _page(query: _Query, fetch: Fetch) -> tuple[Items, str]:
    """Return one page of the client's, and the token of the next."""
    place = query.place
    if query.order or (place and place.page == 0):
        return _sorted_page(query, await _everything(query, fetch))
    if place:
        return await _paged(query, fetch, await _resumed(query, place, fetch))
    first = await fetch(Window(1, query.most, query.equals))
    if first.last:
        return _sorted_page(query, query.matching(first.items))
    if query.size != query.most:
        first = await fetch(Window(1, query.size, query.equals))
    return await _paged(query, fetch, _Position(1, 0, first))


class _Position(msgspec.Struct, frozen=True):
    """Where in CloudStack's pages the next item is: at `offset` of the page, which is at hand."""

    page: int
    offset: int
    batch: Batch


async def _paged(query: _Query, fetch: Fetch, begin: _Position) -> tuple[Items, str]:
    """Fill a page of the client's with CloudStack's, in its order."""
    found: Items = []
    page, offset, batch = begin.page, begin.offset, begin.batch
    for turn in range(_MOST_PAGES):
        if turn:
            batch = await fetch(Window(page, query.size, query.equals))
        fitting = query.matching(batch.items[offset:])
        room = query.limit - len(found)
        found += fitting[:room]
        if len(fitting) > room:
            return found, _token(query, page, 1, batch, found)
        if batch.last:
            return found, ""
        page, offset = page + 1, 0
        if len(found) >= query.limit or (found and not query.narrow and len(found) + query.size > query.limit):
            break
    return found, _token(query, page, offset, batch, found)


async def _resumed(query: _Query, place: Place, fetch: Fetch) -> _Position:
    """Find where the last answer ended, though things were deleted since then: CloudStack's pages moved up.

    The items shown last tell. Where none of them is there any more the client deletes what it is shown, so all that is
    there from where they were can be shown. Tokens are the client's: one that says anything costs no more than others.
    """
    here = await fetch(Window(place.page, query.size, query.equals))
    total = here.total or (await fetch(Window(1, query.size, query.equals))).total if place.total else 0
    gone = max(0, place.total - total)
    if not gone:
        return _Position(place.page, _after(here, place) or 0 if place.offset else 0, here)
    earliest = max(0, (place.page - 1) * query.size - gone) // query.size + 1
    latest = min(place.page, total // query.size + 1)
    batch = here
    for page in range(latest, max(earliest, latest - _MOST_PAGES) - 1, -1):
        batch = here if page == place.page else await fetch(Window(page, query.size, query.equals))
        if offset := _after(batch, place):
            return _Position(page, offset, batch)
    return _Position(earliest, 0, await fetch(Window(earliest, query.size, query.equals)))


def _after(batch: Batch, place: Place) -> int | None:
    """The offset behind the last item that was shown, if one is there."""
    at = [index for index, item in enumerate(batch.items) if _key(item)[-1] in place.after]
    return at[-1] + 1 if at else None


async def _everything(query: _Query, fetch: Fetch) -> Items:
    found, page, last = [], 1, False
    while not last:
        batch = await fetch(Window(page, query.most, query.equals))
        found += query.matching(batch.items)
        page, last = page + 1, batch.last
    return found


def _sorted_page(query: _Query, items: Items) -> tuple[Items, str]:
    """The part of the whole sorted list that comes after the item which was shown last."""
    newest, after = query.order not in {"", "name"}, query.place.after if query.place else ()
    ordered = sorted(items, key=lambda item: _key(item)[1:])
    if newest:
        ordered.sort(key=lambda item: _key(item)[0], reverse=True)
    left = [item for item in ordered if not after or _follows(_key(item), after, newest=newest)]
    shown = left[: query.limit]
    if len(left) == len(shown):
        return shown, ""
    return shown, to_token(Place(0, query.most, 0, query.mark, 0, _key(shown[-1])))


def _follows(key: tuple[str, ...], after: tuple[str, ...], *, newest: bool) -> bool:
    if newest and key[0] != after[0]:
        return key[0] < after[0]
    return key[1:] > after[1:]


def _key(item: Mapping[str, Any]) -> tuple[str, ...]:
    """When it was made (operations call it otherwise), its name, its id."""
    made, name = str(item.get("creationTimestamp") or item.get("insertTime") or ""), str(item.get("name", ""))
    return made, name, str(item.get("id") or name)


def _token(query: _Query, page: int, offset: int, batch: Batch, shown: Items) -> str:
    before = query.place.after if query.place else ()
    last = (*before, *(_key(item)[-1] for item in shown[-_ANCHORS:]))[-_ANCHORS:]
    return to_token(Place(page, query.size, offset, query.mark, batch.total, last))


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


def _item_name(call: Call) -> str:
    return str(_item_schema(call).get("$ref", ""))


def _item_schema(call: Call) -> Mapping[str, Any]:
    described = _list_of(call)
    if "additionalProperties" in described:
        described = schema(described["additionalProperties"]["$ref"])["properties"][_scoped_name(call)]
    inner: Mapping[str, Any] = described["items"]
    return inner


def _scope(item: Mapping[str, Any]) -> str:
    for kind in ("zone", "region"):
        if link := item.get(kind):
            return f"{kind}s/{str(link).rsplit('/', 1)[-1]}"
    return "global"


def _nothing(scope: str) -> dict[str, Any]:
    message = f"There are no results for scope '{scope}' on this page."
    data = [{"key": "scope", "value": scope}]
    return {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": message, "data": data}}


__all__ = ["Batch", "Fetch", "Window", "list_aggregated", "list_items", "list_zonal", "whole"]
