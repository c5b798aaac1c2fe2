"""instances.addNetworkInterface, deleteNetworkInterface and updateNetworkInterface <-> CloudStack's NICs.

Interfaces can be added and deleted, with their external addresses, while the machine runs or is stopped. The first
interface (CloudStack's default NIC) cannot be deleted. In zones with security groups a machine has one interface, in
the guest network. The internal address and the network can change only while the machine is stopped.

CloudStack has no command that moves an interface to another network. So the work gives up the external address, adds a
new interface, makes it the default if the old one was, gives it an external address, and removes the old interface. The
external address stays the same if the account owns it and the new network is in the same VPC. If a step fails, the
steps before it are undone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.operations.nested import Nested
from gstack.operations.recipes import reached, rollback, undoing
from gstack.resources.compute.instances.access_configs import (
    AddAccess,
    ExternalAddress,
    check_only,
    give,
    keep_name,
    network_of,
)
from gstack.resources.compute.instances.access_configs import add as add_access
from gstack.resources.compute.instances.target import (
    Instance,
    begin,
    check_settled,
    check_stopped,
    find_instance,
    find_nic,
    show_nic,
)
from gstack.resources.inventory import placements
from gstack.resources.inventory.internal_addresses import check_internal_address
from gstack.resources.inventory.machines import Nic, VirtualMachine
from gstack.resources.inventory.placements import Placement
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import EXTERNAL_NAME, check_access_config
from gstack.resources.shared.references import last_name
from gstack.resources.steps import addresses as address_steps
from gstack.resources.steps import nics
from gstack.resources.steps import placements as placement_steps

_FIELD = "networkInterface"


# Add


class AddInterface(msgspec.Struct, frozen=True):
    """An interface to add: its network, a fixed internal address or none, the name of its access config or none."""

    machine_id: str
    kind: str
    placement: Placement
    address: str
    external: str


@serves("compute.instances.addNetworkInterface")
async def add_network_interface(call: Call) -> dict[str, Any]:
    instance, body = await find_instance(call), call.body
    check_settled(call, instance)
    if instance.location.security_groups:
        why = "in a zone with security groups CloudStack gives a machine one interface."
        raise Problem.unsupported(_FIELD, why)
    _check_served(call)
    config = check_access_config(body.get("accessConfigs"), _FIELD)
    if config is not None:
        check_only(instance, f"{_FIELD}.accessConfigs")
    external = "" if config is None else str(config.get("name") or EXTERNAL_NAME)
    placement = await _place(call, instance, instance.machine.nic)
    address = body.get("networkIP", "")
    if address:
        await check_internal_address(call, address, f"{_FIELD}.networkIP", placement.network_id, placement.cidr)
    request = AddInterface(instance.machine.id, instance.kind, placement, address, external)
    return await begin(call, add, instance, request)


def _check_served(call: Call) -> None:
    refused.refuse(call.body, refused.INTERFACE, _FIELD)
    for message in refused.without_effect(call.body, refused.INTERFACE_NO_EFFECT, _FIELD):
        call.warn(refused.IGNORED, message)


async def _place(call: Call, instance: Instance, others: Sequence[Nic]) -> Placement:
    """Where the body's interface goes. It must be another network than those of the other interfaces."""
    network, subnetwork = call.body.get("network"), call.body.get("subnetwork")
    placement = await placements.resolve_placement(call, instance.location, network, subnetwork, _FIELD)
    links = await placements.network_links(call, [nic.networkid for nic in others])
    if placement.network_path in {network for network, _ in links.values()}:
        why = f"'{placement.network_path}'. Networks must be distinct for the network interfaces of an instance."
        raise Problem.invalid(f"{_FIELD}.network", why)
    return placement


@work("instances.addNetworkInterface", AddInterface)
async def add(op: Op, request: AddInterface) -> None:
    """Create what the network lacks, add the interface, give it its address. If that fails, remove it again."""
    machine_id = request.machine_id
    placement = await placement_steps.ensure_backing(op, "network", request.placement)
    network_id = str(placement.network_id)
    nic_id = await nics.add(op, "nic", machine_id, network_id, request.address)
    if not request.external:
        return
    access = AddAccess(machine_id, request.kind, nic_id, request.external, placement.place, network_id)
    try:
        await add_access(Nested(op, "access"), access)
    except Problem:
        async with undoing(op, "The network interface could not be removed again"):
            await nics.remove(op, "undo-nic", machine_id, nic_id)
        raise


