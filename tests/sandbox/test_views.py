"""Owners in answers."""

from __future__ import annotations

from typing import Any


def test_project_answers_name_the_project(demo: Any, seeds: Any) -> None:
    """Objects of a project show `project` and `projectid` and no account; the caller's own list has them not."""
    project = demo.ok("createProject", name="viewed", displaytext="viewed")["project"]["id"]
    volume = seeds.volume(demo, "in-project", projectid=project)
    assert (volume["project"], volume["projectid"], "account" in volume) == ("viewed", project, False)
    assert demo.ok("listVolumes", name="in-project") == {}
    assert demo.ok("listVolumes", name="in-project", projectid="-1")["count"] == 1
    assert demo.ok("listVolumes", name="in-project", projectid=project)["count"] == 1
