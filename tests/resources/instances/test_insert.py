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
    assert boot["sourceImage"].startswith("https://www.googleapis.com/compute/v1/projects/debian-cloud/global/images/")
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
    vm = made(zone, "vm-custom", machineType=f"zones/{zone}/machineTypes/custom-2-4096")
    assert vm["machineType"].endswith("/machineTypes/custom-2-4096")


@ZONES
def test_disks(gce: Gce, made: Made, zone: str) -> None:
    """A boot disk has its own name and size; further disks are made, labelled and attached in order."""
    disks = body_of(zone, "x")["disks"]
    disks[0]["initializeParams"] |= {"diskName": "boot-one", "diskSizeGb": "30", "diskType": "pd-ssd"}
    data = {"diskName": "data-one", "diskSizeGb": "7", "labels": {"use": "db"}, "description": "rows"}
    disks += [{"deviceName": "db", "autoDelete": True, "initializeParams": data}]
    vm = made(zone, "vm-disks", disks=disks)
    assert [disk["source"].rpartition("/")[2] for disk in vm["disks"]] == ["boot-one", "data-one"]
    assert [disk["diskSizeGb"] for disk in vm["disks"]] == ["30", "7"]
    assert [disk["autoDelete"] for disk in vm["disks"]] == [True, True]
    assert vm["disks"][1]["deviceName"] == "db"
    shown = gce.get(f"zones/{zone}/disks/data-one")
    assert (shown["labels"], shown["description"], shown["users"]) == ({"use": "db"}, "rows", [vm["selfLink"]])
    assert gce.get(f"zones/{zone}/disks/boot-one")["type"].endswith("/diskTypes/pd-ssd")


def test_no_external_address(made: Made) -> None:
    """Without an access config there is no external address."""
    assert "accessConfigs" not in made(VPC, "vm-inside", networkInterfaces=[{}])["networkInterfaces"][0]
    assert "accessConfigs" not in made(BASIC, "vm-inside", networkInterfaces=[{}])["networkInterfaces"][0]


def test_default_network_when_none_is_named(made: Made) -> None:
    """A body without interfaces goes to the default network."""
    vm = made(VPC, "vm-plain", networkInterfaces=[])
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


