"""Service offerings as machine types. The offerings are excerpts of a real CloudStack 4.23."""

from typing import Any

import msgspec
import pytest

from gstack.errors import Problem
from gstack.resources.inventory.service_offerings import (
    DEFAULT_SPEED,
    MachineChoice,
    Offerings,
    ServiceOffering,
    as_requested,
    name_of,
    pick,
    smallest,
)

SMALL: dict[str, Any] = {
    "id": "69bff60f-ccdd-42e7-bbae-91764ed2ca4d",
    "name": "Small Instance",
    "state": "Active",
    "cpunumber": 1,
    "cpuspeed": 500,
    "memory": 512,
    "iscustomized": False,
}
N1: dict[str, Any] = {
    "id": "n1",
    "name": "n1-standard-2",
    "cpunumber": 2,
    "cpuspeed": 2000,
    "memory": 7680,
    "iscustomized": False,
}
CUSTOM: dict[str, Any] = {
    "id": "2dfea90a-b669-4b60-beb6-e5b18fbfd8e5",
    "name": "Custom Instance",
    "cpuspeed": 1000,
    "serviceofferingdetails": {"maxcpunumber": "16", "mincpunumber": "1", "minmemory": "128", "maxmemory": "65536"},
    "iscustomized": True,
}
E2_CUSTOM: dict[str, Any] = {"id": "e2c", "name": "e2-custom", "iscustomized": True}


def known(*offerings: dict[str, Any]) -> Offerings:
    return Offerings(msgspec.convert(list(offerings), list[ServiceOffering]))


@pytest.mark.parametrize(
    "name", ["small-instance", "Small Instance", "zones/z/machineTypes/small-instance", "https://x/compute/v1/projects/p/zones/z/machineTypes/small-instance"]
)  # fmt: skip
def test_an_offering_is_found_by_any_name(name: str) -> None:
    """Slug, CloudStack name and every form of reference name an offering; its sizes are its own."""
    assert pick(known(SMALL, N1), name, "f") == MachineChoice(SMALL["id"])


def test_a_custom_type_is_a_customisable_offering() -> None:
    """`custom-2-4096`, with a series or without, is deployed with its sizes; a speed only where it must be said."""
    for name in ("custom-2-4096", "n1-custom-2-4096"):
        assert pick(known(SMALL, CUSTOM), name, "f") == MachineChoice(CUSTOM["id"], 2, 4096)
    assert pick(known(E2_CUSTOM), "custom-2-4096", "f") == MachineChoice("e2c", 2, 4096, DEFAULT_SPEED)


def test_a_series_prefers_the_offering_of_its_name() -> None:
    """An offering that is named for a series serves it, and its machines show that series."""
    offerings = known(CUSTOM, E2_CUSTOM)
    assert pick(offerings, "e2-custom-2-4096", "f") == MachineChoice("e2c", 2, 4096, DEFAULT_SPEED)
    assert pick(offerings, "custom-2-4096", "f") == MachineChoice(CUSTOM["id"], 2, 4096)
    assert name_of("e2c", 2, 4096, offerings) == "e2-custom-2-4096"


@pytest.mark.parametrize("name", ["custom-3-4096", "custom-2-4000", "custom-32-4096", "custom-2-131072"])
def test_sizes_that_nobody_offers_are_refused(name: str) -> None:
    """Sizes against Google's rules or beyond the offering's limits are 400."""
    with pytest.raises(Problem) as caught:
        pick(known(CUSTOM), name, "resource.machineType")
    assert (caught.value.status, caught.value.location) == (400, "resource.machineType")


def test_no_customisable_offering() -> None:
    """The refusal says that the cloud has no such offering."""
    with pytest.raises(Problem, match="no customisable service offering"):
        pick(known(SMALL), "custom-2-4096", "f")


@pytest.mark.parametrize(
    "name", ["n1-standard-64", "custom-2", "custom-0-4096", "Custom Instance", "SMALL-INSTANCE", ""]
)
def test_unknproject_names_find_nothing(name: str) -> None:
    """What no offering is called finds nothing; case counts; a customisable offering alone is no machine type."""
    assert pick(known(SMALL, N1, CUSTOM), name, "f") is None


def test_names_of_machines() -> None:
    """A machine shows the type it was asked for with, also when its offering is gone."""
    offerings = known(SMALL, N1, CUSTOM)
    assert name_of(SMALL["id"], 1, 512, offerings) == "small-instance"
    assert name_of("n1", 2, 7680, offerings) == "n1-standard-2"
    assert name_of(CUSTOM["id"], 2, 4096, offerings) == "custom-2-4096"
    assert name_of("gone", 1, 512, offerings, "Old Offering") == "old-offering"
    assert name_of("gone", 1, 512, offerings) == "custom-1-512"


def test_an_offering_of_other_zones_is_not_found() -> None:
    """An offering that the administrator gave to some zones only is a machine type there alone."""
    offerings = known({**N1, "zoneid": "z1,z2"})
    assert pick(offerings, "n1-standard-2", "f", "z2") == MachineChoice("n1")
    assert pick(offerings, "n1-standard-2", "f", "z3") is None


def test_custom_types_as_asked() -> None:
    """A custom type is shown under the series that was asked for, while it has that size."""
    assert as_requested("custom-2-4096", "n1-custom-2-4096") == "n1-custom-2-4096"
    assert as_requested("custom-4-8192", "n1-custom-2-4096") == "custom-4-8192"
    assert as_requested("e2-small", "n1-custom-2-4096") == "e2-small"
    assert as_requested("custom-2-4096", "") == "custom-2-4096"


def test_the_smallest_offering() -> None:
    """The least memory, then vCPUs, of what the zone has; one whose root disk is its own business is left out."""
    others = [
        {**SMALL, "id": "fixed", "memory": 1, "rootdisksize": 10},
        {**SMALL, "id": "volatile", "memory": 1, "isvolatile": True},
        {**SMALL, "id": "elsewhere", "memory": 1, "zoneid": "other"},
        {**SMALL, "id": "strict", "memory": 2, "diskofferingstrictness": True},
    ]
    offered = known(N1, SMALL, CUSTOM, *others)
    assert smallest(offered, "z", own_disk=True) == MachineChoice(SMALL["id"])
    assert smallest(offered, "z", own_disk=False) == MachineChoice("strict")


def test_the_smallest_custom_size() -> None:
    """Where every offering is customisable, it is the least that one allows; nothing where there is none."""
    assert smallest(known(CUSTOM), "z", own_disk=True) == MachineChoice(CUSTOM["id"], 1, 256)
    assert smallest(known(E2_CUSTOM), "z", own_disk=True) == MachineChoice("e2c", 1, 256, DEFAULT_SPEED)
    assert smallest(known(), "z", own_disk=False) is None
