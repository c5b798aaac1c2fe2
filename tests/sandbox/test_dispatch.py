"""From a request to a command, or to a refusal."""

from __future__ import annotations

from typing import Any


def test_unknown_command(demo: Any) -> None:
    """A command that CloudStack lacks is 401, as recorded."""
    assert demo.call("noSuchCommand")[0] == 401


def test_command_beyond_the_role(demo: Any) -> None:
    """An administrator's command is 432 and names the account."""
    status, body = demo.call("listHosts")
    assert status == 432
    assert body["errortext"] == "The API [listHosts] does not exist or is not available for the account demo."


def test_command_that_the_sandbox_lacks(demo: Any) -> None:
    """A command that the sandbox lacks is refused by name; bad parameters of it are refused first."""
    status, body = demo.call("listVpnGateways")
    assert status == 530
    assert body["errortext"] == "The sandbox does not have CloudStack's command listVpnGateways."
    assert demo.call("createVpnGateway", vpcid="x")[0] == 431


def test_names_of_commands_have_their_case(demo: Any) -> None:
    """CloudStack takes its commands in their own spelling only; names of parameters have no case."""
    assert demo.call("LISTZONES")[0] == 401
    assert demo.call("listzones")[0] == 401
    assert demo.send({"COMMAND": "listZones", "KEYWORD": "nothing"}) == (200, {})


def test_foreign_object(demo: Any, other: Any, seeds: Any) -> None:
    """Acting on another account's machine is 531, listing it shows nothing."""
    machine = seeds.machine(demo, "foreign")
    assert other.call("stopVirtualMachine", id=machine["id"])[0] == 531
    assert other.ok("listVirtualMachines", id=machine["id"]) == {}


def test_refusal_that_keeps_what_was_done(demo: Any, seeds: Any) -> None:
    """A deployment with an impossible address fails and leaves a machine in state Error, as recorded."""
    seeds.machine(demo, "first", zoneid=seeds.east)
    network = demo.ok("listNetworks", zoneid=seeds.east)["network"][0]["id"]
    place = {"iptonetworklist__networkid": network, "iptonetworklist__ip": "10.99.0.1"}
    given = {
        "serviceofferingid": seeds.offerings["Small Instance"],
        "templateid": seeds.templates["debian-12-v20260101"],
    }
    status, _ = demo.call("deployVirtualMachine", zoneid=seeds.east, name="lost", **given, **place)
    assert status == 530
    assert demo.ok("listVirtualMachines", name="lost")["virtualmachine"][0]["state"] == "Error"
