"""gstack.resources.instances.free_names, through instances.insert."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fixtures.gce import Gce
from fixtures.instances import body_of
from gstack.resources.compute.instances.free_names import new_names
from gstack.resources.compute.instances.plan import DiskPlan

VPC = "sandbox-east1-a"


def test_new_names() -> None:
    """Disks that exist need no free name."""
    made = DiskPlan("made", "d", auto_delete=True, field="")
    there = DiskPlan("there", "d", auto_delete=True, field="", volume_id="1")
    assert new_names([made, there]) == ["made"]


def test_a_name_that_was_taken_meanwhile(gce: Gce, fault: Callable[..., None]) -> None:
    """A name that another insert took while the request was being checked is the operation's 409; nothing is made."""
    path = f"zones/{VPC}/instances"
    first, late = body_of(VPC, "vm-late"), body_of(VPC, "vm-late")
    first["disks"][0]["initializeParams"]["diskName"] = "first-boot"
    late["disks"].append({"initializeParams": {"diskSizeGb": "1", "diskName": "late-data"}, "autoDelete": True})
    fault("listVolumes", "slow", seconds=5)  # after the machines were looked through
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(gce.post, path, late)
        time.sleep(0.5)
        gce.done(gce.post(path, first))
        ended = gce.finished(slow.result())
    assert ended["httpErrorStatusCode"] == 409
    assert ended["error"]["errors"][0]["message"].endswith("/instances/vm-late' already exists")
    assert [vm["name"] for vm in gce.items(path)] == ["vm-late"]
    assert [disk["name"] for disk in gce.items(f"zones/{VPC}/disks")] == ["first-boot"]
    gce.done(gce.delete(f"{path}/vm-late"))


def test_calls(gce: Gce, spent: Callable[..., dict[str, int]]) -> None:
    """However many disks are made or attached, their names cost one list each way."""
    there = [f"there-{number}" for number in range(4)]
    for name in there:
        gce.done(gce.post(f"zones/{VPC}/disks", {"name": name, "sizeGb": "1"}))
    body = body_of(VPC, "vm-many")
    body["disks"] += [{"source": f"zones/{VPC}/disks/{name}"} for name in there[1:]]
    body["disks"] += [{"initializeParams": {"diskSizeGb": "1", "diskName": name}} for name in ("new", there[0])]
    counted = spent(lambda: gce.refused("POST", f"zones/{VPC}/instances", 409, body), "listVolumes")
    assert counted == {"listVolumes": 2}
    for name in there:
        gce.done(gce.delete(f"zones/{VPC}/disks/{name}"))
