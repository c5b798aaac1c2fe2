"""Lists as Google gives them."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.gateway.listing import Fetch, Page, PageRequest, in_memory, list_aggregated, list_items
from gstack.gateway.page_tokens import PageToken

MakeCall = Callable[..., Call]
LIST, AGGREGATED = "compute.instances.list", "compute.instances.aggregatedList"


def machines(count: int) -> list[dict[str, Any]]:
    zone = "https://localhost:5000/compute/v1/projects/demo/zones/"
    return [
        {
            "name": f"vm{number:05}",
            "zone": f"{zone}{'sandbox-east1-a' if number % 2 else 'sandbox-west1-a'}",
            "creationTimestamp": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.000+00:00",
        }
        for number in range(count)
    ]


class Counted:
    """A fetch that counts, over a list that CloudStack would page."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.requests: list[PageRequest] = []
        self._fetch = in_memory(items)

    async def __call__(self, request: PageRequest) -> Page:
        self.requests.append(request)
        return await self._fetch(request)


def paged(call: Call, size: int) -> Call:
    """The same call on a CloudStack whose pages are of this size."""
    cloudstack = msgspec.structs.replace(call.settings.cloudstack, page_size=size)
    return replace(call, settings=msgspec.structs.replace(call.settings, cloudstack=cloudstack))


async def walk(make_call: MakeCall, fetch: Fetch, size: int, **params: Any) -> list[list[str]]:
    """Follow the tokens to the end; return the names on each page."""
    pages, token = [], ""
    while True:
        answer = await list_items(paged(make_call(LIST, pageToken=token, **params), size), fetch)
        pages.append([item["name"] for item in answer.get("items", [])])
        token = answer.get("nextPageToken", "")
        if not token:
            return pages


async def test_an_empty_list_has_no_items(make_call: MakeCall) -> None:
    """Google leaves `items` out, and says what was asked."""
    answer = await list_items(make_call(LIST), in_memory([]))
    path = "projects/demo/zones/sandbox-east1-a/instances"
    assert answer == {"id": path, "selfLink": f"https://localhost:5000/compute/v1/{path}"}


async def test_a_page_costs_one_page_of_cloudstack(make_call: MakeCall) -> None:
    """A list that fits CloudStack's page is read with one call; of a longer one, what the client wants."""
    fetch = Counted(machines(10))
    pages = await walk(make_call, fetch, 500, maxResults=4)
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [(request.page, request.size) for request in fetch.requests] == [(1, 500)] * 3
    fetch = Counted(machines(10))
    pages = await walk(make_call, fetch, 8, maxResults=4)
    assert [len(page) for page in pages] == [4, 4, 2]
    assert [(request.page, request.size) for request in fetch.requests] == [(1, 8), (1, 4), (2, 4), (3, 4)]


async def test_more_than_five_hundred_come_whole(make_call: MakeCall) -> None:
    """Following the tokens gives every item once, whatever page size CloudStack allows."""
    for size in (500, 100, 33):
        pages = await walk(make_call, in_memory(machines(1203)), size)
        names = [name for page in pages for name in page]
        assert sorted(names) == [machine["name"] for machine in machines(1203)]
        assert len(pages[0]) > 500 - size


async def test_a_page_that_hides_things_still_costs_one_call(make_call: MakeCall) -> None:
    """Where a resource hides some of a CloudStack page, the answer is shorter, not slower."""
    items = machines(8)
    calls = []

    async def fetch(request: PageRequest) -> Page:
        calls.append(request.page)
        batch = await in_memory(items)(request)
        return Page([item for item in batch.items if not item["name"].endswith("1")], batch.last)

    pages = await walk(make_call, fetch, 4, maxResults=2)
    assert calls == [1, 1, 2, 3, 4]
    assert [len(page) for page in pages] == [1, 2, 2, 2]


async def test_a_filter_is_applied_and_told(make_call: MakeCall) -> None:
    """Only matches come, and fetch learns what all of them fulfil."""
    fetch = Counted(machines(30))
    answer = await list_items(make_call(LIST, filter="name eq vm00007"), fetch)
    assert [item["name"] for item in answer["items"]] == ["vm00007"]
    assert fetch.requests == [PageRequest(1, 500, {"name": "vm00007"})]


