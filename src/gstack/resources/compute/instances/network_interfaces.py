"""instances.addNetworkInterface, deleteNetworkInterface and updateNetworkInterface <-> CloudStack's NICs.

An interface comes and goes while the machine runs or is stopped, with its external address. The first one (CloudStack's
default NIC) stays. Internal address and network can change while the machine is stopped. In zones with security groups
a machine has the one interface of the guest network.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Probe, work
from gstack.operations.nested import Nested
from gstack.resources.compute.instances import interface_moves
from gstack.resources.compute.instances.access_configs import add as add_access
from gstack.resources.compute.instances.access_configs import check_alone, give
from gstack.resources.compute.instances.interface import network_of, shown, wanted_nic
from gstack.resources.compute.instances.internal_addresses import check_address
from gstack.resources.compute.instances.subject import Subject, begin, check_settled, check_stopped, wanted
from gstack.resources.compute.instances.to_gce import EXTERNAL_NAME
from gstack.resources.inventory import placements as backings
from gstack.resources.inventory.machines import Nic, VirtualMachine
from gstack.resources.inventory.placements import Placement
from gstack.resources.shared import refused as policy
from gstack.resources.shared.references import last_name
from gstack.resources.steps import addresses as external_addresses
from gstack.resources.steps import nics
from gstack.resources.steps import placements as placement_steps

_FIELD = "networkInterface"


@serves("compute.instances.addNetworkInterface")
async def add_network_interface(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    if subject.location.security_groups:
        why = "in a zone with security groups CloudStack gives a machine one interface."
        raise Problem.unsupported(_FIELD, why)
    body = call.body
    policy.refuse(body, policy.INTERFACE, _FIELD)
    _warn(call)
    external = _external(subject, body.get("accessConfigs") or [])
    placement = await backings.place(call, subject.location, body.get("network"), body.get("subnetwork"), _FIELD)
    await _check_distinct(call, subject, placement)
    address = body.get("networkIP", "")
    if address:
        await check_address(call, address, f"{_FIELD}.networkIP", placement.network_id, placement.cidr)
    args = {"placement": msgspec.to_builtins(placement), "address": address, "external": external}
    return await begin(call, add, subject, args)


def _warn(call: Call) -> None:
    for message in policy.without_effect(call.body, policy.INTERFACE_NO_EFFECT, _FIELD):
        call.warn(policy.IGNORED, message)


def _external(subject: Subject, configs: list[Mapping[str, Any]]) -> str:
    """The name of the access config that is asked for, or empty."""
    if len(configs) > 1:
        raise Problem.invalid(f"{_FIELD}.accessConfigs", "At most one access config currently supported.")
    for config in configs:
        policy.refuse(config, policy.ACCESS, f"{_FIELD}.accessConfigs[0]")
        check_alone(subject, f"{_FIELD}.accessConfigs")
        return str(config.get("name") or EXTERNAL_NAME)
    return ""


async def _check_distinct(call: Call, subject: Subject, placement: Placement) -> None:
    links = await backings.network_links(call, [nic.networkid for nic in subject.machine.nic])
    if placement.network_path in {network for network, _ in links.values()}:
        why = f"'{placement.network_path}'. Networks must be distinct for the network interfaces of an instance."
        raise Problem.invalid(f"{_FIELD}.network", why)


@work("instances.addNetworkInterface")
async def add(op: Op) -> None:
    """Make what the network lacks, the interface, its address; take the interface away where that fails."""
    machine_id, external = op.args["machine_id"], op.args["external"]
    asked = msgspec.convert(op.args["placement"], Placement)
    placement = await placement_steps.ensure_backing(op, "network", asked)
    network_id = str(placement.network_id)
    nic_id = await nics.add(op, "nic", machine_id, network_id, op.args["address"])
    if not external:
        return
    place = {"vpcid": placement.vpc_id} if placement.vpc_id else {"networkid": network_id}
    args = {**op.args, "nic_id": nic_id, "place": place, "network_id": network_id}
    try:
        await add_access(Nested(op, "access", args))
    except Problem:
        await nics.remove(op, "undo-nic", machine_id, nic_id)
        raise


@serves("compute.instances.deleteNetworkInterface")
async def delete_network_interface(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    nic = wanted_nic(subject, call.params["networkInterfaceName"], "networkInterfaceName")
    if nic.isdefault:
        raise Problem.invalid("networkInterfaceName", "The first network interface of an instance cannot be deleted.")
    known = (await call.sidecar.facts([nic.publicipid])).get(nic.publicipid, {}) if nic.publicipid else {}
    network = await network_of(call, nic) if nic.publicipid else None
    args = {
        "nic_id": nic.id,
        "place": network.place if network else None,
        "network_id": nic.networkid,
        "held": None if known.get("ephemeral") else {"id": nic.publicipid},
    }
    return await begin(call, delete, subject, args)


@work("instances.deleteNetworkInterface")
async def delete(op: Op) -> None:
    """Free the interface's address, remove it; give it an address again where it cannot be removed."""
    machine_id = op.args["machine_id"]
    if op.args["place"]:
        await external_addresses.free(op, "address", machine_id)
    try:
        await nics.remove(op, "nic", machine_id, op.args["nic_id"])
    except Problem:
        await give(op, "undo-address")
        raise


