"""What does not change."""

from __future__ import annotations

from typing import Any


def test_network_offerings_by_services(demo: Any) -> None:
    """Network offerings are chosen by kind and by the services that they must have."""
    found = demo.ok("listNetworkOfferings", guestiptype="Isolated", forvpc=True, supportedservices="NetworkACL,Lb")
    assert "DefaultIsolatedNetworkOfferingForVpcNetworks" in {row["name"] for row in found["networkoffering"]}
    assert all(row["forvpc"] for row in found["networkoffering"])


def test_capabilities_say_that_users_may_not_expunge(demo: Any) -> None:
    """By default ordinary users may not expunge, as in CloudStack."""
    assert demo.ok("listCapabilities")["capability"]["allowuserexpungerecovervm"] is False


def test_os_types_have_their_category(demo: Any) -> None:
    """An OS type names its category, and is found by it."""
    row = demo.ok("listOsTypes", description="Debian GNU/Linux 12 (64-bit)")["ostype"][0]
    same = demo.ok("listOsTypes", oscategoryid=row["oscategoryid"])["ostype"]
    assert row["oscategoryname"] == "Debian"
    assert row["id"] in {other["id"] for other in same}


def test_custom_disk_offering(demo: Any) -> None:
    """The offering of any size is marked so."""
    custom = [row["name"] for row in demo.ok("listDiskOfferings")["diskoffering"] if row["iscustomized"]]
    assert custom == ["Custom"]


def test_offerings_that_a_machine_can_change_to(demo: Any, seeds: Any) -> None:
    """With a machine the list leaves out the present offering; an ordinary user sees none of the system's."""
    machine = seeds.machine(demo, "resized")
    found = {row["name"] for row in demo.ok("listServiceOfferings", virtualmachineid=machine["id"])["serviceoffering"]}
    assert "Medium Instance" in found
    assert "Small Instance" not in found
    assert demo.failure("listServiceOfferings", issystem="true")[0] == 531
    assert demo.ok("listServiceOfferings", storagetype="local") == {}
