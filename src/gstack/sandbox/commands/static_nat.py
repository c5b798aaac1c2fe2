"""Static NAT: a public address leads to one machine."""

from __future__ import annotations

from gstack.sandbox import removal
from gstack.sandbox.errors import conflict, denied, invalid
from gstack.sandbox.registry import Answer, Call, Job, command, work
from gstack.sandbox.world import Row, World


@command("enableStaticNat", ipaddressid="publicip", virtualmachineid="virtualmachine", networkid="network")
def enable(call: Call) -> Answer:
    """Give a machine an address at once. In a VPC `networkid` names the tier."""
    world = call.world
    address, machine = call.entity("publicip", "ipaddressid"), call.entity("virtualmachine", "virtualmachineid")
    _check_address(call, address)
    network = _network(call, address)
    nic = world.first("nic", virtualmachineid=machine["id"], networkid=network["id"])
    if nic is None:
        raise invalid(f"Vm doesn't belong to network id={network['id']}")
    if machine["state"] == "Destroyed":
        raise invalid(f"Unable to enable static NAT for virtual machine {machine['name']} in state Destroyed")
    _check_free(world, address, machine, network)
    guest = _guest_address(world, nic, call.args.get("vmguestip"))
    target = {"virtualmachineid": machine["id"], "vmipaddress": guest, "associatednetworkid": network["id"]}
    world.update("publicip", address["id"], isstaticnat=True, **target)
    return {"success": True}


def _check_address(call: Call, address: Row) -> None:
    if address.get("accountid") not in call.accounts():
        raise denied()
    if address["state"] != "Allocated":
        raise invalid(f"Unable to enable static NAT: ip address {address['ipaddress']} is not associated")
    if address["issourcenat"]:
        raise invalid("Can't enable static, ip address is a sourceNat ip address")


def _network(call: Call, address: Row) -> Row:
    named = call.optional("network", "networkid")
    associated = call.world.get("network", address.get("associatednetworkid"))
    if associated is None and named is None:
        raise invalid(
            f"Unable to enable static NAT for the ipAddress id={address['number']} as IP is not associated with any "
            "Network and no networkId is passed in"
        )
    network = named or associated
    if network is None or network.get("vpcid") != address.get("vpcid"):
        raise invalid("Network of the address and network of the machine are not in the same VPC")
    if "vpcid" not in address and associated is not None and network["id"] != associated["id"]:
        raise invalid(f"Ip address is associated with network {associated['id']}, not {network['id']}")
    return network


def _check_free(world: World, address: Row, machine: Row, network: Row) -> None:
    """Raise 537 if another machine has the address, or the machine has another address on this network."""
    if address.get("virtualmachineid") not in (None, machine["id"]):
        shown = f'{{"address":"{address["ipaddress"]}","id":{address["number"]},"uuid":"{address["id"]}"}}'
        raise conflict(
            f"Failed to enable static for the ip address IPAddress {shown} and vm id={machine['number']} as it's "
            "already assigned to another vm"
        )
    if address["isstaticnat"] and not address.get("vpcid"):
        raise invalid(
            f"Failed to enable static nat on the  ip {address['ipaddress']} with Id {address['id']} as the vm "
            f"{machine['name']} with Id {machine['id']} is already associated with another public ip"
        )
    for other in world.find("publicip", virtualmachineid=machine["id"]):
        if other["id"] != address["id"] and other.get("associatednetworkid") == network["id"]:
            raise conflict(
                f"Failed to enable static nat for the ip address {address['ipaddress']} as vm {machine['name']} is "
                f"already associated with the ip address {other['ipaddress']}"
            )
    if _used(world, address):
        raise conflict(f"Failed to enable static nat: rules exist on ip address {address['ipaddress']}")


def _used(world: World, address: Row) -> bool:
    return bool(
        world.find("portforwardingrule", ipaddressid=address["id"])
        or world.find("loadbalancer", publicipid=address["id"])
    )


def _guest_address(world: World, nic: Row, wanted: str | None) -> str:
    first: str = nic["ipaddress"]
    if wanted is None or wanted == first:
        return first
    if world.first("nicsecondaryip", ipaddress=wanted, nicid=nic["id"]) is None:
        raise invalid(f"Vm guest ip {wanted} is not an address of the virtual machine's nic")
    return wanted


@command("disableStaticNat", ipaddressid="publicip")
def disable(call: Call) -> Job:
    if call.entity("publicip", "ipaddressid").get("accountid") not in call.accounts():
        raise denied()
    return Job()


@work("disableStaticNat")
def disabled(call: Call) -> Answer:
    address = call.entity("publicip", "ipaddressid")
    if not address["isstaticnat"]:
        raise invalid("Specified IP address id is not associated with any vm Id")
    removal.static_nat(call.world, address)
    return {"success": True}
