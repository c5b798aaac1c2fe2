"""Changes of one property of an instance, by the front door."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]
BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"


def test_scheduling(gce: Gce, made: Made) -> None:
    """Scheduling options come back as they were sent, with a warning; what would need an effect is refused by name."""
    made(VPC, "vm-kept")
    path = f"zones/{VPC}/instances/vm-kept"
    sent = {"automaticRestart": False, "onHostMaintenance": "TERMINATE"}
    operation = gce.done(gce.post(f"{path}/setScheduling", sent))
    assert "no effect" in operation["warnings"][0]["message"]
    assert gce.get(path)["scheduling"].items() >= sent.items()
    refused = gce.refused("POST", f"{path}/setScheduling", 400, {"terminationTime": "2030-01-01T00:00:00Z"})
    assert "terminationTime" in refused["message"]
    gce.refused("POST", f"{path}/setScheduling", 400, {"preemptible": True, "automaticRestart": True})
    gce.refused("POST", f"{path}/setScheduling", 400, {"preemptible": True, "onHostMaintenance": "MIGRATE"})


def test_of_stopped_machines(gce: Gce, made: Made) -> None:
    """CPU platform, service account and shielded options change on a stopped machine, each beside the others."""
    made(VPC, "vm-kept")
    path = f"zones/{VPC}/instances/vm-kept"
    changes = {
        "setMinCpuPlatform": {"minCpuPlatform": "Intel Skylake"},
        "setServiceAccount": {"email": "me@example.org", "scopes": ["cloud-platform"]},
    }
    for verb, body in changes.items():
        assert "must be stopped" in gce.refused("POST", f"{path}/{verb}", 400, body)["message"]
    gce.refused("PATCH", f"{path}/updateShieldedInstanceConfig", 400, {"enableVtpm": True})
    gce.done(gce.post(f"{path}/stop"))
    for verb, body in changes.items():
        assert gce.done(gce.post(f"{path}/{verb}", body))["warnings"]
    gce.done(gce.call("PATCH", f"{path}/updateShieldedInstanceConfig", {"enableVtpm": True}).json())
    gce.done(gce.call("PATCH", f"{path}/updateShieldedInstanceConfig", {"enableSecureBoot": True}).json())
    gce.done(gce.call("PATCH", f"{path}/setShieldedInstanceIntegrityPolicy", {"updateAutoLearnPolicy": True}).json())
    vm = gce.get(path)
    assert (vm["minCpuPlatform"], vm["serviceAccounts"]) == ("Intel Skylake", [changes["setServiceAccount"]])
    shielded = vm["shieldedInstanceConfig"]
    assert (shielded["enableVtpm"], shielded["enableSecureBoot"], shielded["enableIntegrityMonitoring"]) == (
        True,
        True,
        False,
    )
    gce.done(gce.post(f"{path}/setServiceAccount", {}))
    gce.done(gce.post(f"{path}/setMinCpuPlatform", {"minCpuPlatform": ""}))
    assert not {"minCpuPlatform", "serviceAccounts"} & gce.get(path).keys()


def test_default_account(gce: Gce, made: Made) -> None:
    """The account `default` is shown under its own name."""
    made(VPC, "vm-kept")
    path = f"zones/{VPC}/instances/vm-kept"
    gce.done(gce.post(f"{path}/stop"))
    gce.done(gce.post(f"{path}/setServiceAccount", {"email": "default", "scopes": ["a"]}))
    assert gce.get(path)["serviceAccounts"][0]["email"] == gce.get()["defaultServiceAccount"]


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_labels_are_replaced(gce: Gce, made: Made, zone: str) -> None:
    """The labels sent are the labels shown, empty values too; nothing else changes."""
    before = made(zone, "vm-labels", labels={"a": "1", "gone": "x"})
    path = f"zones/{zone}/instances/vm-labels"
    body = {"labels": {"a": "2", "empty": ""}, "labelFingerprint": before["labelFingerprint"]}
    assert gce.done(gce.post(f"{path}/setLabels", body))["operationType"] == "setLabels"
    after = gce.get(path)
    assert after["labels"] == {"a": "2", "empty": ""}
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"labels", "labelFingerprint", "fingerprint"}
    gce.done(gce.post(f"{path}/setLabels", {"labels": {}, "labelFingerprint": after["labelFingerprint"]}))
    assert "labels" not in gce.get(path)


def test_refused_labels(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """An old fingerprint is a 412, a label that is none a 400; labels that could not be made are put back."""
    before = made(VPC, "vm-labels", labels={"a": "1"})
    path = f"zones/{VPC}/instances/vm-labels"
    stale = {"labels": {"a": "2"}, "labelFingerprint": "AAAAAAAAAAA="}
    assert gce.refused("POST", f"{path}/setLabels", 412, stale)["reason"] == "conditionNotMet"
    gce.refused("POST", f"{path}/setLabels", 400, {"labels": {"UPPER": "x"}})
    fault("createTags", "job_failed", errortext="No more tags")
    failed = gce.finished(gce.post(f"{path}/setLabels", {"labels": {"a": "2"}}))
    assert "No more tags" in failed["error"]["errors"][0]["message"]
    assert gce.get(path) == before


@pytest.fixture
def firewall(gce: Gce) -> Iterator[Callable[..., None]]:
    """Make firewalls that go when the test ends, after its machines."""
    names = []

    def making(name: str, **fields: Any) -> None:
        allowed = [{"IPProtocol": "tcp", "ports": ["8080"]}]
        gce.done(
            gce.post(
                "global/firewalls", {"name": name, "network": "global/networks/default", "allowed": allowed, **fields}
            )
        )
        names.append(name)

    yield making
    for name in names:
        gce.done(gce.delete(f"global/firewalls/{name}"))


def _rules(ask: Ask, name: str) -> set[tuple[int, str]]:
    """Port, and source (a CIDR or a group's name without its mark), of the own group of a machine."""
    groups = ask("listSecurityGroups")["securitygroup"]
    own = next(group for group in groups if group["name"].startswith(f"gce-machine-{name}-"))
    return {(rule["startport"], rule.get("cidr") or rule["securitygroupname"][:-9]) for rule in own["ingressrule"]}


@pytest.mark.parametrize("product", [{}], indirect=True)  # without a VPC, which cannot express target tags
def test_rules_follow_the_tags(gce: Gce, ask: Ask, firewall: Callable[..., None], made: Made) -> None:
    """With security groups a running machine gets and loses rules with its target tags, and sources with theirs."""
    firewall("to-web", targetTags=["web"], sourceRanges=["192.0.2.0/24"])
    firewall("from-lb", targetTags=["web"], sourceTags=["lb"])
    made(BASIC, "vm-web")
    made(BASIC, "vm-lb")
    web, lb = (f"zones/{BASIC}/instances/{name}" for name in ("vm-web", "vm-lb"))
    assert _rules(ask, "vm-web") == set()
    tags = gce.get(web)["tags"]
    gce.done(gce.post(f"{web}/setTags", {"items": ["web", "blue"], "fingerprint": tags["fingerprint"]}))
    assert gce.get(web)["tags"]["items"] == ["web", "blue"]
    assert _rules(ask, "vm-web") == {(8080, "192.0.2.0/24")}
    gce.done(gce.post(f"{lb}/setTags", {"items": ["lb"]}))
    assert _rules(ask, "vm-web") == {(8080, "192.0.2.0/24"), (8080, "gce-machine-vm-lb")}
    gce.done(gce.post(f"{lb}/setTags", {"items": []}))
    assert _rules(ask, "vm-web") == {(8080, "192.0.2.0/24")}
    gce.done(gce.post(f"{web}/setTags", {"items": ["blue"]}))
    assert _rules(ask, "vm-web") == set()


@pytest.mark.parametrize("product", [{}], indirect=True)  # without a VPC, which cannot express target tags
def test_failure_puts_rules_back(
    gce: Gce, ask: Ask, firewall: Callable[..., None], made: Made, fault: Callable[..., None]
) -> None:
    """When CloudStack will not take a rule, tags and rules are as before."""
    firewall("to-web", targetTags=["web"], sourceRanges=["192.0.2.0/24"])
    firewall("to-db", targetTags=["db"], sourceRanges=["198.51.100.0/24"])
    made(BASIC, "vm-web", tags={"items": ["web"]})
    path = f"zones/{BASIC}/instances/vm-web"
    fault("authorizeSecurityGroupIngress", "job_failed", count=4, errortext="No more rules")
    operation = gce.finished(gce.post(f"{path}/setTags", {"items": ["db"]}))
    assert "No more rules" in operation["error"]["errors"][0]["message"]
    assert gce.get(path)["tags"]["items"] == ["web"]


def test_elsewhere_and_refused(gce: Gce, made: Made) -> None:
    """With VPCs tags are kept and shown; an old fingerprint is a 412; what is no tag is a 400."""
    made(VPC, "vm-web")
    path = f"zones/{VPC}/instances/vm-web"
    gce.done(gce.post(f"{path}/setTags", {"items": ["web", "web"]}))
    assert gce.get(path)["tags"]["items"] == ["web"]
    stale = {"items": ["a"], "fingerprint": "AAAAAAAAAAA="}
    assert gce.refused("POST", f"{path}/setTags", 412, stale)["reason"] == "conditionNotMet"
    assert "'Web'" in gce.refused("POST", f"{path}/setTags", 400, {"items": ["Web"]})["message"]
    gce.refused("POST", f"{path}/setTags", 400, {"items": [f"t{number}" for number in range(65)]})


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_renamed(gce: Gce, ask: Ask, zone: str) -> None:
    """A stopped machine gets another name, in CloudStack too; id and disks stay; its old name is free at once."""
    path = f"zones/{zone}/instances"
    gce.done(gce.post(path, body_of(zone, "vm-old")))
    before = gce.get(f"{path}/vm-old")
    body = {"name": "vm-new", "currentName": "vm-old"}
    assert "must be stopped" in gce.refused("POST", f"{path}/vm-old/setName", 400, body)["message"]
    gce.done(gce.post(f"{path}/vm-old/stop"))
    gce.done(gce.post(f"{path}/vm-old/setName", body))
    after = gce.get(f"{path}/vm-new")
    assert (after["id"], after["disks"]) == (before["id"], before["disks"])
    gce.refused("GET", f"{path}/vm-old", 404)
    machine = ask("listVirtualMachines", keyword="vm-new")["virtualmachine"][0]
    assert (machine["displayname"], machine["name"][:6]) == ("vm-new", "vm-new")
    boot = {**body_of(zone, "x")["disks"][0]}
    boot["initializeParams"] = {**boot["initializeParams"], "diskName": "vm-old-2"}
    gce.done(gce.post(path, body_of(zone, "vm-old", disks=[boot])))
    taken = {"name": "vm-old", "currentName": "vm-new"}
    assert gce.refused("POST", f"{path}/vm-new/setName", 409, taken)["reason"] == "alreadyExists"
    for name in ("vm-new", "vm-old"):
        gce.done(gce.delete(f"{path}/{name}"))
        gce.refused("GET", f"{path}/{name}", 404)


def test_refused_names(gce: Gce, made: Made) -> None:
    """A wrong current name, none, and what is no name are 400s."""
    made(VPC, "vm-name")
    path = f"zones/{VPC}/instances/vm-name/setName"
    assert "vm-name" in gce.refused("POST", path, 400, {"name": "a", "currentName": "b"})["message"]
    gce.refused("POST", path, 400, {"name": "a"})
    gce.refused("POST", path, 400, {"name": "No_Name", "currentName": "vm-name"})


def test_a_host_name_that_is_taken(gce: Gce, ask: Ask, made: Made) -> None:
    """Where CloudStack has the host name for something that is no instance, a marked one is used."""
    made(VPC, "vm-name")
    machine = ask("listVirtualMachines", keyword="vm-name")["virtualmachine"][0]
    gce.done(gce.post(f"zones/{VPC}/instances/vm-name/stop"))
    made(VPC, "vm-other")
    other = ask("listVirtualMachines", keyword="vm-other")["virtualmachine"][0]["id"]
    ask("updateVirtualMachine", id=other, name="wanted")
    gce.done(gce.post(f"zones/{VPC}/instances/vm-name/setName", {"name": "wanted", "currentName": "vm-name"}))
    found = ask("listVirtualMachines", id=machine["id"])["virtualmachine"][0]
    assert (found["displayname"], found["name"][:7], len(found["name"])) == ("wanted", "wanted-", 11)
    gce.done(gce.delete(f"zones/{VPC}/instances/wanted"))


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_fixed_and_custom_types(gce: Gce, made: Made, fault: Callable[..., None], zone: str) -> None:
    """A stopped machine gets another type, also a custom one, also when an answer is lost, and starts with it."""
    made(zone, "vm-type")
    path = f"zones/{zone}/instances/vm-type"
    gce.done(gce.post(f"{path}/stop"))
    for name in ("n1-standard-2", "custom-2-4096", "n1-standard-1"):
        fault("changeServiceForVirtualMachine", "lost")
        gce.done(gce.post(f"{path}/setMachineType", {"machineType": f"zones/{zone}/machineTypes/{name}"}))
        assert gce.get(path)["machineType"].endswith(f"/machineTypes/{name}")
    gce.done(gce.post(f"{path}/start"))
    assert gce.get(path)["status"] == "RUNNING"


def test_refused_machine_types(gce: Gce, made: Made) -> None:
    """A running machine, a type that is not there and none at all are 400s that say why."""
    made(VPC, "vm-type")
    path = f"zones/{VPC}/instances/vm-type"
    kind = {"machineType": f"zones/{VPC}/machineTypes/n1-standard-2"}
    refused = gce.refused("POST", f"{path}/setMachineType", 400, kind)
    assert (refused["reason"], "must be stopped" in refused["message"]) == ("invalidResourceUsage", True)
    gce.done(gce.post(f"{path}/stop"))
    assert "'huge'" in gce.refused("POST", f"{path}/setMachineType", 400, {"machineType": "huge"})["message"]
    gce.refused("POST", f"{path}/setMachineType", 400, {"machineType": "zones/other-a/machineTypes/n1-standard-2"})
    gce.refused("POST", f"{path}/setMachineType", 400, {})


def test_protected_and_not(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A protected machine says so and is not deleted; without the parameter it is protected; then it is not."""
    made(VPC, "vm-safe")
    path = f"zones/{VPC}/instances/vm-safe"
    gce.done(gce.post(f"{path}/setDeletionProtection"))
    assert gce.get(path)["deletionProtection"] is True
    assert "protected against deletion" in gce.refused("DELETE", path, 400)["message"]
    gce.done(gce.post(f"{path}/setDeletionProtection", deletionProtection="false"))
    assert gce.get(path)["deletionProtection"] is False
    gce.refused("POST", f"zones/{VPC}/instances/none/setDeletionProtection", 404)
