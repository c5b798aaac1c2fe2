"""Disk offerings as disk types, as pure functions."""

from typing import Any

import msgspec
import pytest

from gstack.config import NameSettings
from gstack.errors import Problem
from gstack.resources.inventory.disk_offerings import DiskBounds, DiskChoice, DiskOffering, DiskOfferings

SMALL: dict[str, Any] = {
    "id": "59efcdf0",
    "name": "Small",
    "displaytext": "Small Disk, 5 GB",
    "disksize": 5,
    "iscustomized": False,
}
CUSTOM: dict[str, Any] = {
    "id": "51818766",
    "name": "Custom",
    "displaytext": "Custom Disk",
    "disksize": 0,
    "iscustomized": True,
}
FAST: dict[str, Any] = {
    "id": "fa57",
    "name": "Fast",
    "disksize": 0,
    "iscustomized": True,
    "created": "2027-01-01T00:00:00+0000",
}


def known(*offerings: dict[str, Any], **mapping: str) -> DiskOfferings:
    names = NameSettings(disk_types={kind.replace("_", "-"): name for kind, name in mapping.items()})
    return DiskOfferings(msgspec.convert(list(offerings), list[DiskOffering]), names, DiskBounds())


def test_googles_types_are_the_custom_offering() -> None:
    """Without a mapping the three pd types are the cloud's custom-size offering; no type is pd-standard."""
    offerings = known(SMALL, CUSTOM)
    for name in ("pd-standard", "pd-balanced", "pd-ssd", "", "custom", "projects/p/zones/z/diskTypes/pd-ssd"):
        assert offerings.choose(name, 30) == DiskChoice(
            name.rpartition("/")[2] or "pd-standard", CUSTOM["id"], custom=True, size_gb=30
        )
    assert offerings.name_of(CUSTOM["id"]) == "pd-standard"


def test_the_settings_map_types() -> None:
    """A mapped type is the offering that the settings name, and machines show it again."""
    offerings = known(SMALL, CUSTOM, FAST, pd_ssd="Fast", scratch="Small")
    assert offerings.choose("pd-ssd", 30).offering_id == FAST["id"]
    assert offerings.choose("scratch", None) == DiskChoice("scratch", SMALL["id"], custom=False, size_gb=5)
    assert offerings.name_of(FAST["id"]) == "pd-ssd"


def test_a_mapping_to_nothing_is_no_type() -> None:
    """A type whose mapped offering does not exist is not there: nothing else is used in its place."""
    with pytest.raises(Problem, match=r"'pd-ssd'\. This cloud has the disk types custom, pd-balanced, pd-standard"):
        known(CUSTOM, pd_ssd="Fast").choose("pd-ssd", 30)


def test_a_fixed_offering_has_its_own_size_only() -> None:
    """A disk type of fixed size is refused with another size, naming the one it has."""
    offerings = known(SMALL, CUSTOM)
    assert offerings.choose("small", 5) == DiskChoice("small", SMALL["id"], custom=False, size_gb=5)
    with pytest.raises(Problem, match="'small' makes disks of 5 GB only, not 6 GB"):
        offerings.choose("small", 6)


@pytest.mark.parametrize("size", [0, -1, 1025])
def test_sizes_outside_the_clouds_bounds_are_refused(size: int) -> None:
    """A custom size must lie within CloudStack's bounds."""
    with pytest.raises(Problem, match="between 1 GB and 1024 GB") as caught:
        known(CUSTOM).choose("pd-standard", size)
    assert caught.value.location == "resource.sizeGb"


def test_an_offering_never_takes_googles_names() -> None:
    """An offering called like one of Google's types is still found, under a name of its own."""
    offerings = known({**SMALL, "name": "pd-ssd"}, CUSTOM)
    assert offerings.types["pd-ssd"].id == CUSTOM["id"]
    assert len(offerings.types) == 5


def test_offerings_not_seen_show_as_standard() -> None:
    """A root disk, whose offering no list has, is pd-standard."""
    assert known(CUSTOM).name_of("gone") == "pd-standard"
