"""What is kept and has no effect, by the front door."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

VPC = "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


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
