"""instances.addAccessConfig, deleteAccessConfig and updateAccessConfig <-> static NAT to an interface.

Without `natIP` the interface gets an ephemeral address, which is freed when the access config is deleted. `natIP` may
name an address that the account owns: a reserved one, or one in the interface's own VPC or network. The account keeps
it. Once a reserved address is associated with a network, it stays with that network: CloudStack cannot reserve it
again. In zones with security groups the guest address is also the external address. An access config only shows it, and
cannot be deleted. CloudStack gives a machine one static NAT.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Probe, work
from gstack.operations.recipes import reached
from gstack.resources.compute.instances.target import (
    Instance,
    begin,
    check_settled,
    find_instance,
    find_nic,
    show_nic,
)
from gstack.resources.inventory.addresses import RESERVED, PublicAddress
from gstack.resources.inventory.machines import Nic
from gstack.resources.inventory.networks import GuestNetwork
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused
from gstack.resources.shared.instance_properties import EXTERNAL_NAME
from gstack.resources.steps import addresses as address_steps

REFUSED = {name: why for name, why in refused.ACCESS.items() if name != "natIP"}
_NO_NAT = "CloudStack has no static NAT in this network: the internal address is the only one."
_GUEST = "in this zone the guest address is also the external address, and CloudStack cannot give another"


class ExternalAddress(msgspec.Struct, frozen=True):
    """An external address for an interface: an address of the account, or an ephemeral one if `address_id` is empty.

    `reserved` is the address itself if it is in no network yet: it must be associated with the network first.
    """

    address_id: str = ""
    reserved: str = ""


async def network_of(call: Call, nic: Nic) -> GuestNetwork:
    """The CloudStack network of an interface."""
    found = await call.cloudstack.list_all("listNetworks", GuestNetwork, {"id": nic.networkid})
    return next(iter(found), GuestNetwork(nic.networkid))


async def find_address(
    call: Call, location: Location, place: Mapping[str, str], address: str, field: str
) -> tuple[ExternalAddress, str]:
    """The account's address that `natIP` names, and the path to lock; 400 on `field` if it cannot be used.

    `place` is where the interface's network is (Placement.place), empty while the network does not exist. CloudStack
    lists reserved addresses separately from the others.
    """
    narrowed = {"ipaddress": address, "zoneid": location.id}
    found = None
    for state in ({}, {"state": RESERVED, "allocatedonly": False}):
        listed = await call.cloudstack.list_all("listPublicIpAddresses", PublicAddress, {**narrowed, **state})
        found = next((one for one in listed if one.ipaddress == address), None)
        if found:
            break
    if found is None:
        why = f"The specified external IP address '{address}' was not found in region '{location.region}'."
        raise Problem.invalid(field, f"'{address}'. {why}")
    if not found.idle or found.hasrules:
        raise Problem.invalid(field, f"'{address}'. External IP address: {address} is already in-use.")
    reserved = found.state == RESERVED
    if not reserved and place not in found.places:
        why = f"CloudStack has {address} in another network and cannot move it. Leave natIP out to get another address."
        raise Problem.unsupported(field, why)
    path = f"regions/{location.region}/addresses/{address}"
    return ExternalAddress(found.id, address if reserved else ""), path


class AddAccess(msgspec.Struct, frozen=True):
    """The access config for an interface. Without a `place` nothing is sent: the guest address is the external one."""

    machine_id: str
    kind: str
    nic_id: str
    external: str  # name of the access config
    place: dict[str, str] = {}
    network_id: str = ""
    address: ExternalAddress = ExternalAddress()


@serves("compute.instances.addAccessConfig")
async def add_access_config(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_settled(call, instance)
    refused.refuse(call.body, REFUSED, "accessConfig")
    nic = find_nic(instance, call.params["networkInterface"], "networkInterface")
    if (await show_nic(call, instance, nic)).get("accessConfigs"):
        raise Problem.invalid("accessConfig", "At most one access config currently supported.")
    name, nat_ip = call.body.get("name") or EXTERNAL_NAME, call.body.get("natIP", "")
    request = AddAccess(instance.machine.id, instance.kind, nic.id, name)
    if instance.location.security_groups:
        if nat_ip not in {"", nic.ipaddress}:
            raise Problem.unsupported("accessConfig.natIP", f"{_GUEST}.")
        return await begin(call, add, instance, request)
    network = await network_of(call, nic)
    if not network.place:
        raise Problem.unsupported("accessConfig", _NO_NAT)
    check_only(instance, "accessConfig")
    address, locks = ExternalAddress(), tuple[str, ...]()
    if nat_ip:
        address, path = await find_address(call, instance.location, network.place, nat_ip, "accessConfig.natIP")
        locks = (path,)
    request = msgspec.structs.replace(request, place=network.place, network_id=network.id, address=address)
    return await begin(call, add, instance, request, locks)


def check_only(instance: Instance, field: str) -> None:
    """400 if an interface of the machine already has an external address."""
    if other := next((one.publicip for one in instance.machine.nic if one.publicip), ""):
        why = f"CloudStack gives a machine one external address, and it has {other} on another interface."
        raise Problem.unsupported(field, why)


@work("instances.addAccessConfig", AddAccess)
async def add(op: Op, request: AddAccess) -> None:
    """Give the interface its address, and keep the name of the access config."""
    if request.place:
        await give(op, "address", request.place, request.network_id, request.machine_id, request.address)
    await keep_name(op, request.machine_id, request.kind, request.nic_id, request.external)


async def give(
    op: Op, step: str, place: Mapping[str, str], network_id: str, machine_id: str, address: ExternalAddress
) -> None:
    """Give the machine an external address, on its interface in this network, which is at `place`."""
    if not address.address_id:
        await address_steps.give(op, step, place, network_id, machine_id)
        return
    if address.reserved:
        parameters = {"ipaddress": address.reserved, **place}
        probe = _is_at(address.address_id, place)
        await op.run(f"{step}-bring", "associateIpAddress", parameters, probe=probe)
    await address_steps.use(op, f"{step}-nat", address.address_id, network_id, machine_id)


def _is_at(address_id: str, place: Mapping[str, str]) -> Probe:
    def brought(one: PublicAddress) -> bool:
        return place in one.places

    return reached("listPublicIpAddresses", PublicAddress, address_id, brought)


class DeleteAccess(msgspec.Struct, frozen=True):
    """The access config of an interface to delete."""

    machine_id: str
    kind: str
    nic_id: str


@serves("compute.instances.deleteAccessConfig")
async def delete_access_config(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_settled(call, instance)
    nic = find_nic(instance, call.params["networkInterface"], "networkInterface")
    await _find_config(call, instance, nic, call.params["accessConfig"])
    if instance.location.security_groups:
        raise Problem.unsupported("accessConfig", f"{_GUEST}. Use firewalls to block traffic.")
    return await begin(call, delete, instance, DeleteAccess(instance.machine.id, instance.kind, nic.id))


@work("instances.deleteAccessConfig", DeleteAccess)
async def delete(op: Op, request: DeleteAccess) -> None:
    """Take the machine's only external address away, and free it if it is ephemeral."""
    await address_steps.free(op, "address", request.machine_id)
    await keep_name(op, request.machine_id, request.kind, request.nic_id, "")