async def test_a_filtered_list_fills_its_pages(make_call: MakeCall) -> None:
    """A filter that keeps a tenth still fills maxResults, and goes on in the middle of a CloudStack page."""
    pages = await walk(make_call, in_memory(machines(200)), 50, maxResults=3, filter="name eq .*0")
    assert [len(page) for page in pages] == [3, 3, 3, 3, 3, 3, 2]
    assert len({name for page in pages for name in page}) == 20


async def test_a_filter_that_finds_nothing_gives_up_for_now(make_call: MakeCall) -> None:
    """One answer looks through a bounded number of CloudStack pages; its token goes on from there."""
    fetch = Counted(machines(100))
    answer = await list_items(paged(make_call(LIST, filter="name = vm00099"), 2), fetch)
    assert len(fetch.requests) == 40
    assert "items" not in answer
    pages = await walk(make_call, fetch, 2, filter="name = vm00099")
    assert [name for page in pages for name in page] == ["vm00099"]


async def test_order_is_kept_over_pages(make_call: MakeCall) -> None:
    """`orderBy` sorts the whole list, not each page."""
    items = [*reversed(machines(9))]
    newest = await walk(make_call, in_memory(items), 4, maxResults=2, orderBy="creationTimestamp desc")
    assert [name for page in newest for name in page] == [machine["name"] for machine in items]
    named = await walk(make_call, in_memory(items), 4, maxResults=4, orderBy="name")
    assert [len(page) for page in named] == [4, 4, 1]
    assert [name for page in named for name in page] == [machine["name"] for machine in machines(9)]


async def test_kind_can_be_filtered(make_call: MakeCall) -> None:
    """Every item shows its kind, so a filter can ask for it."""
    for text, count in (('kind = "compute#instance"', 3), ("kind eq compute.disk", 0), ("kind:*", 3)):
        answer = await list_items(make_call(LIST, filter=text), in_memory(machines(3)))
        assert len(answer.get("items", [])) == count


@pytest.mark.parametrize("order", ["", "name", "creationTimestamp desc"])
@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(("size", "limit"), [(500, 7), (10, 7), (10, 10), (10, 25), (7, 10)])
async def test_what_goes_between_pages_hides_nothing(
    make_call: MakeCall, order: str, hidden: bool, size: int, limit: int
) -> None:
    """Clients that delete what they are shown see everything, also where CloudStack goes on to list what is gone."""
    there, gone, seen, token = machines(50), set[str](), list[str](), ""
    params = {"maxResults": limit, **({"orderBy": order} if order else {})}

    async def fetch(request: PageRequest) -> Page:
        left = [one for one in there if hidden or one["name"] not in gone]
        batch = await in_memory(left)(request)
        return msgspec.structs.replace(batch, items=[one for one in batch.items if one["name"] not in gone])

    while True:
        answer = await list_items(paged(make_call(LIST, pageToken=token, **params), size), fetch)
        shown = [item["name"] for item in answer.get("items", [])]
        seen += shown
        gone.update(shown)
        token = answer.get("nextPageToken", "")
        if not token:
            break
    assert sorted(seen) == [one["name"] for one in there]


@pytest.mark.parametrize(("size", "limit"), [(500, 7), (10, 7), (10, 10), (10, 25)])
async def test_what_others_delete_hides_nothing(make_call: MakeCall, size: int, limit: int) -> None:
    """When things of earlier and later pages go meanwhile, what is left comes once, and what went at most once."""
    there, seen, token = machines(60), list[str](), ""
    while True:
        answer = await list_items(paged(make_call(LIST, pageToken=token, maxResults=limit), size), in_memory(there))
        seen += [item["name"] for item in answer.get("items", [])]
        token = answer.get("nextPageToken", "")
        if not token:
            break
        there = [one for index, one in enumerate(there) if index not in {2, len(there) - 2}]
    assert len(seen) == len(set(seen))
    assert not {one["name"] for one in there} - set(seen)


