"""instances.insert by the front door, in both kinds of zones."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
ZONES = pytest.mark.parametrize("zone", [BASIC, VPC])
Made = Callable[..., dict[str, Any]]


@ZONES
def test_as_gcloud_does(gce: Gce, made: Made, zone: str) -> None:
    """An instance made as gcloud makes it runs, with an address inside and one outside, and a boot disk of its name."""
    vm = made(zone, "vm1")
    assert (vm["name"], vm["status"]) == ("vm1", "RUNNING")
    assert vm["zone"] == gce.get(f"zones/{zone}")["selfLink"]
    assert vm["machineType"].endswith(f"zones/{zone}/machineTypes/n1-standard-1")
    (nic,) = vm["networkInterfaces"]
    assert nic["network"].endswith("/global/networks/default")
    assert nic["networkIP"]
    assert nic["accessConfigs"][0]["natIP"]
    (disk,) = vm["disks"]
    assert (disk["boot"], disk["autoDelete"], disk["deviceName"]) == (True, True, "persistent-disk-0")
    boot = gce.get(f"zones/{zone}/disks/vm1")
    assert boot["selfLink"] == disk["source"]
    assert boot["sourceImage"].startswith(f"{gce.base}/projects/debian-cloud/global/images/")
    assert boot["users"] == [vm["selfLink"]]


@ZONES
def test_operation(gce: Gce, zone: str) -> None:
    """The operation names its target, and its targetId is the instance's id."""
    operation = gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-op")))
    vm = gce.get(f"zones/{zone}/instances/vm-op")
    assert operation["operationType"] == "insert"
    assert (operation["targetLink"], operation["targetId"]) == (vm["selfLink"], vm["id"])
    assert "warnings" not in operation
    gce.done(gce.delete(f"zones/{zone}/instances/vm-op"))


