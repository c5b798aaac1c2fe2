"""Projects and their members."""

from __future__ import annotations

from typing import Any


def test_member_sees_a_project(demo: Any, other: Any, seeds: Any) -> None:
    """An account added to a project sees it and its objects; removed, it does not."""
    project = demo.ok("createProject", name="shared", displaytext="shared")["project"]["id"]
    volume = seeds.volume(demo, "of-project", projectid=project)["id"]
    assert other.ok("listProjects") == {}
    demo.ok("addAccountToProject", projectid=project, account="other")
    assert other.ok("listVolumes", projectid=project)["volume"][0]["id"] == volume
    assert other.ok("deleteVolume", id=volume)["success"] is True
    demo.ok("deleteAccountFromProject", projectid=project, account="other")
    assert other.call("listVolumes", projectid=project)[0] == 432


def test_project_with_resources_stays(demo: Any, seeds: Any) -> None:
    """A project that has something cannot be deleted; an empty one can."""
    project = demo.ok("createProject", name="full", displaytext="full")["project"]["id"]
    volume = seeds.volume(demo, "inside", projectid=project)["id"]
    assert demo.failure("deleteProject", id=project)[0] == 431
    demo.ok("deleteVolume", id=volume)
    demo.ok("deleteProject", id=project)
    assert demo.call("listProjects", id=project)[0] == 431


def test_project_names_are_unique(demo: Any, other: Any) -> None:
    """A project's name is taken once in the domain."""
    demo.ok("createProject", name="unique", displaytext="x")
    assert other.failure("createProject", name="unique", displaytext="x")[0] == 431


def test_machine_in_a_project(demo: Any, seeds: Any) -> None:
    """A machine of a project joins the project's default group and is acted on without projectid."""
    project = demo.ok("createProject", name="computing", displaytext="x")["project"]["id"]
    machine = seeds.machine(demo, "in-project", projectid=project)
    assert [(group["name"], group["project"]) for group in machine["securitygroup"]] == [("default", "computing")]
    assert demo.ok("stopVirtualMachine", id=machine["id"])["virtualmachine"]["state"] == "Stopped"
