"""Resource limits and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import AccountKeys, SandboxSettings


def test_counts_follow_what_is_there(demo: Any, seeds: Any) -> None:
    """An account's totals count its machines, processors and volumes, and what is available goes down."""
    before = demo.ok("listAccounts")["account"][0]
    seeds.machine(demo, "counted", serviceofferingid=seeds.offerings["e2-medium"])
    after = demo.ok("listAccounts")["account"][0]
    grown = {name: after[name] - before[name] for name in ("vmtotal", "cputotal", "memorytotal", "volumetotal")}
    assert grown == {"vmtotal": 1, "cputotal": 2, "memorytotal": 4096, "volumetotal": 1}
    assert int(after["vmavailable"]) == int(before["vmavailable"]) - 1


def test_limits_are_listed_in_cloudstacks_order(demo: Any) -> None:
    """ListResourceLimits has 17 kinds, numbered as CloudStack numbers them."""
    limits = demo.ok("listResourceLimits")["resourcelimit"]
    assert [limit["resourcetype"] for limit in limits] == [str(number) for number in range(17)]
    assert demo.ok("listResourceLimits", resourcetype=8)["resourcelimit"][0]["resourcetypename"] == "cpu"


@pytest.fixture
def full(accounts: tuple[AccountKeys, ...]) -> Iterator[Callable[..., ThreadedSandbox]]:
    """Start a sandbox whose accounts may have this much."""
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(
            running(SandboxSettings(accounts=accounts, job_delay=0, limits=limits))
        )


def ids_of(client: Any, seeds: Any) -> dict[str, Any]:
    """The ids behind the words of the table below; `disk` is 5 GB, `machine` is stopped and has one processor."""
    offerings = client.ok("listNetworkOfferings")["networkoffering"]
    isolated = "DefaultIsolatedNetworkOfferingWithSourceNatService"
    machine = seeds.machine(client, "there")
    client.ok("stopVirtualMachine", id=machine["id"])
    return {
        **seeds.offerings,
        "disk": seeds.volume(client, "there")["id"],
        "root": client.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["id"],
        "machine": machine["id"],
        "east": seeds.east,
        "custom": seeds.disks["Custom"],
        "debian": seeds.templates["debian-12-v20260101"],
        "vpc": client.ok("listVPCOfferings")["vpcoffering"][0]["id"],
        "isolated": next(each["id"] for each in offerings if each["name"] == isolated),
        "address": client.ok("listPublicIpAddresses", state="Free", allocatedonly=False)["publicipaddress"][0]["id"],
        "system": client.ok("listOsTypes")["ostype"][0]["id"],
    }


DEPLOY = "deployVirtualMachine zoneid=east templateid=debian serviceofferingid={}"


@pytest.mark.parametrize(
    ("kind", "limit", "request_", "code"),
    [
        ("user_vm", 1, DEPLOY.format("e2-micro"), 535),
        ("cpu", 2, DEPLOY.format("e2-medium"), 535),
        ("memory", 1024, DEPLOY.format("e2-micro"), 535),
        ("volume", 2, DEPLOY.format("e2-micro"), 535),
        ("volume", 2, "createVolume name=beyond zoneid=east diskofferingid=custom size=1", 535),
        ("primary_storage", 20, "createVolume name=beyond zoneid=east diskofferingid=custom size=16", 535),
        ("primary_storage", 20, "resizeVolume id=disk size=21", 530),
        ("snapshot", 0, "createSnapshot volumeid=root", 535),
        ("template", 0, "createTemplate name=beyond displaytext=beyond volumeid=root ostypeid=system", 535),
        ("public_ip", 0, "reserveIpAddress id=address", 535),
        ("network", 0, "createNetwork name=beyond zoneid=east networkofferingid=isolated", 535),
        ("vpc", 0, "createVPC name=beyond displaytext=beyond zoneid=east vpcofferingid=vpc cidr=10.9.0.0/16", 535),
        ("project", 0, "createProject name=beyond displaytext=beyond", 535),
        ("cpu", 1, "changeServiceForVirtualMachine id=machine serviceofferingid=e2-medium", 535),
    ],
)
def test_nobody_has_more_than_they_may(
    full: Any, make_client: Any, make_seeds: Any, kind: str, limit: int, request_: str, code: int
) -> None:
    """Each command that makes or grows something is refused beyond the limit, in CloudStack's words, and makes nothing.

    Inside a job CloudStack keeps the text but not the code.
    """
    client = make_client(full(**{kind: limit}).url)
    ids = ids_of(client, make_seeds(client))
    before = totals(client)
    command, *words = request_.split()
    params = {name: ids.get(value, value) for name, value in (word.split("=") for word in words)}
    error, text = client.failure(command, **params)
    assert error == code
    assert text.startswith(f"Maximum amount of resources of Type = '{kind}' for Account Name = demo in Domain Id = ")
    assert totals(client) == before


def totals(client: Any) -> dict[str, Any]:
    account = client.ok("listAccounts")["account"][0]
    return {name: value for name, value in account.items() if name.endswith("total")}


def test_no_limit_is_shown_as_such(full: Any, make_client: Any) -> None:
    """-1 is CloudStack's word for no limit; listAccounts says Unlimited."""
    client = make_client(full(user_vm=-1).url)
    shown = client.ok("listAccounts")["account"][0]
    assert (shown["vmlimit"], shown["vmavailable"]) == ("Unlimited", "Unlimited")
    assert client.ok("listResourceLimits", resourcetype=0)["resourcelimit"][0]["max"] == -1
