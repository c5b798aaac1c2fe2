"""instances.setMetadata by the front door."""

import base64
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


def _items(**items: str) -> dict[str, Any]:
    return {"items": [{"key": key.replace("_", "-"), "value": value} for key, value in items.items()]}


def _told(ask: Ask, name: str) -> str:
    """What CloudStack would tell the guest."""
    machine = ask("listVirtualMachines", keyword=name)["virtualmachine"][0]["id"]
    answer = ask("getVirtualMachineUserData", virtualmachineid=machine)["virtualmachineuserdata"]
    return base64.b64decode(answer.get("userdata", "")).decode()


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_metadata_reach_the_guest(gce: Gce, ask: Ask, made: Made, zone: str) -> None:
    """The items are replaced while the machine runs, and CloudStack's user data are made anew from them."""
    before = made(zone, "vm-meta", metadata=_items(old="x"))
    path = f"zones/{zone}/instances/vm-meta"
    sent = _items(startup_script="echo one", other="y") | {"fingerprint": before["metadata"]["fingerprint"]}
    operation = gce.done(gce.post(f"{path}/setMetadata", sent))
    assert "warnings" not in operation
    assert gce.get(path)["metadata"]["items"] == sent["items"]
    assert "echo one" in _told(ask, "vm-meta")
    gce.done(gce.post(f"{path}/setMetadata", _items(user_data="#!/bin/sh\nmine")))
    assert _told(ask, "vm-meta") == "#!/bin/sh\nmine"
    gce.done(gce.post(f"{path}/setMetadata", {}))
    assert _told(ask, "vm-meta") == "#cloud-config\n{}\n"
    assert "items" not in gce.get(path)["metadata"]


def test_only_what_the_guest_reads_is_sent(gce: Gce, made: Made, spent: Callable[..., dict[str, int]]) -> None:
    """Items that are for nobody in the guest change nothing in CloudStack; some are warned about."""
    made(VPC, "vm-meta")
    path = f"zones/{VPC}/instances/vm-meta/setMetadata"
    body = _items(color="blue", shutdown_script="halt")
    operations = []
    sent = spent(lambda: operations.append(gce.done(gce.post(path, body))), "updateVirtualMachine")
    assert sent == {"updateVirtualMachine": 0}
    assert ["shutdown-script" in one["message"] for one in operations[0]["warnings"]] == [True]
    keys = gce.done(gce.post(path, _items(ssh_keys="me:ssh-ed25519 AAAA me@here")))
    assert "first boot" in keys["warnings"][0]["message"]


def test_refused(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """An old fingerprint is a 412, too much for the guest a 400; a lost answer is none."""
    made(VPC, "vm-meta", metadata=_items(a="1"))
    path = f"zones/{VPC}/instances/vm-meta"
    stale = _items(a="2") | {"fingerprint": "AAAAAAAAAAA="}
    assert gce.refused("POST", f"{path}/setMetadata", 412, stale)["reason"] == "conditionNotMet"
    large = gce.refused("POST", f"{path}/setMetadata", 400, _items(user_data="x" * 30_000))
    assert "24576" in large["message"]
    fault("updateVirtualMachine", "lost")
    gce.done(gce.post(f"{path}/setMetadata", _items(user_data="#!/bin/sh")))
    assert gce.get(path)["metadata"]["items"] == [{"key": "user-data", "value": "#!/bin/sh"}]


def test_changes_at_once_leave_what_is_shown(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None]) -> None:
    """Of two changes at once the later is shown, and CloudStack has that one's document too."""
    made(VPC, "vm-meta", metadata=_items(startup_script="echo first"))
    path = f"zones/{VPC}/instances/vm-meta"
    fault("updateVirtualMachine", "slow", seconds=2)
    with ThreadPoolExecutor() as pool:
        other = pool.submit(gce.post, f"{path}/setMetadata", _items(startup_script="echo other"))
        time.sleep(0.7)
        again = gce.post(f"{path}/setMetadata", _items(startup_script="echo first"))
    gce.done(other.result())
    gce.done(again)
    assert gce.get(path)["metadata"]["items"][0]["value"] == "echo first"
    assert "echo first" in _told(ask, "vm-meta")


def test_a_key_that_the_project_lost_goes(gce: Gce, ask: Ask, made: Made) -> None:
    """A key that the project has no more leaves a machine's user data with its next change, not before."""
    common = "setCommonInstanceMetadata"
    gce.done(gce.post(common, _items(ssh_keys="joe:ssh-ed25519 AAAAjoe joe@here")))
    made(VPC, "vm-meta")
    gce.done(gce.post(common, {}))
    assert "AAAAjoe" in _told(ask, "vm-meta")
    gce.done(gce.post(f"zones/{VPC}/instances/vm-meta/setMetadata", _items(foo="1")))
    assert _told(ask, "vm-meta") == "#cloud-config\n{}\n"