def test_what_was_asked_comes_back(made: Made) -> None:
    """Labels, tags, metadata, description, scheduling and accounts are shown as they were sent."""
    items = [{"key": "startup-script", "value": "#!/bin/sh\necho hi"}, {"key": "color", "value": ""}]
    vm = made(
        VPC,
        "vm-all",
        labels={"env": "prod", "empty": ""},
        metadata={"items": items},
        description="all of it",
        scheduling={"automaticRestart": False, "onHostMaintenance": "TERMINATE"},
        serviceAccounts=[{"email": "default", "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
    )
    assert vm["labels"] == {"env": "prod", "empty": ""}
    assert vm["metadata"]["items"] == items
    assert vm["description"] == "all of it"
    assert vm["scheduling"]["automaticRestart"] is False
    assert vm["scheduling"]["onHostMaintenance"] == "TERMINATE"
    assert vm["serviceAccounts"][0]["email"].endswith("-compute@developer.gserviceaccount.com")


def test_guests_document(made: Made, ask: Ask) -> None:
    """Keys and scripts reach the guest as CloudStack's user data."""
    made(VPC, "vm-ud", metadata={"items": [{"key": "ssh-keys", "value": "ann:ssh-rsa AAAA ann"}]})
    machine = ask("listVirtualMachines", name="vm-ud")["virtualmachine"][0]
    answer = ask("getVirtualMachineUserData", virtualmachineid=machine["id"])
    assert answer["virtualmachineuserdata"]["userdata"]


def test_labels_are_tags(made: Made, ask: Ask) -> None:
    """Labels of the machine and of its boot disk are CloudStack's tags."""
    disks = body_of(VPC, "x")["disks"]
    disks[0]["initializeParams"]["labels"] = {"tier": "gold"}
    made(VPC, "vm-tags", labels={"env": "dev"}, disks=disks)
    machine = ask("listVirtualMachines", name="vm-tags")["virtualmachine"][0]
    assert [(tag["key"], tag["value"]) for tag in machine["tags"]] == [("env", "dev")]
    volume = ask("listVolumes", virtualmachineid=machine["id"])["volume"][0]
    assert [(tag["key"], tag["value"]) for tag in volume["tags"]] == [("tier", "gold")]


@ZONES
def test_custom_machine_type(made: Made, zone: str) -> None:
    """A custom machine type is a customisable offering with these sizes, and is shown again as custom."""
    for name in ("custom-2-4096", "n1-custom-2-4096"):
        vm = made(zone, f"vm-{name}", machineType=f"zones/{zone}/machineTypes/{name}")
        assert vm["machineType"].endswith(f"/machineTypes/{name}")


def test_no_external_address(made: Made) -> None:
    """Without an access config there is no external address."""
    assert "accessConfigs" not in made(VPC, "vm-inside", networkInterfaces=[{}])["networkInterfaces"][0]
    assert "accessConfigs" not in made(BASIC, "vm-inside", networkInterfaces=[{}])["networkInterfaces"][0]


def test_default_network_when_none_is_named(made: Made) -> None:
    """An interface that names no network is in the default network."""
    vm = made(VPC, "vm-plain", networkInterfaces=[{}])
    assert vm["networkInterfaces"][0]["network"].endswith("/global/networks/default")


@ZONES
def test_name_is_taken(gce: Gce, made: Made, zone: str) -> None:
    """A second instance of a name, or a disk of a name that is there, is a 409 in Google's words."""
    made(zone, "vm-twice")
    refused = gce.refused("POST", f"zones/{zone}/instances", 409, body_of(zone, "vm-twice"))
    assert refused["reason"] == "alreadyExists"
    assert refused["message"] == f"The resource 'projects/demo/zones/{zone}/instances/vm-twice' already exists"
    disks = body_of(zone, "x")["disks"]
    disks[0]["initializeParams"]["diskName"] = "vm-twice"
    refused = gce.refused("POST", f"zones/{zone}/instances", 409, body_of(zone, "vm-other", disks=disks))
    assert refused["message"].endswith("disks/vm-twice' already exists")


def test_two_requests_for_one_name(gce: Gce) -> None:
    """Of two inserts of one name, sent at once, exactly one makes an instance."""
    path, body = f"zones/{VPC}/instances", body_of(VPC, "vm-race")
    first, second = gce.call("POST", path, body), gce.call("POST", path, body)
    assert (first.status_code, second.status_code) == (200, 409)
    gce.done(first.json())
    gce.done(gce.delete(f"{path}/vm-race"))


def test_name_of_another_account_is_no_secret_kept(gce: Gce, other: Gce) -> None:
    """On a shared network two accounts may both have a machine of one name, and neither learns of the other's."""
    for account in (gce, other):
        account.done(account.post(f"zones/{BASIC}/instances", body_of(BASIC, "vm-shared")))
    assert gce.get(f"zones/{BASIC}/instances/vm-shared")["id"] != other.get(f"zones/{BASIC}/instances/vm-shared")["id"]
    for account in (gce, other):
        account.done(account.delete(f"zones/{BASIC}/instances/vm-shared"))


def test_wishes_that_are_warned_about(gce: Gce) -> None:
    """What is kept without effect comes back with a warning in the operation."""
    body = body_of(VPC, "vm-warned", minCpuPlatform="Intel Haswell", scheduling={"preemptible": True})
    operation = gce.done(gce.post(f"zones/{VPC}/instances", body))
    assert {warning["code"] for warning in operation["warnings"]} == {"FIELD_VALUE_OVERRIDEN"}
    assert len(operation["warnings"]) == 2
    assert gce.get(f"zones/{VPC}/instances/vm-warned")["minCpuPlatform"] == "Intel Haswell"
    gce.done(gce.delete(f"zones/{VPC}/instances/vm-warned"))


def test_repeated_request(gce: Gce) -> None:
    """A request repeated with its requestId gets its operation again, also when the instance is there or gone."""
    path, body = f"zones/{VPC}/instances", body_of(VPC, "vm-repeat")
    made, gone = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
    first = gce.done(gce.post(path, body, requestId=made))
    assert gce.post(path, body, requestId=made)["id"] == first["id"]
    deleted = gce.done(gce.delete(f"{path}/vm-repeat", requestId=gone))
    assert gce.delete(f"{path}/vm-repeat", requestId=gone)["id"] == deleted["id"]
