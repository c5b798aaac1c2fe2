"""Google's lists: filter, orderBy, maxResults and pageToken, for `list` and `aggregatedList` methods.

A resource passes a `fetch` that renders one page of CloudStack's; this module turns those pages into the client's. A
page costs one call. The first page of a long list in small pages costs two.

A list that fits one CloudStack page (500 items) is sorted by name over all pages of the client, like Google's. A longer
list is in CloudStack's order, because sorting means reading it all. `orderBy` does that.

A page token holds what was shown last, not how many items were shown. So nothing is skipped if items are deleted
between two pages.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.gateway.discovery import default_kind, schema
from gstack.gateway.filter_fields import resolver
from gstack.gateway.filters import Filter, parse_filter
from gstack.gateway.page_tokens import PageToken, list_fingerprint

_DEFAULT_RESULTS = 500
_ANCHORS = 5  # a token holds the ids of this many items that were shown last
_MOST_PAGES = 40  # CloudStack pages read for one answer; if a filter matches little, the next page goes on from there


class PageRequest(msgspec.Struct, frozen=True):
    """Which page of CloudStack's list to fetch.

    `page` counts from 1. `size` is at most the configured page size. `equals` are conditions that every result must
    fulfil, such as {"name": "vm1"}. A fetch may use them to narrow the CloudStack call where that is exact.
    """

    page: int
    size: int
    equals: dict[str, str]


class Page(msgspec.Struct, frozen=True):
    """A page of rendered resources. `last`: no page follows. `total`: how many CloudStack has, 0 if unknown."""

    items: Sequence[Mapping[str, Any]]
    last: bool
    total: int = 0


Fetch = Callable[[PageRequest], Awaitable[Page]]
Items = list[Mapping[str, Any]]


class _Query(msgspec.Struct, frozen=True):
    """The list request of a client."""

    limit: int
    filter: Filter | None
    order: str
    fingerprint: str
    token: PageToken | None
    size: int  # of the CloudStack pages to fetch
    largest: int  # size that a CloudStack page can have
    constants: dict[str, str]  # fields that the endpoint adds to every item

    @property
    def equals(self) -> dict[str, str]:
        return self.filter.equals if self.filter else {}

    def matching(self, items: Iterable[Mapping[str, Any]]) -> Items:
        """Return the items that the filter matches. It may also name `kind`, which the endpoint adds later."""
        return [item for item in items if self.filter is None or self.filter.matches({**self.constants, **item})]


async def list_items(call: Call, fetch: Fetch) -> dict[str, Any]:
    """Return the answer of a `list` method. Like Google's, it has no `items` if the list is empty."""
    items, token = await _client_page(_query(call), fetch)
    answer = _frame(call, token)
    return {**answer, "items": items} if items else answer


