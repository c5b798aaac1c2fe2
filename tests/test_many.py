"""More than fits on a page: everything comes, nothing twice, and CloudStack is asked page by page."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from conftest import hold_to_schema
from fixtures.gce import Gce
from fixtures.servers import Stack
from gstack.sandbox.populate import populate

ZONE = "Sandbox-simulator"
MACHINES = 1203


@pytest.fixture(scope="module")
def many(product: Stack) -> Iterator[Gce]:
    """The account `demo` with more than two pages of machines."""
    populate(product.sandbox.sandbox.world, "demo", MACHINES, ZONE)
    yield Gce(product)
    hold_to_schema(product)


@pytest.mark.parametrize("path", [f"zones/{ZONE}/instances", f"zones/{ZONE}/disks"])
@pytest.mark.parametrize("size", [500, 499, 77])
def test_pages_of_any_size_give_every_item_once(many: Gce, path: str, size: int) -> None:
    """The parameters maxResults and pageToken walk through all of them."""
    names = Counter(item["name"] for item in many.items(path, maxResults=size))
    assert len(names) == MACHINES
    assert set(names.values()) == {1}


def test_aggregated_lists_are_paged_too(many: Gce) -> None:
    """The default page of an aggregated list is 500; the rest follows by token."""
    first = many.get("aggregated/instances")
    assert len(first["items"][f"zones/{ZONE}"]["instances"]) == 500
    second = many.get("aggregated/instances", pageToken=first["nextPageToken"])
    known = {machine["name"] for machine in first["items"][f"zones/{ZONE}"]["instances"]}
    assert not known & {machine["name"] for machine in second["items"][f"zones/{ZONE}"]["instances"]}


@pytest.mark.parametrize("dialect", ["name eq {}", "name = {}", 'name = "{}"', "name:{}"])
def test_a_filter_finds_the_one_wherever_it_is(many: Gce, dialect: str) -> None:
    """A name on the last page is found by every dialect."""
    last = many.items(f"zones/{ZONE}/instances")[-1]["name"]
    found = many.items(f"zones/{ZONE}/instances", filter=dialect.format(last))
    assert [machine["name"] for machine in found] == [last]


def test_order_by_name_goes_over_all_pages(many: Gce) -> None:
    """`orderBy` sorts the whole, not each page."""
    names = [machine["name"] for machine in many.items(f"zones/{ZONE}/instances", orderBy="name")]
    assert names == sorted(names)
    assert len(names) == MACHINES


def test_a_token_of_another_query_is_refused(many: Gce) -> None:
    """A page token belongs to its method, filter and order."""
    token = many.get(f"zones/{ZONE}/instances")["nextPageToken"]
    assert many.refused("GET", f"zones/{ZONE}/disks", 400, pageToken=token)["reason"] == "invalid"
    assert many.refused("GET", f"zones/{ZONE}/instances", 400, pageToken="nonsense")["reason"] == "invalid"


@pytest.mark.parametrize("product", [{"reference_seconds": 60.0}], indirect=True)
def test_a_page_costs_one_call_for_machines(many: Gce, spent: Callable[..., dict[str, int]]) -> None:
    """Three pages of machines are three calls; a get is one for the machine and one for its disks."""
    commands = ("listVirtualMachines", "listVolumes")
    path = f"zones/{ZONE}/instances"
    cost = spent(lambda: many.items(path), *commands)
    assert cost["listVirtualMachines"] == 3
    assert cost["listVolumes"] <= 3
    name = many.get(path, maxResults=1)["items"][0]["name"]
    cost = spent(lambda: many.get(f"{path}/{name}"), *commands)
    assert cost == {"listVirtualMachines": 1, "listVolumes": 1}
