"""instances.setMachineType by the front door."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


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


def test_refused(gce: Gce, made: Made) -> None:
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
