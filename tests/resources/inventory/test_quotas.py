"""Quotas from CloudStack's limits. The account is an excerpt of a real CloudStack 4.23's."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of
from fixtures.servers import Stack
from gstack.resources.inventory.quotas import UNLIMITED, Usage, project_quotas, region_quotas

ACCOUNT = {
    "vmlimit": "2000",
    "vmtotal": 2,
    "iplimit": "Unlimited",
    "iptotal": 8,
    "cpulimit": "-1",
    "cputotal": 2,
    "primarystoragelimit": "2000",
    "primarystoragetotal": 54,
    "secondarystoragetotal": 20.0,
    "vpclimit": "2000",
    "vpctotal": 2,
    "state": "enabled",
    "created": "2026-11-22T13:41:34+0000",
}


def test_limits_become_quotas() -> None:
    """Limits and use come as numbers; no limit is the largest number that clients read right."""
    usage = msgspec.convert(ACCOUNT, Usage)
    quotas = {quota["metric"]: (quota["limit"], quota["usage"]) for quota in region_quotas(usage)}
    assert quotas["INSTANCES"] == (2000.0, 2.0)
    assert quotas["DISKS_TOTAL_GB"] == (2000.0, 54.0)
    assert quotas["CPUS"] == (UNLIMITED, 2.0)
    assert quotas["STATIC_ADDRESSES"] == (UNLIMITED, 8.0)


def test_networks_are_vpcs() -> None:
    """A GCE network is a VPC, so its quota is the limit of VPCs."""
    quotas = {quota["metric"]: quota["limit"] for quota in project_quotas(msgspec.convert(ACCOUNT, Usage))}
    assert quotas["NETWORKS"] == 2000.0


ZONES = pytest.mark.parametrize("zone", ["Sandbox-simulator", "sandbox-east1-a"])


def beyond(gce: Gce, operation: dict[str, Any], kind: str) -> None:
    """The operation failed as Google's do where a quota is reached, and says which limit of CloudStack it is."""
    failed = gce.finished(operation)
    assert failed["error"]["errors"][0]["code"] == "QUOTA_EXCEEDED"
    assert f"'{kind}'" in failed["error"]["errors"][0]["message"]
    assert failed["httpErrorStatusCode"] == 403


@ZONES
def test_a_machine_too_many_leaves_nothing(start: Callable[..., Stack], zone: str) -> None:
    """Where the limit of machines is reached, its data disk and its address are gone with it; quotas show the limit."""
    stack = start(limits={"user_vm": 1, "volume": 3})
    gce, world = Gce(stack), stack.sandbox.sandbox.world
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm1")))
    held = [row["ipaddress"] for row in world.all("publicip") if row["state"] != "Free"]
    disks = [*body_of(zone, "vm2")["disks"], {"initializeParams": {"diskName": "data", "diskSizeGb": "1"}}]
    beyond(gce, gce.post(f"zones/{zone}/instances", body_of(zone, "vm2", disks=disks)), "user_vm")
    assert [one["name"] for one in gce.items(f"zones/{zone}/instances")] == ["vm1"]
    assert [one["name"] for one in gce.items(f"zones/{zone}/disks")] == ["vm1"]
    assert [row["ipaddress"] for row in world.all("publicip") if row["state"] != "Free"] == held
    region = gce.get(f"zones/{zone}")["region"].rsplit("/", 1)[-1]
    shown = next(quota for quota in gce.get(f"regions/{region}")["quotas"] if quota["metric"] == "INSTANCES")
    assert (shown["limit"], shown["usage"]) == (1.0, 1.0)


def test_storage_snapshots_and_images_too_many(start: Callable[..., Stack]) -> None:
    """Disks, their growth, snapshots and images end at the account's limits; what is there stays as it was."""
    zone = "sandbox-east1-a"
    gce = Gce(start(limits={"primary_storage": 10, "snapshot": 1, "template": 0}))
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm")))
    gce.done(gce.post(f"zones/{zone}/disks", {"name": "small", "sizeGb": "5"}))
    beyond(gce, gce.post(f"zones/{zone}/disks", {"name": "large", "sizeGb": "6"}), "primary_storage")
    gce.refused("GET", f"zones/{zone}/disks/large", 404)
    beyond(gce, gce.post(f"zones/{zone}/disks/small/resize", {"sizeGb": "11"}), "primary_storage")
    assert gce.get(f"zones/{zone}/disks/small")["sizeGb"] == "5"
    gce.done(gce.post(f"zones/{zone}/disks/vm/createSnapshot", {"name": "first"}))
    beyond(gce, gce.post(f"zones/{zone}/disks/vm/createSnapshot", {"name": "second"}), "snapshot")
    assert [one["name"] for one in gce.items("global/snapshots")] == ["first"]
    gce.done(gce.post(f"zones/{zone}/instances/vm/stop"))
    beyond(gce, gce.post("global/images", {"name": "mine", "sourceDisk": f"zones/{zone}/disks/vm"}), "template")
    gce.refused("GET", "global/images/mine", 404)


def test_a_machine_type_too_large(start: Callable[..., Stack]) -> None:
    """A machine stays as it is where its new type has more processors than the account may have."""
    zone = "sandbox-east1-a"
    gce = Gce(start(limits={"cpu": 2}))
    path = f"zones/{zone}/instances/vm"
    gce.done(gce.post(f"zones/{zone}/instances", body_of(zone, "vm")))
    gce.done(gce.post(f"{path}/stop"))
    beyond(gce, gce.post(f"{path}/setMachineType", {"machineType": f"zones/{zone}/machineTypes/n1-standard-4"}), "cpu")
    assert gce.get(path)["machineType"].endswith("/n1-standard-1")
