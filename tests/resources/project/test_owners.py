"""Whose things a URL's project means."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of
from gstack.cloudstack.client import CloudStack


async def cloudstack_project(gce: Gce, name: str, account: str = "demo") -> dict[str, Any]:
    async with CloudStack(gce.stack.settings.cloudstack.endpoint) as connection:
        client = connection.client(gce.stack.pair(account))
        job = await client.send("createProject", {"name": name, "displaytext": f"{name} project"})
        await client.finish("createProject", job["jobid"])
        (made,) = await client.list_all("listProjects", dict[str, Any], {"name": name})
        return made


@pytest.fixture
async def acme(gce: Gce) -> dict[str, Any]:
    """A CloudStack project of the account `demo`; made once for the module's product."""
    async with CloudStack(gce.stack.settings.cloudstack.endpoint) as connection:
        client = connection.client(gce.stack.pair())
        known = await client.list_all("listProjects", dict[str, Any], {"name": "acme"})
    return known[0] if known else await cloudstack_project(gce, "acme")


def test_the_account_is_a_project(gce: Gce) -> None:
    """The caller's account name is a project."""
    assert gce.get("")["name"] == "demo"


def test_a_cloudstack_project_is_a_project_at_once(gce: Gce, acme: dict[str, Any]) -> None:
    """A CloudStack project is found by name and by id, with an id and metadata of its own."""
    by_name = gce.get("/compute/v1/projects/acme")
    assert by_name["description"] == acme["displaytext"]
    assert by_name["id"] != gce.get("")["id"]
    assert gce.get(f"/compute/v1/projects/{acme['id']}")["id"] == by_name["id"]


def test_a_project_by_number(gce: Gce, other: Gce, acme: dict[str, Any]) -> None:
    """The id that projects.get shows stands for the project in URLs; links have its name; others' numbers are 404."""
    for name, shown in (("demo", gce.get("")), ("acme", gce.get("/compute/v1/projects/acme"))):
        path = f"/compute/v1/projects/{shown['id']}"
        assert gce.get(path)["name"] == name
        assert gce.get(path)["selfLink"].endswith(f"/projects/{name}")
        networks = gce.get(f"{path}/global/networks")["items"]
        assert f"/projects/{name}/" in networks[0]["selfLink"]
        other.refused("GET", path, 404)


def test_references_by_number(gce: Gce) -> None:
    """A client that knows its project by number says it in bodies too; a foreign number is another project's."""
    number, zone = gce.get("")["id"], "sandbox-east1-a"
    own = f"/compute/v1/projects/{number}"
    kind = f"projects/{number}/zones/{zone}/diskTypes/pd-ssd"
    network = f"projects/{number}/global/networks/default"
    gce.done(gce.post(f"{own}/zones/{zone}/disks", {"name": "by-number", "sizeGb": "1", "type": kind}))
    body = body_of(
        zone,
        "vm-by-number",
        machineType=f"projects/{number}/zones/{zone}/machineTypes/n1-standard-1",
        networkInterfaces=[{"network": network}],
    )
    body["disks"].append({"source": f"projects/{number}/zones/{zone}/disks/by-number", "autoDelete": True})
    gce.done(gce.post(f"zones/{zone}/instances", body))
    assert gce.get(f"{own}/zones/{zone}/instances/vm-by-number")["disks"][1]["source"].endswith("/disks/by-number")
    gce.done(gce.delete(f"{own}/zones/{zone}/instances/vm-by-number"))
    image = {"name": "i", "sourceImage": f"projects/{number}/global/images/none"}
    refused = gce.refused("POST", "global/images", 400, image)
    assert "projects/demo/global/images/none" in refused["message"]
    foreign = {"name": "by-number", "sizeGb": "1", "type": kind.replace(number, "12345")}
    gce.refused("POST", f"zones/{zone}/disks", 400, foreign)


def test_public_projects_are_no_question(gce: Gce, spent: Callable[..., dict[str, int]]) -> None:
    """Whose project debian-cloud is, CloudStack is not asked again and again."""
    images = "/compute/v1/projects/debian-cloud/global/images"
    gce.get(images)
    assert spent(lambda: [gce.get(images) for _ in range(3)], "listProjects") == {"listProjects": 0}


def test_a_project_of_others_is_404(gce: Gce, other: Gce, acme: dict[str, Any]) -> None:
    """Who is not in a CloudStack project does not find it, neither by name nor by id."""
    for project in ("acme", acme["id"]):
        other.refused("GET", f"/compute/v1/projects/{project}", 404)
