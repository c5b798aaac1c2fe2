"""Registered user data."""

from __future__ import annotations

from typing import Any


def test_registered_user_data(demo: Any) -> None:
    """Registered user data is listed as it was sent; text that is not base64 is 431."""
    demo.ok("registerUserData", name="init", userdata="I2Nsb3VkLWNvbmZpZwo=")
    assert demo.ok("listUserData", name="init")["userdata"][0]["userdata"] == "I2Nsb3VkLWNvbmZpZwo="
    assert demo.failure("registerUserData", name="odd", userdata="###")[0] == 431


def test_a_url_takes_less_than_a_form(demo: Any) -> None:
    """A GET takes 4,096 characters of user data at most, a form 32,768."""
    sent = {"name": "long", "userdata": "AAAA" * 1025}
    assert demo.failure_of_get("registerUserData", **sent) == 431
    assert demo.ok("registerUserData", **sent)["userdata"]["name"] == "long"
    assert demo.failure("registerUserData", name="longer", userdata="AAAA" * 8193)[0] == 431


def test_user_data_in_use_stays(demo: Any, seeds: Any) -> None:
    """User data that a machine was deployed with is shown, finds the machine, and stays until it is changed."""
    identity = demo.ok("registerUserData", name="used", userdata="QUFB")["userdata"]["id"]
    machine = seeds.machine(demo, "with-user-data", userdataid=identity)
    found = demo.ok("listVirtualMachines", userdataid=identity)["virtualmachine"]
    assert [row["id"] for row in found] == [machine["id"]]
    assert (found[0]["userdataid"], found[0]["userdataname"]) == (identity, "used")
    assert demo.failure("deleteUserData", id=identity)[0] == 530
    assert demo.failure("updateVirtualMachine", id=machine["id"], userdataid=identity, userdata="QUFB")[0] == 431
    assert "userdataid" not in demo.ok("updateVirtualMachine", id=machine["id"], userdata="QkJC")["virtualmachine"]
    demo.ok("deleteUserData", id=identity)
