"""instances.delete by the front door: the recipe, in both kinds of zones, with and without the right to expunge."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.servers import Stack

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


@ZONES
def test_gone_and_free(gce: Gce, zone: str) -> None:
    """After delete neither instance nor boot disk is there, and the name can be used at once."""
    path = f"zones/{zone}/instances"
    for _ in range(2):
        gce.done(gce.post(path, body_of(zone, "vm-again")))
        operation = gce.done(gce.delete(f"{path}/vm-again"))
        assert operation["operationType"] == "delete"
        gce.refused("GET", f"{path}/vm-again", 404)
        gce.refused("GET", f"zones/{zone}/disks/vm-again", 404)
        assert "vm-again" not in [one["name"] for one in gce.items(path)]
    gce.refused("DELETE", f"{path}/vm-again", 404)


@ZONES
def test_addresses_groups_and_names_are_freed(gce: Gce, ask: Ask, zone: str) -> None:
    """A deleted machine holds no address, no host name and no group, though CloudStack keeps it for a day."""
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-free", tags={"items": []})))
    gce.done(gce.delete(f"zones/{zone}/instances/vm-free"))
    assert not [one for one in ask("listPublicIpAddresses").get("publicipaddress", []) if one.get("isstaticnat")]
    groups = ask("listSecurityGroups").get("securitygroup", [])
    assert not [group for group in groups if group.get("virtualmachineids")]


@ZONES
def test_disks_stay_or_go(gce: Gce, zone: str) -> None:
    """Each disk goes or stays as its autoDelete says; a boot disk that stays keeps its name, data and image."""
    disks = body_of(zone, "x")["disks"]
    disks[0]["autoDelete"] = False
    disks += [
        {"autoDelete": True, "initializeParams": {"diskName": "goes", "diskSizeGb": "5"}},
        {"autoDelete": False, "initializeParams": {"diskName": "stays", "diskSizeGb": "5"}},
    ]
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-parts", disks=disks)))
    before = gce.get(f"zones/{zone}/disks/vm-parts")
    gce.done(gce.delete(f"zones/{zone}/instances/vm-parts"))
    gce.refused("GET", f"zones/{zone}/disks/goes", 404)
    boot, data = gce.get(f"zones/{zone}/disks/vm-parts"), gce.get(f"zones/{zone}/disks/stays")
    assert (boot["id"], boot["sourceImage"]) == (before["id"], before["sourceImage"])
    for disk in (boot, data):
        assert "users" not in disk
        assert disk["lastDetachTimestamp"]
    refused = gce.refused("POST", f"zones/{zone}/instances", 409, body_of(zone, "vm-parts"))
    assert "disks/vm-parts" in refused["message"]


def test_protected(gce: Gce, ask: Ask) -> None:
    """A protected instance is not deleted, in Google's words."""
    path = f"zones/{VPC}/instances/vm-kept"
    gce.done(gce.post(f"zones/{VPC}/instances", body_of(VPC, "vm-kept", deletionProtection=True)))
    assert gce.get(path)["deletionProtection"] is True
    assert "protected against deletion" in gce.refused("DELETE", path, 400)["message"]
    machine = ask("listVirtualMachines", name="vm-kept")["virtualmachine"][0]
    ask("updateVirtualMachine", id=machine["id"], deleteprotection=False)
    gce.done(gce.delete(path))


def test_made_in_cloudstack(gce: Gce, ask: Ask) -> None:
    """A machine that was made in CloudStack is deleted like any other."""
    known = ask("listVirtualMachines").get("virtualmachine", [])
    assert "by-hand" not in [one["name"] for one in known]
    zone = ask("listZones", name=BASIC)["zone"][0]["id"]
    offering = ask("listServiceOfferings", name="Small Instance")["serviceoffering"][0]["id"]
    template = ask("listTemplates", templatefilter="executable", zoneid=zone)["template"][0]["id"]
    ask("deployVirtualMachine", zoneid=zone, serviceofferingid=offering, templateid=template, name="By-Hand")
    vm = gce.get(f"zones/{BASIC}/instances/by-hand")
    assert vm["machineType"].endswith("/small-instance")
    assert vm["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == vm["networkInterfaces"][0]["networkIP"]
    gce.done(gce.delete(f"zones/{BASIC}/instances/{vm['id']}"))
    gce.refused("GET", f"zones/{BASIC}/instances/by-hand", 404)


@ZONES
def test_in_a_cloudstack_project(product: Stack, ask: Ask, zone: str) -> None:
    """In a CloudStack project instances are made, shown and deleted as in the account, and are apart from it."""
    name = f"team-{zone.lower()[:9]}"
    ask("createProject", name=name, displaytext=name)
    team, own = Gce(product, "demo", project=name), Gce(product, "demo")
    path = f"zones/{zone}/instances"
    for gce in (team, own):
        gce.done(gce.post(path, body_of(zone, "vm-team", labels={"a": "b"})))
    assert team.get(f"{path}/vm-team")["id"] != own.get(f"{path}/vm-team")["id"]
    assert [one["name"] for one in team.items(path)] == ["vm-team"]
    assert team.get(f"zones/{zone}/disks/vm-team")["users"] == [team.get(f"{path}/vm-team")["selfLink"]]
    for gce in (team, own):
        gce.done(gce.delete(f"{path}/vm-team"))
        gce.refused("GET", f"{path}/vm-team", 404)
        gce.refused("GET", f"zones/{zone}/disks/vm-team", 404)
