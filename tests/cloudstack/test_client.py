"""The client against the sandbox: pages, jobs, reference lists, silence."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import requests

from conftest import free_port
from gstack.cloudstack.client import Client, CloudStack, KeyPair, result_of
from gstack.cloudstack.errors import Refusal, Unreachable
from gstack.sandbox.server import ThreadedSandbox
from gstack.sandbox.server import running as running_sandbox
from gstack.sandbox.settings import AccountKeys, SandboxSettings

DEMO = AccountKeys("demo", "demo-".ljust(86, "k"), "demo-".ljust(86, "s"), "password")


class Named(msgspec.Struct):
    """Anything with an id and a name."""

    id: str = ""
    name: str = ""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with running_sandbox(SandboxSettings((DEMO,), job_delay=0.05)) as server:
        yield server


@pytest.fixture
async def cloudstack(sandbox: ThreadedSandbox) -> AsyncIterator[CloudStack]:
    async with CloudStack(sandbox.url, page_size=2, reference_seconds=30) as connection:
        yield connection


@pytest.fixture
def client(cloudstack: CloudStack) -> Client:
    return cloudstack.client(KeyPair(DEMO.api_key, DEMO.secret_key))


def break_once(sandbox: ThreadedSandbox, command: str, kind: str, **more: int) -> None:
    fault = {"command": command, "kind": kind, "count": 1} | more
    requests.post(sandbox.url.replace("/client/api", "/faults"), json=fault, timeout=10).raise_for_status()


async def test_a_list_comes_whole_over_its_pages(client: Client, cloudstack: CloudStack) -> None:
    """Pages are followed to the count; nothing comes twice."""
    zones = await client.list_all("listZones", Named)
    assert len({zone.id for zone in zones}) == len(zones) == 3
    assert cloudstack.calls["listZones"] == 2


async def test_an_empty_list_is_empty(client: Client) -> None:
    """CloudStack leaves the list out where it is empty."""
    assert await client.list_all("listVolumes", Named) == []


async def test_an_id_of_nothing_is_an_empty_list(client: Client) -> None:
    """431 «entity does not exist» on a list is no error: there is nothing."""
    unknown = {"id": "00000000-0000-0000-0000-000000000000"}
    assert await client.list_all("listVirtualMachines", Named, unknown) == []
    with pytest.raises(Refusal) as refused:
        await client.send("listVirtualMachines", unknown)
    assert refused.value.missing


async def test_a_job_is_finished_and_its_object_unwrapped(client: Client) -> None:
    """`finish` waits for the job and takes the one wrapping object off."""
    zone = (await client.list_all("listZones", Named))[1]
    offering = next(one for one in await client.list_all("listDiskOfferings", Named) if "ustom" in one.name)
    sent = await client.send("createVolume", {"name": "v", "zoneid": zone.id, "diskofferingid": offering.id, "size": 1})
    volume = await client.finish("createVolume", sent["jobid"])
    assert (volume["id"], volume["name"]) == (sent["id"], "v")
    await client.send("deleteVolume", {"id": volume["id"]})


async def test_a_failed_job_is_a_refusal(client: Client) -> None:
    """A job's error code is the same Refusal that a synchronous command raises."""
    group = await client.send("createSecurityGroup", {"name": "jobs"})
    bad = {"securitygroupid": group["securitygroup"]["id"], "protocol": "tcp", "startport": 90, "endport": 80,
           "cidrlist": "0.0.0.0/0"}  # fmt: skip
    sent = await client.send("authorizeSecurityGroupIngress", bad)
    with pytest.raises(Refusal) as refused:
        await client.finish("authorizeSecurityGroupIngress", sent["jobid"])
    assert refused.value.error_code == 431


async def test_reference_lists_are_asked_once_by_many(client: Client, cloudstack: CloudStack) -> None:
    """A hundred that ask at once cost one call; `fresh` asks again; `forget` drops."""
    await asyncio.gather(*(client.reference("listDiskOfferings", Named) for _ in range(100)))
    first = cloudstack.calls["listDiskOfferings"]
    await client.reference("listDiskOfferings", Named)
    assert cloudstack.calls["listDiskOfferings"] == first
    await client.reference("listDiskOfferings", Named, fresh=True)
    assert cloudstack.calls["listDiskOfferings"] == 2 * first
    client.forget("listDiskOfferings")
    await client.reference("listDiskOfferings", Named)
    assert cloudstack.calls["listDiskOfferings"] == 3 * first


async def test_reference_lists_are_kept_apart_by_caller(client: Client, cloudstack: CloudStack) -> None:
    """What one caller's keys saw is nobody else's."""
    await client.reference("listZones", Named)
    stranger = cloudstack.client(KeyPair("stranger", "secret"))
    with pytest.raises(Refusal) as refused:
        await stranger.reference("listZones", Named)
    assert refused.value.status == 401


async def test_a_failed_reference_list_is_not_kept(client: Client, sandbox: ThreadedSandbox) -> None:
    """The next one asks again after a failure."""
    break_once(sandbox, "listServiceOfferings", "error")
    with pytest.raises(Unreachable):
        await client.reference("listServiceOfferings", Named)
    assert await client.reference("listServiceOfferings", Named)


@pytest.mark.parametrize("kind", ["error", "drop", "lost"])
async def test_no_readable_answer_is_unreachable(client: Client, sandbox: ThreadedSandbox, kind: str) -> None:
    """5xx without CloudStack's error, a broken connection, a lost answer: it may have been done."""
    break_once(sandbox, "listHypervisors", kind)
    with pytest.raises(Unreachable) as silence:
        await client.send("listHypervisors")
    assert silence.value.sent
    assert await client.send("listHypervisors")


async def test_too_many_requests_were_not_done(client: Client, sandbox: ThreadedSandbox) -> None:
    """CloudStack's throttling answers 429 before it looks: the command may be sent again, later."""
    break_once(sandbox, "listHypervisors", "error", status=429)
    with pytest.raises(Unreachable) as silence:
        await client.send("listHypervisors")
    assert not silence.value.sent
    assert await client.send("listHypervisors")


async def test_nobody_there_is_known_not_to_have_been_sent() -> None:
    """A refused connection carried nothing."""
    async with CloudStack(f"http://127.0.0.1:{free_port()}/client/api") as cloudstack:
        with pytest.raises(Unreachable) as silence:
            await cloudstack.client(KeyPair("a", "b")).send("listZones")
    assert not silence.value.sent


async def test_in_project_speaks_for_the_project(client: Client) -> None:
    """Every call of a project's client carries its id."""
    sent = await client.send("createProject", {"name": "blue", "displaytext": "blue"})
    project = await client.finish("createProject", sent["jobid"])
    inside = client.in_project(project["id"])
    group = await inside.send("createSecurityGroup", {"name": "inside"})
    assert group["securitygroup"]["projectid"] == project["id"]


def test_result_of_takes_one_wrapper_off() -> None:
    """`{"volume": {…}}` gives the volume; a plain success stays."""
    assert result_of({"jobresult": {"volume": {"id": "1"}}}) == {"id": "1"}
    assert result_of({"jobresult": {"success": True}}) == {"success": True}
    assert result_of({}) == {}