async def test_a_complete_answer_is_sorted_by_name(make_call: MakeCall) -> None:
    """Google sorts by name; a list that fits one answer is."""
    answer = await list_items(make_call(LIST), in_memory([*reversed(machines(3))]))
    assert [item["name"] for item in answer["items"]] == ["vm00000", "vm00001", "vm00002"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"orderBy": "name desc"}, "orderBy"),
        ({"filter": "colour = red"}, "filter"),
        ({"pageToken": "nonsense"}, "pageToken"),
    ],
)
async def test_what_the_list_does_not_know_is_refused(make_call: MakeCall, params: Any, field: str) -> None:
    """Orders, fields and tokens of no meaning are a 400 that names the parameter."""
    with pytest.raises(Problem) as caught:
        await list_items(make_call(LIST, **params), in_memory(machines(2)))
    assert (caught.value.status, caught.value.location) == (400, field)


async def test_a_token_belongs_to_its_list(make_call: MakeCall) -> None:
    """A token of another zone, filter or order is refused, never misread."""
    token = (await list_items(make_call(LIST, maxResults=1), in_memory(machines(3))))["nextPageToken"]
    for other in ({"zone": "sandbox-west1-a"}, {"filter": "name eq vm.*"}, {"orderBy": "name"}):
        with pytest.raises(Problem):
            await list_items(make_call(LIST, pageToken=token, **other), in_memory(machines(3)))


@pytest.mark.parametrize("forged", [(20_000, 1, 0, 10_000_000), (1_000_000, 500, 3, 10_000_000), (40, 1, 0, 9_000_000)])
async def test_a_forged_token_costs_no_more_than_others(make_call: MakeCall, forged: tuple[int, ...]) -> None:
    """Tokens are the client's: whatever one says, a few pages are looked at, and the answer is part of the list."""
    fetch = Counted(machines(30))
    token = (await list_items(make_call(LIST, maxResults=1), fetch))["nextPageToken"]
    known = PageToken.decode(token, msgspec.json.decode(base64.urlsafe_b64decode(token + "=="))[3])
    page, size, offset, total = forged
    made = msgspec.structs.replace(known, page=page, size=size, offset=offset, total=total, after=("x",))
    fetch.requests.clear()
    answer = await list_items(make_call(LIST, maxResults=1, pageToken=made.encode()), fetch)
    assert len(fetch.requests) < 50
    assert len(answer.get("items", [])) <= 1


async def test_aggregated_lists_are_grouped(make_call: MakeCall) -> None:
    """Resources stand under their zone; empty scopes carry Google's warning."""
    call = make_call(AGGREGATED)
    answer = await list_aggregated(call, in_memory(machines(3)), ["zones/sandbox-east1-a", "zones/empty-a-a"])
    shown = answer["items"]
    assert [item["name"] for item in shown["zones/sandbox-east1-a"]["instances"]] == ["vm00001"]
    assert len(shown["zones/sandbox-west1-a"]["instances"]) == 2
    assert shown["zones/empty-a-a"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    assert answer["id"] == "projects/demo/aggregated/instances"


async def test_an_empty_aggregated_list_is_a_map(make_call: MakeCall) -> None:
    """Gcloud fails where `items` is absent."""
    assert (await list_aggregated(make_call(AGGREGATED), in_memory([])))["items"] == {}


async def test_regions_and_global_things_have_scopes(make_call: MakeCall) -> None:
    """Addresses are regional or global."""
    call = make_call("compute.addresses.aggregatedList")
    addresses = [{"name": "a", "region": "https://h/compute/v1/projects/demo/regions/r-1"}, {"name": "b"}]
    answer = await list_aggregated(call, in_memory(addresses))
    assert {scope: list(found) for scope, found in answer["items"].items()} == {
        "regions/r-1": ["addresses"],
        "global": ["addresses"],
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    count=st.integers(0, 60), size=st.integers(1, 20), limit=st.integers(1, 25), keep=st.sampled_from(["", ".*[05]"])
)
async def test_nothing_twice_and_nothing_lost(
    make_call: MakeCall, count: int, size: int, limit: int, keep: str
) -> None:
    """For every size of list, of CloudStack's pages and of the client's, tokens give each match once."""
    filters = {"filter": f"name eq {keep}"} if keep else {}
    pages = await walk(make_call, in_memory(machines(count)), size, maxResults=limit, **filters)
    names = [name for page in pages for name in page]
    expected = [f"vm{number:05}" for number in range(count) if not keep or number % 5 == 0]
    assert sorted(names) == expected
    assert all(len(page) <= limit for page in pages)