async def list_aggregated(call: Call, fetch: Fetch, scopes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the answer of an `aggregatedList` method: resources grouped by the zone or region that they link to.

    `scopes` are all keys to show (`zones/a`, `regions/b`, `global`). A scope without results has Google's warning.
    """
    items, token = await _client_page(_query(call), fetch)
    name = _scoped_name(call)
    grouped: dict[str, Items] = {scope: [] for scope in scopes}
    for item in items:
        grouped.setdefault(_scope(item), []).append(item)
    shown = {scope: {name: found} if found else _nothing(scope) for scope, found in grouped.items()}
    return {**_frame(call, token), "items": shown}


async def list_zonal(call: Call, fetch: Fetch, zones: Iterable[str]) -> dict[str, Any]:
    """Answer a `list` of the zone in the URL. Without a zone there, answer an `aggregatedList` of all `zones`."""
    if "zone" in call.params:
        return await list_items(call, fetch)
    return await list_aggregated(call, fetch, [f"zones/{zone}" for zone in zones])


def in_memory(items: Iterable[Mapping[str, Any]]) -> Fetch:
    """Return a fetch for a list that is already in memory."""
    everything = list(items)

    async def fetch(request: PageRequest) -> Page:
        begin = (request.page - 1) * request.size
        end = begin + request.size
        return Page(everything[begin:end], last=end >= len(everything), total=len(everything))

    return fetch


def _query(call: Call) -> _Query:
    text, order = str(call.params.get("filter", "")), str(call.params.get("orderBy", ""))
    if order not in {"", "name", "creationTimestamp desc"}:
        raise Problem.invalid("orderBy", f"'{order}'. Must be 'name' or 'creationTimestamp desc'.")
    parsed = parse_filter(text, resolver(_item_schema(call)))
    limit = call.params.get("maxResults") or _DEFAULT_RESULTS
    fingerprint = list_fingerprint((_path(call), text, order))
    sent = str(call.params.get("pageToken", ""))
    token = PageToken.decode(sent, fingerprint) if sent else None
    largest = call.settings.cloudstack.page_size
    size = min(token.size, largest) if token else largest if parsed or order else min(limit, largest)
    if token and (token.size > largest or (order and token.page)):
        raise Problem.invalid("pageToken", "the token has expired. Start again without pageToken.")
    kind = default_kind(str(_item_schema(call).get("$ref", "")))
    return _Query(limit, parsed, order, fingerprint, token, size, largest, {"kind": kind})


async def _client_page(query: _Query, fetch: Fetch) -> tuple[Items, str]:
    """Return one page for the client, and the token of the next page."""
    token = query.token
    if query.order or (token and token.page == 0):
        return _sorted_page(query, await _everything(query, fetch))
    if token:
        return await _paged(query, fetch, await _resumed(query, token, fetch))
    first = await fetch(PageRequest(1, query.largest, query.equals))
    if first.last:
        return _sorted_page(query, query.matching(first.items))
    if query.size != query.largest:
        first = await fetch(PageRequest(1, query.size, query.equals))
    return await _paged(query, fetch, _Position(1, 0, first))


class _Position(msgspec.Struct, frozen=True):
    """Where the next item is: `offset` items into CloudStack's page `number`, whose content is `page`."""

    number: int
    offset: int
    page: Page


async def _paged(query: _Query, fetch: Fetch, begin: _Position) -> tuple[Items, str]:
    """Fill the client's page from CloudStack's pages, in CloudStack's order."""
    found: Items = []
    number, offset, page = begin.number, begin.offset, begin.page
    for attempt in range(_MOST_PAGES):
        if attempt:
            page = await fetch(PageRequest(number, query.size, query.equals))
        fitting = query.matching(page.items[offset:])
        room = query.limit - len(found)
        found += fitting[:room]
        if len(fitting) > room:
            return found, _token(query, number, 1, page, found)
        if page.last:
            return found, ""
        number, offset = number + 1, 0
        if len(found) >= query.limit or (found and not query.filter and len(found) + query.size > query.limit):
            break
    return found, _token(query, number, offset, page, found)


async def _resumed(query: _Query, token: PageToken, fetch: Fetch) -> _Position:
    """Find where the last answer ended. Items deleted since then have moved CloudStack's pages forward.

    The items that were shown last mark the spot. If all of them are gone, the client is deleting what it is shown, and
    everything from the earliest possible spot is shown. A forged token costs no more calls than a real one.
    """
    page = await fetch(PageRequest(token.page, query.size, query.equals))
    total = page.total or (await fetch(PageRequest(1, query.size, query.equals))).total if token.total else 0
    deleted = max(0, token.total - total)
    if not deleted:
        return _Position(token.page, _after(page, token) or 0 if token.offset else 0, page)
    earliest = max(0, (token.page - 1) * query.size - deleted) // query.size + 1
    latest = min(token.page, total // query.size + 1)
    for number in range(latest, max(earliest, latest - _MOST_PAGES) - 1, -1):
        other = page if number == token.page else await fetch(PageRequest(number, query.size, query.equals))
        if offset := _after(other, token):
            return _Position(number, offset, other)
    return _Position(earliest, 0, await fetch(PageRequest(earliest, query.size, query.equals)))


def _after(page: Page, token: PageToken) -> int | None:
    """Return the offset after the last item that was shown, or None if the page has no such item."""
    shown = [index for index, item in enumerate(page.items) if _key(item)[-1] in token.after]
    return shown[-1] + 1 if shown else None


async def _everything(query: _Query, fetch: Fetch) -> Items:
    found, number, last = [], 1, False
    while not last:
        page = await fetch(PageRequest(number, query.largest, query.equals))
        found += query.matching(page.items)
        number, last = number + 1, page.last
    return found


def _sorted_page(query: _Query, items: Items) -> tuple[Items, str]:
    """Return the page of the sorted list that follows the item which was shown last, and the next token."""
    newest, after = query.order not in {"", "name"}, query.token.after if query.token else ()
    ordered = sorted(items, key=lambda item: _key(item)[1:])
    if newest:
        ordered.sort(key=lambda item: _key(item)[0], reverse=True)
    left = [item for item in ordered if not after or _follows(_key(item), after, newest=newest)]
    shown = left[: query.limit]
    if len(left) == len(shown):
        return shown, ""
    return shown, PageToken(0, query.largest, 0, query.fingerprint, 0, _key(shown[-1])).encode()


def _follows(key: tuple[str, ...], after: tuple[str, ...], *, newest: bool) -> bool:
    if newest and key[0] != after[0]:
        return key[0] < after[0]
    return key[1:] > after[1:]


def _key(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sort key of an item: creation time (`insertTime` of an operation), name, id."""
    created, name = str(item.get("creationTimestamp") or item.get("insertTime") or ""), str(item.get("name", ""))
    return created, name, str(item.get("id") or name)


def _token(query: _Query, number: int, offset: int, page: Page, shown: Items) -> str:
    before = query.token.after if query.token else ()
    last = (*before, *(_key(item)[-1] for item in shown[-_ANCHORS:]))[-_ANCHORS:]
    return PageToken(number, query.size, offset, query.fingerprint, page.total, last).encode()


def _path(call: Call) -> str:
    return str(call.method.path.format_map(call.params))


def _frame(call: Call, token: str) -> dict[str, Any]:
    path = _path(call)
    frame = {"id": path, "selfLink": f"{call.links.base}{path}"}
    return {**frame, "nextPageToken": token} if token else frame


def _list_of(call: Call) -> Mapping[str, Any]:
    """Return the schema of `items` in the method's answer."""
    items: Mapping[str, Any] = schema(call.method.response or "")["properties"]["items"]
    return items


def _scoped_name(call: Call) -> str:
    """Return the field of a scoped list that is not `warning`: `instances` of an InstancesScopedList."""
    scoped = schema(_list_of(call)["additionalProperties"]["$ref"])
    return str(next(name for name in scoped["properties"] if name != "warning"))


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


__all__ = ["Fetch", "Page", "PageRequest", "in_memory", "list_aggregated", "list_items", "list_zonal"]