@pytest.mark.parametrize(
    ("changed", "status", "word"),
    [
        ({"name": "Bad_Name"}, 400, "name"),
        ({"machineType": "zones/z/machineTypes/none"}, 400, "machineType"),
        ({"machineType": ""}, 400, "machineType"),
        ({"disks": []}, 400, "disks"),
        ({"disks": [{"boot": False}]}, 400, "boot"),
        ({"disks": [{"boot": True, "source": "zones/z/disks/d"}]}, 400, "source"),
        ({"disks": [{"boot": True}]}, 400, "sourceImage"),
        ({"disks": [{"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}]}, 404, "none"),
        ({"networkInterfaces": [{"network": "global/networks/none"}]}, 400, "none"),
        ({"networkInterfaces": [{}, {}]}, 400, "networkInterfaces"),
        ({"networkInterfaces": [{"networkIP": "300.1.1.1"}]}, 400, "networkIP"),
        ({"networkInterfaces": [{"networkIP": "192.0.2.1"}]}, 400, "networkIP"),
        ({"networkInterfaces": [{"accessConfigs": [{"natIP": "1.2.3.4"}]}]}, 400, "natIP"),
        ({"tags": {"items": ["Not A Tag"]}}, 400, "tags"),
        ({"labels": {"UPPER": "x"}}, 400, "labels"),
        ({"metadata": {"items": [{"key": "user-data", "value": "x" * 25_000}]}}, 400, "24576"),
        ({"canIpForward": True}, 400, "canIpForward"),
        ({"hostname": "a.example.com"}, 400, "hostname"),
        ({"guestAccelerators": [{"acceleratorCount": 1}]}, 400, "guestAccelerators"),
        ({"scheduling": {"maxRunDuration": {"seconds": "60"}}}, 400, "maxRunDuration"),
    ],
)
def test_refused(gce: Gce, changed: dict[str, Any], status: int, word: str) -> None:
    """What cannot be is refused before anything is sent, and the field or resource is named."""
    refused = gce.refused("POST", f"zones/{VPC}/instances", status, body_of(VPC, "vm-no") | changed)
    assert word in refused["message"]
    gce.refused("GET", f"zones/{VPC}/instances/vm-no", 404)


def test_small_boot_disk(gce: Gce) -> None:
    """A boot disk smaller than its image is refused in Google's words."""
    disks = body_of(VPC, "x")["disks"]
    disks[0]["initializeParams"]["diskSizeGb"] = "1"
    refused = gce.refused("POST", f"zones/{VPC}/instances", 400, body_of(VPC, "vm-small", disks=disks))
    assert "Requested disk size cannot be smaller than the image size" in refused["message"]


def test_template_parameter(gce: Gce) -> None:
    """Instance templates are not there yet, and are named."""
    path, body = f"zones/{VPC}/instances", body_of(VPC, "vm-no")
    assert "sourceInstanceTemplate" in gce.refused("POST", path, 400, body, sourceInstanceTemplate="t")["message"]


def test_wishes_that_are_warned_about(gce: Gce) -> None:
    """What is kept without effect comes back with a warning in the operation."""
    body = body_of(VPC, "vm-warned", minCpuPlatform="Intel Haswell", scheduling={"preemptible": True})
    operation = gce.done(gce.post(f"zones/{VPC}/instances", body))
    assert {warning["code"] for warning in operation["warnings"]} == {"FIELD_VALUE_OVERRIDEN"}
    assert len(operation["warnings"]) == 2
    assert gce.get(f"zones/{VPC}/instances/vm-warned")["minCpuPlatform"] == "Intel Haswell"
    gce.done(gce.delete(f"zones/{VPC}/instances/vm-warned"))


@ZONES
@pytest.mark.parametrize("command", ["deployVirtualMachine", "attachVolume", "createTags"])
def test_failure_leaves_nothing(gce: Gce, ask: Ask, fault: Callable[..., None], zone: str, command: str) -> None:
    """When a step fails the operation says why, and no machine, disk or name is left."""
    extra = {"autoDelete": True, "initializeParams": {"diskName": "extra", "diskSizeGb": "5"}}
    disks = [*body_of(zone, "x")["disks"], extra]
    body = body_of(zone, "vm-fails", disks=disks, labels={"a": "b"})
    fault(command, "job_failed", errortext="No room here")
    operation = gce.finished(gce.post(f"zones/{zone}/instances", body))
    assert "No room here" in operation["httpErrorMessage"] + operation["error"]["errors"][0]["message"]
    assert operation["httpErrorStatusCode"] >= 400
    gce.refused("GET", f"zones/{zone}/instances/vm-fails", 404)
    assert not [
        machine for machine in ask("listVirtualMachines").get("virtualmachine", []) if "vm-fails" in str(machine)
    ]
    assert not [one for one in gce.items(f"zones/{zone}/disks") if one["name"] in {"extra", "vm-fails"}]
    gce.done(gce.post(f"zones/{zone}/instances", body))
    gce.done(gce.delete(f"zones/{zone}/instances/vm-fails"))
    gce.refused("GET", f"zones/{zone}/instances/vm-fails", 404)


@ZONES
@pytest.mark.parametrize("command", ["deployVirtualMachine", "createVolume", "attachVolume", "createTags"])
def test_lost_answers(gce: Gce, fault: Callable[..., None], zone: str, command: str) -> None:
    """When CloudStack's answer is lost after the command was done, nothing is done twice."""
    disks = [
        *body_of(zone, "x")["disks"],
        {"initializeParams": {"diskName": "spare", "diskSizeGb": "5"}, "autoDelete": True},
    ]
    fault(command, "lost")
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm-lost", disks=disks, labels={"a": "b"})))
    vm = gce.get(f"zones/{zone}/instances/vm-lost")
    assert (vm["status"], vm["labels"], len(vm["disks"])) == ("RUNNING", {"a": "b"}, 2)
    gce.done(gce.delete(f"zones/{zone}/instances/vm-lost"))
    assert not [one for one in gce.items(f"zones/{zone}/disks") if one["name"] in {"spare", "vm-lost"}]


def test_repeated_request(gce: Gce) -> None:
    """A request repeated with its requestId gets its operation again, also when the instance is there or gone."""
    path, body = f"zones/{VPC}/instances", body_of(VPC, "vm-repeat")
    made, gone = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
    first = gce.done(gce.post(path, body, requestId=made))
    assert gce.post(path, body, requestId=made)["id"] == first["id"]
    deleted = gce.done(gce.delete(f"{path}/vm-repeat", requestId=gone))
    assert gce.delete(f"{path}/vm-repeat", requestId=gone)["id"] == deleted["id"]
