"""instances.setDeletionProtection by the front door."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

VPC = "sandbox-east1-a"


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
