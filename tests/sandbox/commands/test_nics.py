"""NICs of machines in the sandbox."""

from __future__ import annotations

from typing import Any

from fixtures.networking import BASIC, L2, machine, network


def _two_networks(client: Any, second: int) -> tuple[dict[str, Any], dict[str, Any]]:
    made = [
        network(client, f"net-{number}", gateway=f"10.{number}.0.1", netmask="255.255.255.0")
        for number in (second, second + 1)
    ]
    return made[0], made[1]


def test_nic_is_added_and_removed(demo: Any) -> None:
    """A running machine gets a second NIC, which is not the default one, and loses it again."""
    first, second = _two_networks(demo, 90)
    used = machine(demo, "two-nics", networkids=first["id"])
    added = demo.ok("addNicToVirtualMachine", virtualmachineid=used["id"], networkid=second["id"])["virtualmachine"]
    assert [(nic["networkname"], nic["isdefault"]) for nic in added["nic"]] == [("net-90", True), ("net-91", False)]
    assert demo.ok("listNetworks", id=second["id"])["network"][0]["state"] == "Implemented"
    where = {"virtualmachineid": used["id"], "nicid": added["nic"][1]["id"]}
    left = demo.ok("removeNicFromVirtualMachine", **where)["virtualmachine"]
    assert [nic["networkname"] for nic in left["nic"]] == ["net-90"]
    assert demo.ok("deleteNetwork", id=second["id"]) == {"success": True}


def test_default_nic_cannot_be_removed(demo: Any) -> None:
    """The default NIC stays (431), and a network takes one NIC of a machine only (530)."""
    used = machine(demo, "one-nic", networkids=_two_networks(demo, 100)[0]["id"])
    where = {"virtualmachineid": used["id"]}
    assert demo.failure("removeNicFromVirtualMachine", nicid=used["nic"][0]["id"], **where)[0] == 431
    assert demo.failure("addNicToVirtualMachine", networkid=used["nic"][0]["networkid"], **where)[0] == 530


def test_machine_moves_away_from_its_network(demo: Any) -> None:
    """A stopped machine moved to an L2 network leaves its own network free to be deleted, also once destroyed."""
    home, spare = network(demo, "home"), network(demo, "spare", L2)
    used = machine(demo, "mover", networkids=home["id"])
    where = {"virtualmachineid": used["id"]}
    demo.ok("stopVirtualMachine", id=used["id"])
    added = demo.ok("addNicToVirtualMachine", networkid=spare["id"], **where)["virtualmachine"]["nic"]
    moved = demo.ok("updateDefaultNicForVirtualMachine", nicid=added[1]["id"], **where)["virtualmachine"]["nic"]
    assert [(nic["networkname"], nic["deviceid"], nic["isdefault"]) for nic in moved] == [
        ("spare", "0", True),
        ("home", "1", False),
    ]
    demo.ok("removeNicFromVirtualMachine", nicid=added[0]["id"], **where)
    demo.ok("destroyVirtualMachine", id=used["id"])
    assert demo.ok("deleteNetwork", id=home["id"]) == {"success": True}
    assert demo.failure("deleteNetwork", id=spare["id"])[0] == 530


def test_host_name_is_one_of_a_network(demo: Any) -> None:
    """A machine does not join a network where its host name is taken, by a destroyed machine too."""
    first, second = _two_networks(demo, 110)
    taken = machine(demo, "namesake", networkids=second["id"])
    demo.ok("destroyVirtualMachine", id=taken["id"])
    used = machine(demo, "namesake", networkids=first["id"])
    refused = demo.failure("addNicToVirtualMachine", virtualmachineid=used["id"], networkid=second["id"])
    assert refused == (530, "Network net-111 already has a vm with host name: namesake")


def test_nics_are_listed_for_their_owner(demo: Any, other: Any) -> None:
    """The command listNics answers the NICs of a machine, and 531 to others."""
    used = machine(demo, "listed", BASIC)
    listed = demo.ok("listNics", virtualmachineid=used["id"])["nic"]
    assert [nic["virtualmachineid"] for nic in listed] == [used["id"]]
    assert other.failure("listNics", virtualmachineid=used["id"])[0] == 531


def test_secondary_address_comes_and_goes(demo: Any) -> None:
    """A NIC gets a secondary address that nobody else may have, and gives it back."""
    used = machine(
        demo, "secondary", networkids=network(demo, "net", gateway="10.120.0.1", netmask="255.255.255.0")["id"]
    )
    nic = used["nic"][0]["id"]
    row = demo.ok("addIpToNic", nicid=nic, ipaddress="10.120.0.99")["nicsecondaryip"]
    assert (row["ipaddress"], row["nicid"]) == ("10.120.0.99", nic)
    assert demo.failure("addIpToNic", nicid=nic, ipaddress="10.120.0.99")[0] == 530
    assert demo.failure("addIpToNic", nicid=nic, ipaddress="10.99.0.1")[0] == 530
    assert demo.ok("listNics", virtualmachineid=used["id"])["nic"][0]["secondaryip"][0]["id"] == row["id"]
    assert demo.ok("removeIpFromNic", id=row["id"]) == {"success": True}
    assert "secondaryip" not in demo.ok("listNics", virtualmachineid=used["id"])["nic"][0]


def test_address_of_a_stopped_machine_changes(demo: Any) -> None:
    """The command updateVmNicIp works on stopped machines only."""
    used = machine(
        demo, "readdressed", networkids=network(demo, "net", gateway="10.121.0.1", netmask="255.255.255.0")["id"]
    )
    nic = used["nic"][0]["id"]
    assert demo.failure("updateVmNicIp", nicid=nic, ipaddress="10.121.0.50")[0] == 431
    demo.ok("stopVirtualMachine", id=used["id"])
    changed = demo.ok("updateVmNicIp", nicid=nic, ipaddress="10.121.0.50")["virtualmachine"]
    assert changed["nic"][0]["ipaddress"] == "10.121.0.50"
