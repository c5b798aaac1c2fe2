"""The names that CloudStack's machines have as instances."""

import pytest

from gstack.resources.inventory.machines import VirtualMachine, marked, name_behind, names_of, raw_name


def machine(uuid: str, host: str, display: str = "", zone: str = "z1", state: str = "Running") -> VirtualMachine:
    return VirtualMachine(id=uuid, name=host, displayname=display or host, zoneid=zone, state=state)


@pytest.mark.parametrize(
    ("host", "display", "shown"),
    [
        ("vm1", "vm1", "vm1"),
        ("vm1-0a3f", "vm1", "vm1"),
        ("vm1-0a3f", "vm2", "vm1-0a3f"),
        ("vm1-prod", "vm1", "vm1-prod"),
        ("vm1-0a3f", "Web server", "vm1-0a3f"),
        ("db-7", "The data base", "db-7"),
        ("gone-7218-0a3f99c1", "vm1", "gone-7218-0a3f99c1"),
    ],
)
def test_raw_name(host: str, display: str, shown: str) -> None:
    """The displayname counts only for a host name that is it and a mark of ours."""
    assert raw_name(host, display) == shown


def test_long_names_are_marked_and_recognised() -> None:
    """A name of 63 characters is cut for its mark, and its machine is still shown by the whole name."""
    name = "a" * 57 + "-bcdef"
    host = marked(name, "0a3f9")
    assert len(host) <= 63
    assert host.endswith("-0a3f")
    assert raw_name(host, name) == name


def test_names_are_unique_in_a_zone() -> None:
    """Two machines of one host name in a zone get marks; one of another zone keeps its name."""
    named = names_of([machine("u1", "vm1"), machine("u2", "vm1"), machine("u3", "vm1", zone="z2")], {})
    assert named["u3"] == "vm1"
    assert len({named["u1"], named["u2"], "vm1"}) == 3


def test_the_sidecar_names_first() -> None:
    """A name from the sidecar stays; a machine made by hand with the same name steps aside."""
    named = names_of([machine("u1", "Web"), machine("u2", "web")], {"u1": {"name": "web"}})
    assert named["u1"] == "web"
    assert named["u2"].startswith("web-")


def test_name_behind_a_mention() -> None:
    """A machine that a volume mentions has the name that it has itself."""
    assert name_behind("u1", "vm1-0a3f", "vm1", {}) == "vm1"
    assert name_behind("u1", "Upper", "Upper", {}) == "upper"
    assert name_behind("u1", "gone-1", "vm1", {"u1": {"name": "vm1"}}) == "vm1"


@pytest.mark.parametrize(("state", "shown"), [("Stopped", True), ("Error", True), ("Destroyed", False)])
def test_destroyed_machines_are_no_instances(state: str, shown: bool) -> None:
    """A destroyed machine is not shown though CloudStack may list it."""
    assert machine("u1", "vm1", state=state).shown is shown