# Delete


class DeleteInterface(msgspec.Struct, frozen=True):
    """An interface to delete, with its external `address`. `place` is empty if it has none."""

    machine_id: str
    nic_id: str
    network_id: str
    place: dict[str, str] = {}
    address: ExternalAddress = ExternalAddress()


@serves("compute.instances.deleteNetworkInterface")
async def delete_network_interface(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_settled(call, instance)
    nic = find_nic(instance, call.params["networkInterfaceName"], "networkInterfaceName")
    if nic.isdefault:
        raise Problem.invalid("networkInterfaceName", "The first network interface of an instance cannot be deleted.")
    request = DeleteInterface(instance.machine.id, nic.id, nic.networkid)
    if nic.publicip:
        place, address = (await network_of(call, nic)).place, await _address_of(call, nic)
        request = msgspec.structs.replace(request, place=place, address=address)
    return await begin(call, delete, instance, request)


async def _address_of(call: Call, nic: Nic) -> ExternalAddress:
    """The external address that the interface gets back if a change fails: the same one, unless it is ephemeral."""
    facts = (await call.sidecar.facts([nic.publicipid])).get(nic.publicipid, {})
    return ExternalAddress() if facts.get("ephemeral") else ExternalAddress(nic.publicipid)


@work("instances.deleteNetworkInterface", DeleteInterface)
async def delete(op: Op, request: DeleteInterface) -> None:
    """Free the interface's address and remove the interface. If it cannot be removed, give it an address again."""
    machine_id = request.machine_id
    if request.place:
        await address_steps.free(op, "address", machine_id)
    try:
        await nics.remove(op, "nic", machine_id, request.nic_id)
    except Problem:
        if request.place:
            async with undoing(op, "The network interface could not get an external address again"):
                await give(op, "undo-address", request.place, request.network_id, machine_id, request.address)
        raise


# Update


class Move(msgspec.Struct, frozen=True):
    """Another network for an interface. `external` is the name of its access config, empty if it has none.

    `place` is where the external address is now, `given` the address for the new interface.
    """

    placement: Placement
    address: str
    nic: Nic
    external: str = ""
    place: dict[str, str] = {}
    given: ExternalAddress = ExternalAddress()


class UpdateInterface(msgspec.Struct, frozen=True):
    """Either a move or another internal address for an interface; `before` is its present address."""

    machine_id: str
    kind: str
    nic_id: str = ""
    address: str = ""
    before: str = ""
    move: Move | None = None


@serves("compute.instances.updateNetworkInterface")
async def update_network_interface(call: Call) -> dict[str, Any]:
    """A patch, with the interface's fingerprint as on GCE: 400 without one, 412 with an old one."""
    instance, body = await find_instance(call), call.body
    nic = find_nic(instance, call.params["networkInterface"], "networkInterface")
    shown = await show_nic(call, instance, nic)
    if not body.get("fingerprint"):
        raise Problem.required(f"{_FIELD}.fingerprint")
    if body["fingerprint"].rstrip("=") != shown["fingerprint"].rstrip("="):
        text = "Supplied fingerprint does not match current network interface fingerprint."
        raise Problem.condition_not_met(text)
    _check_served(call)
    if body.get("accessConfigs") and _plain(body["accessConfigs"]) != _plain(shown.get("accessConfigs", [])):
        raise Problem.unsupported(f"{_FIELD}.accessConfigs", "use addAccessConfig and deleteAccessConfig.")
    request = UpdateInterface(instance.machine.id, instance.kind)
    if _moves(call, instance, shown):
        request = msgspec.structs.replace(request, move=await _check_move(call, instance, nic, shown))
        return await begin(call, update, instance, request)
    address = body.get("networkIP") or nic.ipaddress
    if address != nic.ipaddress:
        await _check_new_address(call, instance, nic, address)
    request = msgspec.structs.replace(request, nic_id=nic.id, address=address, before=nic.ipaddress)
    return await begin(call, update, instance, request)


def _plain(configs: Sequence[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    """The fields of access configs that can differ."""
    return [(config.get("name"), config.get("natIP")) for config in configs]


def _moves(call: Call, instance: Instance, shown: Mapping[str, Any]) -> bool:
    """Whether the body names another network or subnetwork than the interface has."""
    network, subnetwork = call.body.get("network"), call.body.get("subnetwork")
    if network and placements.network_named(call, network) != last_name(shown["network"]):
        return True
    name = placements.subnetwork_named(call, instance.location, subnetwork or "")
    return bool(subnetwork) and name != last_name(shown.get("subnetwork", ""))


async def _check_new_address(call: Call, instance: Instance, nic: Nic, address: str) -> None:
    field = f"{_FIELD}.networkIP"
    if instance.location.security_groups:
        raise Problem.unsupported(field, "CloudStack chooses addresses in zones with security groups.")
    check_stopped(call, instance, "its internal address is changed")
    if nic.publicip:
        raise Problem.unsupported(field, f"{nic.publicip} leads to it. Delete the access config first.")
    network = await network_of(call, nic)
    await check_internal_address(call, address, field, network.id, network.cidr)


async def _check_move(call: Call, instance: Instance, nic: Nic, shown: Mapping[str, Any]) -> Move:
    """The move to the body's network and subnetwork."""
    if instance.location.security_groups:
        raise Problem.unsupported(f"{_FIELD}.network", "in a zone with security groups there is one guest network.")
    check_stopped(call, instance, "its network is changed")
    placement = await _place(call, instance, [one for one in instance.machine.nic if one.id != nic.id])
    address = call.body.get("networkIP") or ""
    address = "" if address == nic.ipaddress else address
    if address:
        await check_internal_address(call, address, f"{_FIELD}.networkIP", placement.network_id, placement.cidr)
    if not nic.publicip:
        return Move(placement, address, nic)
    given, network = await _address_of(call, nic), await network_of(call, nic)
    if given.address_id and network.place != {"vpcid": placement.vpc_id}:
        why = f"{nic.publicip} is not ephemeral and cannot move to another network. Delete the access config first."
        raise Problem.unsupported(f"{_FIELD}.network", why)
    return Move(placement, address, nic, shown["accessConfigs"][0]["name"], network.place, given)


@work("instances.updateNetworkInterface", UpdateInterface)
async def update(op: Op, request: UpdateInterface) -> None:
    """Move the interface, or give it its other internal address."""
    if request.move:
        await _move(Nested(op, "move"), request.machine_id, request.kind, request.move)
        return
    nic_id, address = request.nic_id, request.address
    if address == request.before:
        return

    def changed(machine: VirtualMachine) -> bool:
        return any((nic.id, nic.ipaddress) == (nic_id, address) for nic in machine.nic)

    probe = reached("listVirtualMachines", VirtualMachine, request.machine_id, changed)
    await op.run("address", "updateVmNicIp", {"nicid": nic_id, "ipaddress": address}, probe=probe)


async def _move(op: Op, machine_id: str, kind: str, move: Move) -> None:
    """Move the interface; if that fails, put everything back."""
    placement = await placement_steps.ensure_backing(op, "network", move.placement)
    old, network_id = move.nic, str(placement.network_id)

    async def give_back(under: str) -> None:
        await give(Nested(op, under), "address", move.place, old.networkid, machine_id, move.given)

    async with rollback(op, "undo") as undos:
        if move.external:
            undos.add("address", "The external address could not be given back", give_back)
            await address_steps.free(op, "address", machine_id)
        new_id = await nics.add(op, "nic", machine_id, network_id, move.address)
        undos.add(
            "nic",
            "The new network interface could not be removed again",
            lambda under: nics.remove(op, under, machine_id, new_id),
        )
        if old.isdefault:
            await nics.make_default(op, "default", machine_id, new_id)
            undos.add(
                "default",
                "The old network interface could not be made the default one again",
                lambda under: nics.make_default(op, under, machine_id, old.id),
            )
        if move.external:
            await give(Nested(op, "give"), "address", placement.place, network_id, machine_id, move.given)
            undos.add(
                "free",
                "The new external address could not be freed again",
                lambda under: address_steps.free(op, under, machine_id),
            )
        await nics.remove(op, "remove", machine_id, old.id)
    if old.isdefault:  # the machine's facts name the network of its first interface
        facts = {"network": placement.network_path, "subnetwork": placement.subnetwork_path or None}
        await op.keep("facts", machine_id, kind, facts)
    if move.external:
        await keep_name(Nested(op, "name"), machine_id, kind, new_id, move.external)
