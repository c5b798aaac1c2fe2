"""Whose things a URL's project means."""

from typing import Any

import pytest

from fixtures.gce import Gce
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


def test_a_project_of_others_is_404(gce: Gce, other: Gce, acme: dict[str, Any]) -> None:
    """Who is not in a CloudStack project does not find it, neither by name nor by id."""
    for project in ("acme", acme["id"]):
        other.refused("GET", f"/compute/v1/projects/{project}", 404)
