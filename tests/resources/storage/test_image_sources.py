"""What images are made of: the choice of hypervisor and zones. Pure."""

import pytest

from gstack.errors import Problem
from gstack.resources.inventory.templates import Catalog, Template
from gstack.resources.inventory.zones import Location
from gstack.resources.storage.image_sources import Source, place


def at(name: str, *, enabled: bool = True) -> Location:
    return Location(id=name, cloudstack_name=name, zone=f"{name}-a", alias=f"{name}-a", region=name, enabled=enabled)


def ready(hypervisor: str, zone: str) -> Template:
    return Template(id=f"{hypervisor}-{zone}", name="t", zoneid=zone, isready=True, hypervisor=hypervisor)


KNOWN = Catalog([ready("KVM", "east"), ready("KVM", "west"), ready("VMware", "north")], [], "demo")
EVERYWHERE = [at("east"), at("north"), at("west"), at("closed", enabled=False)]


def test_a_file_goes_where_its_format_is_taken() -> None:
    """QCOW2 goes to the zones with KVM, OVA to those with VMware."""
    assert place(Source(url="u", format="QCOW2"), EVERYWHERE, KNOWN) == ("KVM", ["east", "west"])
    assert place(Source(url="u", format="OVA"), EVERYWHERE, KNOWN) == ("VMware", ["north"])
    with pytest.raises(Problem, match="KVM, VMware"):
        place(Source(url="u", format="VHD"), EVERYWHERE, KNOWN)


def test_a_disk_goes_everywhere_from_its_zone() -> None:
    """The source's zone is the first; zones that are closed are left out."""
    assert place(Source(zone_id="north"), EVERYWHERE, KNOWN) == ("", ["north", "east", "west"])
