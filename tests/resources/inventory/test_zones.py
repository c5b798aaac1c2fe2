"""Zones and regions of CloudStack's zones."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gstack.config import NameSettings
from gstack.errors import Problem
from gstack.resources.inventory.zones import Locations, Zone, is_fit, name_zones, propose
from gstack.resources.shared.naming import gce_id


def named(*names: str, mapping: dict[str, str] | None = None) -> Locations:
    zones = [Zone(id=f"id-{number}", name=name) for number, name in enumerate(names)]
    return name_zones(zones, NameSettings(zones=mapping or {}))


def test_a_fit_name_passes() -> None:
    """A zone name that clients can take apart stays as it is, and names its region."""
    (location,) = named("sandbox-east1-a").all
    assert (location.zone, location.alias, location.region) == ("sandbox-east1-a", "sandbox-east1-a", "sandbox-east1")


def test_an_unfit_name_stays_and_has_an_alias() -> None:
    """`Sandbox-simulator` is listed so, and is also a zone that clients can take apart."""
    known = named("Sandbox-simulator", "adv")
    simulator, adv = known.all
    assert simulator.zone == "Sandbox-simulator"
    assert (simulator.alias, simulator.region) == ("sandbox-simulator-a", "sandbox-simulator")
    assert (adv.zone, adv.alias, adv.region) == ("adv", "cs-adv-a", "cs-adv")


def test_a_name_that_no_url_can_hold_is_listed_by_its_alias() -> None:
    """A space or a slash in a CloudStack name never comes into a link; the name is still accepted."""
    known = named("Zone 1/b")
    assert known.all[0].zone == known.all[0].alias == "zone-1-b-a"
    assert known.zone("p", "Zone 1/b") == known.all[0]


def test_every_name_is_accepted() -> None:
    """Listed name, alias, CloudStack's name and numeric id all find the zone."""
    known = named("adv", mapping={"adv": "dublin-north1-a"})
    (location,) = known.all
    for name in ("dublin-north1-a", "adv", gce_id("id-0")):
        assert known.zone("p", name) == location
    assert known.region("p", "dublin-north1") == known.of_id("id-0") == location
    assert known.region("p", location.region_id) == location
    assert known.of_id("nothing") is None


def test_unknproject_names_are_404() -> None:
    """An unknown zone or region is not found, in Google's words; case counts."""
    known = named("sandbox-east1-a")
    for find, name in ((known.zone, "Sandbox-east1-a"), (known.region, "sandbox-east1-a")):
        with pytest.raises(Problem) as caught:
            find("p", name)
        assert caught.value.status == 404
    with pytest.raises(Problem, match="'projects/p/zones/x' was not found"):
        known.zone("p", "x")


def test_two_zones_of_one_region_are_refused() -> None:
    """Zones that would share a region are refused, naming both and the setting."""
    with pytest.raises(Problem, match=r"'dc-paris-1', 'dc-paris-2' share the region 'dc-paris'.*names\.zones"):
        named("dc-paris-1", "dc-paris-2")
    with pytest.raises(Problem, match="share the region"):
        named("adv", "eu-west1-a", mapping={"adv": "eu-west1-b"})


def test_a_mapping_mends_a_shared_region() -> None:
    """The setting takes zones of one region apart."""
    known = named("dc-paris-1", "dc-paris-2", mapping={"dc-paris-2": "dc-paris2-1"})
    assert [location.region for location in known.all] == ["dc-paris", "dc-paris2"]


def test_a_mapping_to_a_name_that_is_not_fit_is_refused() -> None:
    """A mapped name that clients cannot take apart is refused, naming it."""
    with pytest.raises(Problem, match=r"names\.zones maps 'adv' to 'Dublin'"):
        named("adv", mapping={"adv": "Dublin"})


def test_unfit_names_give_way() -> None:
    """Unfit names with one slug, or with the region of a fit one, get regions of their own."""
    known = named("Zone A", "zone a", "zone-a-1")
    assert len({location.region for location in known.all}) == 3
    assert all(is_fit(location.alias) for location in known.all)


@example(["a--b", "A--b", "x" * 55 + "-" + "y" * 9, "X" * 55 + "-" + "y" * 9])
@given(st.lists(st.text(min_size=1, max_size=70).filter(lambda name: not is_fit(name)), unique=True, max_size=6))
def test_any_zone_names_can_be_used(names: list[str]) -> None:
    """Whatever CloudStack calls its zones: each has a region with a dash, a fit alias, and a name for URLs."""
    for location in (known := named(*names)).all:
        assert is_fit(location.alias)
        assert location.alias.startswith(f"{location.region}-")
        assert "-" in location.region
        assert re.fullmatch(r"[A-Za-z0-9._-]+", location.zone)
        assert known.zone("p", location.alias) == location
    assert len({location.region for location in known.all}) == len(names)


@pytest.mark.parametrize(
    ("name", "fit"),
    [("a-b-c", True), ("us-central1-a", True), ("us-a", False), ("Us-b-c", False), ("a--b-c", False), ("1-b-c", False)],
)
def test_is_fit(name: str, *, fit: bool) -> None:
    """A fit name has three dash parts of lower case letters and digits, and begins with a letter."""
    assert is_fit(name) is fit


def test_proposals_take_shared_regions_apart() -> None:
    """What is proposed for zones of one region can be used as it is; zones that need nothing keep their names."""
    zones = [Zone(id=name, name=name) for name in ("dc-paris-1", "dc-paris-2", "adv", "us-east1-a")]
    proposed = propose(zones)
    assert proposed["us-east1-a"] == "us-east1-a"
    assert (proposed["dc-paris-1"], proposed["adv"]) == ("dc-paris-1-a", "cs-adv-a")
    known = name_zones(zones, NameSettings(zones=proposed))
    assert {location.cloudstack_name: location.zone for location in known.all} == proposed


@given(st.lists(st.from_regex(r"[a-z]{1,2}-[a-z]-[a-z]|[A-Z a-z]{1,3}", fullmatch=True), unique=True, max_size=8))
def test_any_proposal_can_be_used(names: list[str]) -> None:
    """Whatever the zones are called, the proposed mapping is accepted."""
    zones = [Zone(id=name, name=name) for name in names]
    name_zones(zones, NameSettings(zones=propose(zones)))
