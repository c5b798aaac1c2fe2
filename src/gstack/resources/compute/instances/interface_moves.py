"""An interface moved to another network or subnetwork, for instances.updateNetworkInterface: of a stopped machine.

CloudStack has no command for it: the external address is given up, a new interface is added there, made the default
one where the old one was, given an external address (the same where the account holds it and it can serve there), and
the old one is removed. Each step is taken back when a later one fails.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.operations.model import Op
from gstack.operations.nested import Nested
from gstack.resources.compute.instances.access_configs import give, keep_name
from gstack.resources.compute.instances.interface import network_of
from gstack.resources.compute.instances.internal_addresses import check_address
from gstack.resources.compute.instances.subject import Subject, check_stopped
from gstack.resources.inventory import placements as backings
from gstack.resources.inventory.machines import Nic
from gstack.resources.inventory.placements import Placement
from gstack.resources.steps import addresses as external_addresses
from gstack.resources.steps import nics
from gstack.resources.steps import placements as placement_steps
from gstack.resources.steps.creation import write_down

_FIELD = "networkInterface"
Back = tuple[str, Callable[[str], Awaitable[Any]]]


async def asked(call: Call, subject: Subject, nic: Nic, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The args of the move to the body's network and subnetwork."""
    body, others = call.body, [one for one in subject.machine.nic if one.id != nic.id]
    if subject.location.security_groups:
        raise Problem.unsupported(f"{_FIELD}.network", "in a zone with security groups there is one guest network.")
    check_stopped(call, subject, "its network is changed")
    placement = await backings.place(call, subject.location, body.get("network"), body.get("subnetwork"), _FIELD)
    links = await backings.network_links(call, [one.networkid for one in others])
    if placement.network_path in {network for network, _ in links.values()}:
        why = f"'{placement.network_path}'. Networks must be distinct for the network interfaces of an instance."
        raise Problem.invalid(f"{_FIELD}.network", why)
    address = body.get("networkIP") or ""
    address = "" if address == nic.ipaddress else address
    if address:
        await check_address(call, address, f"{_FIELD}.networkIP", placement.network_id, placement.cidr)
    return {
        "placement": msgspec.to_builtins(placement),
        "address": address,
        "nic": msgspec.to_builtins(nic),
        "external": await _external(call, nic, shown, placement),
    }


async def _external(call: Call, nic: Nic, shown: Mapping[str, Any], placement: Placement) -> dict[str, Any] | None:
    """What is known of the external address: its name, and how it is given back. None where there is none."""
    if not nic.publicip:
        return None
    facts = (await call.sidecar.facts([nic.publicipid])).get(nic.publicipid, {})
    ephemeral = bool(facts.get("ephemeral"))
    network = await network_of(call, nic)
    if not ephemeral and network.place != {"vpcid": placement.vpc_id}:
        why = f"{nic.publicip} is not ephemeral and cannot move to another network. Delete the access config first."
        raise Problem.unsupported(f"{_FIELD}.network", why)
    held = None if ephemeral else {"id": nic.publicipid}
    return {"name": shown["accessConfigs"][0]["name"], "place": network.place, "held": held}


async def move(op: Op) -> None:
    """Move the interface; put everything back where that fails."""
    undo = list[Back]()
    wanted = msgspec.convert(op.args["placement"], Placement)
    placement = await placement_steps.ensure_backing(op, "network", wanted)
    try:
        await _move(op, placement, undo)
    except Problem:
        for index, (name, back) in enumerate(reversed(undo)):
            await _undone(op, f"undo-{index}-{name}", back)
        raise


async def _move(op: Op, placement: Placement, undo: list[Back]) -> None:
    machine_id, old = op.args["machine_id"], msgspec.convert(op.args["nic"], Nic)
    network_id, external = str(placement.network_id), op.args["external"]
    if external:
        undo.append(("address", partial(_give, op, external["place"], old.networkid)))
        await external_addresses.free(op, "address", machine_id)
    new = await nics.add(op, "nic", machine_id, network_id, op.args["address"])
    undo.append(("nic", lambda under: nics.remove(op, under, machine_id, new)))
    if old.isdefault:
        await nics.make_default(op, "default", machine_id, new)
        undo.append(("default", lambda under: nics.make_default(op, under, machine_id, old.id)))
    if external:
        place = {"vpcid": placement.vpc_id} if placement.vpc_id else {"networkid": network_id}
        await _give(op, place, network_id, "give")
        undo.append(("free", lambda under: external_addresses.free(op, under, machine_id)))
    await nics.remove(op, "remove", machine_id, old.id)
    undo.clear()
    await _keep(op, placement, new, first=old.isdefault)


async def _keep(op: Op, placement: Placement, nic_id: str, *, first: bool) -> None:
    """Write down what is known of the interface under its new uuid."""
    machine_id = op.args["machine_id"]
    if first:
        facts = {"network": placement.network_path, "subnetwork": placement.subnetwork_path or None}
        await write_down(op, "facts", machine_id, op.args["kind"], facts)
    if op.args["external"]:
        await keep_name(Nested(op, "name", {**op.args, "nic_id": nic_id}), op.args["external"]["name"])


async def _give(op: Op, place: Mapping[str, str], network_id: str, under: str) -> None:
    args = {**op.args, "place": place, "network_id": network_id, "held": op.args["external"]["held"]}
    await give(Nested(op, under, args), "address")


async def _undone(op: Op, step: str, back: Callable[[str], Awaitable[Any]]) -> None:
    try:
        await back(step)
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"Could not be put back ({step}): {problem.message}")