@serves("compute.instances.updateAccessConfig")
async def update_access_config(call: Call) -> dict[str, Any]:
    """A patch. No field of an access config can change here, so only a patch that changes nothing succeeds."""
    instance = await find_instance(call)
    refused.refuse(call.body, REFUSED, "accessConfig")
    nic = find_nic(instance, call.params["networkInterface"], "networkInterface")
    config = await _find_config(call, instance, nic, call.body.get("name"))
    if call.body.get("natIP", config["natIP"]) != config["natIP"]:
        why = "the address of an access config cannot change. Delete the access config and add another."
        raise Problem.unsupported("accessConfig.natIP", why)
    return await call.start(leave, instance.target)


@work("instances.updateAccessConfig")
async def leave(op: Op) -> None:
    """Leave the access config as it is. As on GCE, this is an operation too."""


async def _find_config(call: Call, instance: Instance, nic: Nic, name: str | None) -> Mapping[str, Any]:
    """The access config of the interface; 400 if it has none of this name (None: any name)."""
    for config in (await show_nic(call, instance, nic)).get("accessConfigs", []):
        if name in {None, config["name"]}:
            found: Mapping[str, Any] = config
            return found
    raise Problem.invalid("accessConfig", f"'{name or ''}'. The network interface has no access config of this name.")


async def keep_name(op: Op, machine_id: str, kind: str, nic_id: str, name: str) -> None:
    """Keep the name of an interface's access config; an empty one says that it has none."""

    async def joined() -> dict[str, str]:
        before = (await op.sidecar.facts([machine_id])).get(machine_id, {}).get("externals", {})
        return {**before, nic_id: name}

    await op.keep("facts", machine_id, kind, {"externals": await op.decide("names", joined)})