@serves("compute.instances.updateNetworkInterface")
async def update_network_interface(call: Call) -> dict[str, Any]:
    """A patch, with the interface's fingerprint as on GCE: 400 without one, 412 with an old one."""
    subject = await wanted(call)
    nic = wanted_nic(subject, call.params["networkInterface"], "networkInterface")
    there, body = await shown(call, subject, nic), call.body
    _check_fingerprint(body.get("fingerprint"), there)
    policy.refuse(body, policy.INTERFACE, _FIELD)
    _warn(call)
    if body.get("accessConfigs") and _plain(body["accessConfigs"]) != _plain(there.get("accessConfigs", [])):
        why = "use addAccessConfig and deleteAccessConfig."
        raise Problem.unsupported(f"{_FIELD}.accessConfigs", why)
    if _differs(call, subject, there):
        return await begin(call, update, subject, {"move": await interface_moves.asked(call, subject, nic, there)})
    address = body.get("networkIP") or nic.ipaddress
    if address != nic.ipaddress:
        await _check_move(call, subject, nic, address)
    return await begin(call, update, subject, {"nic_id": nic.id, "address": address, "before": nic.ipaddress})


def _plain(configs: list[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    """Access configs as far as they can differ."""
    return [(config.get("name"), config.get("natIP")) for config in configs]


def _check_fingerprint(sent: str | None, there: Mapping[str, Any]) -> None:
    if not sent:
        raise Problem.required(f"{_FIELD}.fingerprint")
    if sent.rstrip("=") != there["fingerprint"].rstrip("="):
        raise Problem.condition_not_met("Supplied fingerprint does not match current network interface fingerprint.")


def _differs(call: Call, subject: Subject, there: Mapping[str, Any]) -> bool:
    network, subnetwork = call.body.get("network"), call.body.get("subnetwork")
    if network and backings.network_named(call, network) != last_name(there["network"]):
        return True
    named = backings.subnetwork_named(call, subject.location, subnetwork or "")
    return bool(subnetwork) and named != last_name(there.get("subnetwork", ""))


async def _check_move(call: Call, subject: Subject, nic: Nic, address: str) -> None:
    if subject.location.security_groups:
        raise Problem.unsupported(f"{_FIELD}.networkIP", "CloudStack chooses addresses in zones with security groups.")
    check_stopped(call, subject, "its internal address is changed")
    if nic.publicip:
        raise Problem.unsupported(f"{_FIELD}.networkIP", f"{nic.publicip} leads to it. Delete the access config first.")
    network = await network_of(call, nic)
    await check_address(call, address, f"{_FIELD}.networkIP", network.id, network.cidr)


@work("instances.updateNetworkInterface")
async def update(op: Op) -> None:
    """Move the interface, or give it its other internal address."""
    if op.args.get("move"):
        await interface_moves.move(Nested(op, "move", {**op.args, **op.args["move"]}))
        return
    nic_id, address = op.args["nic_id"], op.args["address"]
    if address == op.args["before"]:
        return
    parameters = {"nicid": nic_id, "ipaddress": address}
    await op.run("address", "updateVmNicIp", parameters, probe=_has(op.args["machine_id"], nic_id, address))


def _has(machine_id: str, nic_id: str, address: str) -> Probe:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, {"id": machine_id})
        cards = (nic for machine in found for nic in machine.nic)
        return next(({"id": nic.id} for nic in cards if (nic.id, nic.ipaddress) == (nic_id, address)), None)

    return probe
