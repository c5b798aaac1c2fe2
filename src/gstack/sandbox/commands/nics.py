"""NICs of machines: add, remove, make default, list; their secondary addresses."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network

from gstack.sandbox import machines, nics, removal
from gstack.sandbox.errors import CloudStackError, invalid, runtime
from gstack.sandbox.listing import page
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World, new_id

# The parts of a machine that these commands return, as recorded: no template, no offering, no volumes.
DETAILS = frozenset({"nics", "secgrp", "affgrp"})


@command("listNics", virtualmachineid="virtualmachine", nicid="nic", networkid="network")
def list_nics(call: Call) -> Answer:
    machine = call.require_use(call.entity("virtualmachine", "virtualmachineid"))
    rows = [
        row
        for row in nics.of_machine(call.world, machine["id"])
        if call.args.get("nicid", row["id"]) == row["id"]
        and call.args.get("networkid", row["networkid"]) == row["networkid"]
    ]
    return page(call, "nic", rows, _listed)


def _listed(world: World, row: Row) -> Answer:
    shown = {**nics.view(world, row), "virtualmachineid": row["virtualmachineid"]}
    if not shown["secondaryip"]:
        del shown["secondaryip"]
    return shown


@command("addNicToVirtualMachine", virtualmachineid="virtualmachine", networkid="network")
def add_nic(call: Call) -> Job:
    return Job("VirtualMachine", call.args["virtualmachineid"], queue=call.args["virtualmachineid"])


@work("addNicToVirtualMachine")
def added_nic(call: Call) -> Answer:
    world = call.world
    machine, network = call.entity("virtualmachine", "virtualmachineid"), call.entity("network", "networkid")
    _check_state(machine)
    _check_new(world, machine, network)
    nic = nics.allocate(world, network, machine, call.args.get("ipaddress"))
    if call.args.get("macaddress"):
        nic = world.update("nic", nic["id"], macaddress=call.args["macaddress"])
    if machine["state"] == "Running":
        nics.implement(world, network)
        nics.plug(world, nic)
    else:
        nics.unplug(world, nic)
    return _machine(world, machine["id"])


def _check_state(machine: Row) -> None:
    if machine["state"] not in ("Running", "Stopped"):
        raise invalid(
            f"Virtual machine {machine['name']} is in state {machine['state']}: it must be Running or Stopped"
        )


def _check_new(world: World, machine: Row, network: Row) -> None:
    if network["zoneid"] != machine["zoneid"]:
        raise invalid(f"Vm {machine['name']} is in another zone than network {network['name']}")
    if world.one("zone", machine["zoneid"])["networktype"] == "Basic":
        raise runtime("Zone has a NetworkType of Basic. Can't add a new NIC to a VM on a Basic Network")
    if world.find("nic", virtualmachineid=machine["id"], networkid=network["id"]):
        raise runtime(f"A NIC already exists for VM:{machine['name']} in network: {network['id']}")
    if network.get("accountid") not in (None, machine["accountid"]):
        raise CloudStackError(531, f"Unable to use network with id= {network['id']}, permission denied")
    try:
        nics.check_host_name(world, [network], machine["name"], machine["id"])
    except CloudStackError:
        raise runtime(f"Network {network['name']} already has a vm with host name: {machine['name']}") from None


def _machine(world: World, identity: str) -> Answer:
    return {"virtualmachine": machines.view(world, world.one("virtualmachine", identity), DETAILS)}


@command("removeNicFromVirtualMachine", virtualmachineid="virtualmachine")
def remove_nic(call: Call) -> Job:
    return Job(queue=call.args["virtualmachineid"])


@work("removeNicFromVirtualMachine")
def removed_nic(call: Call) -> Answer:
    world = call.world
    machine, nic = _pair(call)
    if nic["isdefault"]:
        raise invalid(f"Unable to remove NIC from {machine['name']} in {nic['networkid']}, NIC is default.")
    if any(
        row.get("associatednetworkid") == nic["networkid"]
        for row in world.find("publicip", virtualmachineid=machine["id"])
    ):
        raise invalid(f"Unable to remove NIC from {machine['name']}, NIC has associated Static NAT rules")
    for rule in world.find("portforwardingrule", virtualmachineid=machine["id"], networkid=nic["networkid"]):
        raise invalid(f"Unable to remove NIC from {machine['name']}, port forwarding rule {rule['id']} uses it")
    nics.free(world, nic)
    return _machine(world, machine["id"])


def _pair(call: Call) -> tuple[Row, Row]:
    """Return the machine and the NIC that a call names; 431 if the NIC is not one of this machine."""
    machine, nic = call.entity("virtualmachine", "virtualmachineid"), call.world.get("nic", call.args["nicid"])
    _check_state(machine)
    if nic is None or nic["virtualmachineid"] != machine["id"]:
        raise invalid(f"Unable to find a nic with id {call.args['nicid']} of virtual machine {machine['name']}")
    return machine, nic


@command("updateDefaultNicForVirtualMachine", virtualmachineid="virtualmachine")
def update_default(call: Call) -> Job:
    return Job(queue=call.args["virtualmachineid"])


@work("updateDefaultNicForVirtualMachine")
def updated_default(call: Call) -> Answer:
    """Make a NIC the default one. As recorded, it swaps device numbers with the old one."""
    machine, nic = _pair(call)
    old = nics.default_of(call.world, machine["id"])
    if nic["isdefault"] or old is None:
        raise runtime("refusing to set default nic because chosen nic is already the default")
    call.world.update("nic", old["id"], isdefault=False, deviceid=nic["deviceid"])
    call.world.update("nic", nic["id"], isdefault=True, deviceid=old["deviceid"])
    return _machine(call.world, machine["id"])


@command("updateVmNicIp")
def update_address(call: Call) -> Job:
    nic = call.entity("nic", "nicid")
    call.require_use(call.world.one("virtualmachine", nic["virtualmachineid"]))
    return Job(queue=nic["virtualmachineid"])


@work("updateVmNicIp")
def updated_address(call: Call) -> Answer:
    nic = call.entity("nic", "nicid")
    machine, network = call.world.one("virtualmachine", nic["virtualmachineid"]), _network(call, nic)
    if machine["state"] != "Stopped":
        raise invalid(f"Virtual machine {machine['name']} is not Stopped")
    call.world.update("nic", nic["id"], ipaddress=_address(call, network))
    return _machine(call.world, machine["id"])


def _network(call: Call, nic: Row) -> Row:
    network = call.world.one("network", nic["networkid"])
    if network["type"] == nics.L2:
        raise invalid("An L2 network has no addresses to give")
    return network


def _address(call: Call, network: Row) -> str:
    """Return the wanted address, or the next free one; 431 if it is outside of the network or taken."""
    wanted = call.args.get("ipaddress")
    if not wanted:
        return nics.next_address(call.world, network)
    try:
        inside = IPv4Address(wanted) in IPv4Network(network["cidr"])
    except AddressValueError:
        raise invalid(f"Invalid IP address {wanted}") from None
    if not inside or not nics.address_is_free(call.world, network, wanted):
        raise invalid(f"Allocating guest ip for nic failed: {wanted} is outside of the network or in use")
    return str(wanted)


@command("addIpToNic")
def add_address(call: Call) -> Job:
    """Give a NIC a secondary address at once; the job only configures it."""
    nic = call.entity("nic", "nicid")
    call.require_use(call.world.one("virtualmachine", nic["virtualmachineid"]))
    try:
        address = _address(call, _network(call, nic))
    except CloudStackError:
        raise runtime("Failed to assign secondary ip to nic") from None  # as recorded, for any reason
    row = {"id": new_id(), "nicid": nic["id"], "networkid": nic["networkid"], "ipaddress": address}
    call.world.put("nicsecondaryip", row)
    return Job("IpAddress", nic["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


@work("addIpToNic")
def added_address(call: Call) -> Answer:
    row = call.world.one("nicsecondaryip", call.facts["id"])
    return {"nicsecondaryip": {field: row[field] for field in ("id", "ipaddress", "nicid", "networkid")}}


@command("removeIpFromNic", id="nicsecondaryip")
def remove_address(call: Call) -> Job:
    nic = call.world.one("nic", call.entity("nicsecondaryip", "id")["nicid"])
    call.require_use(call.world.one("virtualmachine", nic["virtualmachineid"]))
    return Job()


@work("removeIpFromNic")
def removed_address(call: Call) -> Answer:
    row = call.entity("nicsecondaryip", "id")
    if call.world.first("publicip", vmipaddress=row["ipaddress"], associatednetworkid=row["networkid"]):
        raise invalid(f"Can not remove the ip {row['ipaddress']} because it is used for static nat")
    removal.remove(call.world, "nicsecondaryip", row["id"])
    return {"success": True}
