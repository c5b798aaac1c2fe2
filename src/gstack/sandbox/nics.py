"""NICs, their addresses and host names, for the commands on machines and networks.

A `nic` row has virtualmachineid, networkid, ipaddress, macaddress, deviceid (int), isdefault. Secondary addresses are
`nicsecondaryip` rows with nicid, networkid and ipaddress. A destroyed machine keeps its NICs, and so its addresses and
its host name, until it is expunged.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any

from gstack.sandbox import views
from gstack.sandbox.errors import CloudStackError, invalid
from gstack.sandbox.world import Row, World, new_id, now

L2 = "L2"
FIRST_HOST = 2  # the first address of a network is its gateway


def of_machine(world: World, machine_id: str) -> list[Row]:
    """Return the NICs of a machine by device number."""
    return sorted(world.find("nic", virtualmachineid=machine_id), key=lambda nic: int(nic["deviceid"]))


def default_of(world: World, machine_id: str) -> Row | None:
    return next((nic for nic in of_machine(world, machine_id) if nic["isdefault"]), None)


def allocate(world: World, network: Row, machine: Row, address: str | None = None) -> Row:
    """Give a machine a NIC on a network; the first one is its default. Raise CloudStack's error for a bad address.

    In a Basic zone CloudStack chooses the address when the machine starts (`plug`).
    """
    others = of_machine(world, machine["id"])
    taken = {int(nic["deviceid"]) for nic in others}
    nic: Row = {
        "id": new_id(),
        "virtualmachineid": machine["id"],
        "networkid": network["id"],
        "deviceid": next(number for number in range(len(taken) + 1) if number not in taken),
        "isdefault": not others,
        "created": now(),
    }
    if address is None and world.one("zone", network["zoneid"])["networktype"] == "Basic":
        return world.put("nic", nic)
    return world.put("nic", nic | _numbers(world, network, address))


def plug(world: World, nic: Row) -> Row:
    """Connect a NIC when its machine starts, and give it its addresses the first time."""
    nic = world.update("nic", nic["id"], released=None)
    if "macaddress" in nic:
        return nic
    return world.update("nic", nic["id"], **_numbers(world, world.one("network", nic["networkid"]), None))


def unplug(world: World, nic: Row) -> Row:
    """Disconnect a NIC when its machine stops: except on shared networks it then has no VLAN."""
    shared = world.one("network", nic["networkid"])["type"] == "Shared"
    return nic if shared else world.update("nic", nic["id"], released=True)


def _numbers(world: World, network: Row, address: str | None) -> Row:
    numbers = {"macaddress": _mac(world, network)}
    if network["type"] != L2:
        numbers["ipaddress"] = _address(world, network, address)
    return numbers


def free(world: World, nic: Row) -> None:
    """Delete a NIC and its secondary addresses."""
    for row in world.find("nicsecondaryip", nicid=nic["id"]):
        world.delete("nicsecondaryip", row["id"])
    world.delete("nic", nic["id"])
    world.put("removed", {"id": nic["id"], "kind": "nic"})


def _address(world: World, network: Row, wanted: str | None) -> str:
    if wanted is None:
        return next_address(world, network)
    if not can_have(world, network, wanted):
        # As recorded: an address outside of the network fails with CloudStack's general text.
        raise CloudStackError(530, "Internal error executing command, please contact your system administrator", 0)
    return wanted


def can_have(world: World, network: Row, address: str) -> bool:
    """Tell whether an address lies in a network and is free there."""
    try:
        inside = IPv4Address(address) in IPv4Network(network["cidr"])
    except AddressValueError:
        return False
    return inside and address_is_free(world, network, address)


def address_is_free(world: World, network: Row, address: str) -> bool:
    """Tell whether nothing on the network has this address."""
    if address == network["gateway"] or world.find("nic", ipaddress=address, networkid=network["id"]):
        return False
    if world.find("loadbalancer", sourceipaddress=address, networkid=network["id"]):
        return False
    return not world.find("nicsecondaryip", ipaddress=address, networkid=network["id"])


def next_address(world: World, network: Row) -> str:
    """Return the next free address after the last one, so that 10,000 machines do not search 10,000 times."""
    cidr = IPv4Network(network["cidr"])
    size = cidr.num_addresses - FIRST_HOST - 1
    for _ in range(size):
        number = world.next_number(f"address-{network['id']}") - 1
        address = str(cidr[FIRST_HOST + number % size])
        if address_is_free(world, network, address):
            return address
    raise CloudStackError(533, f"Insufficient address capacity in network {network['name']}")


def _mac(world: World, network: Row) -> str:
    number = world.next_number("mac")
    parts = (network.get("number", 0) & 0xFFFF).to_bytes(2, "big") + (number & 0xFFFF).to_bytes(2, "big")
    return ":".join(f"{part:02x}" for part in b"\x02" + bytes([number >> 16 & 0xFF]) + parts)


def check_host_name(world: World, networks: list[Row], name: str, machine_id: str | None = None) -> None:
    """Raise 431 if a machine on one of the networks (or another tier of their VPC) has this host name.

    Destroyed machines count until they are expunged; on a shared network those of other accounts count too.
    """
    for network in networks:
        for reached in _name_scope(world, network):
            if _has_name(world, reached, name, machine_id):
                raise invalid(
                    f"The vm with hostName {name} already exists in the network domain: "
                    f"{network.get('networkdomain', '')}; network={network['name']}"
                )


def _name_scope(world: World, network: Row) -> list[Row]:
    vpcid = network.get("vpcid")
    return world.find("network", vpcid=vpcid) if vpcid else [network]


def _has_name(world: World, network: Row, name: str, machine_id: str | None) -> bool:
    same = [row for row in world.find("virtualmachine", hostname=name.lower()) if row["id"] != machine_id]
    return any(world.find("nic", virtualmachineid=row["id"], networkid=network["id"]) for row in same)


def implement(world: World, network: Row) -> None:
    """Bring an isolated network up with its first machine: state Implemented, a VLAN, a source NAT address."""
    if network["type"] == "Shared" or network["state"] == "Implemented":
        return  # a shared network remains in state Setup
    vlan = network.get("vlan") or str(200 + world.next_number("vlan"))
    world.update("network", network["id"], state="Implemented", vlan=vlan)
    if network["type"] == "Isolated" and not network.get("vpcid") and _translates(world, network):
        take_source_nat(world, network["zoneid"], network["accountid"], associatednetworkid=network["id"])


def _translates(world: World, network: Row) -> bool:
    offering = world.one("networkoffering", network["networkofferingid"])
    return any(service["name"] == "SourceNat" for service in offering["service"])


def take_source_nat(world: World, zoneid: str, accountid: str, **where: str) -> Row:
    """Give a network (`associatednetworkid=`) or a VPC (`vpcid=`) its source NAT address, unless it has one."""
    for row in world.find("publicip", **where):
        if row["issourcenat"]:
            return row
    address = world.first("publicip", zoneid=zoneid, state="Free")
    if address is None:
        raise CloudStackError(533, "Unable to get a source NAT address: no public address is free in this zone")
    return world.update(
        "publicip", address["id"], state="Allocated", issourcenat=True, accountid=accountid, allocated=now(), **where
    )


def view(world: World, nic: Row) -> dict[str, Any]:
    """Return a NIC as it is nested in a machine's answer."""
    network = world.one("network", nic["networkid"])
    shown: dict[str, Any] = {"id": nic["id"], "networkid": network["id"], "networkname": network["name"]}
    if "ipaddress" in nic:
        addresses = {"netmask": network["netmask"], "gateway": network["gateway"], "ipaddress": nic["ipaddress"]}
        shown |= addresses
    shown |= _wire(network, nic)
    mac = {"macaddress": nic["macaddress"]} if "macaddress" in nic else {}
    return {
        **shown,
        "traffictype": "Guest",
        "type": network["type"],
        "isdefault": nic["isdefault"],
        **mac,
        "secondaryip": [
            {"id": row["id"], "ipaddress": row["ipaddress"]} for row in world.find("nicsecondaryip", nicid=nic["id"])
        ],
        "extradhcpoption": [],
        "deviceid": str(nic["deviceid"]),
        **views.vpc(world, network),
        **_public(world, nic),
        "enabled": True,
    }


def _wire(network: Row, nic: Row) -> dict[str, str]:
    vlan = network.get("vlan")
    if vlan is None or nic.get("released") or "macaddress" not in nic:
        return {}
    uri = f"vlan://{vlan}"
    return {"broadcasturi": uri} if vlan == "untagged" else {"isolationuri": uri, "broadcasturi": uri}


def _public(world: World, nic: Row) -> dict[str, str]:
    for address in world.find("publicip", virtualmachineid=nic["virtualmachineid"]):
        if address.get("vmipaddress") in (None, nic.get("ipaddress")):
            return {"publicipid": address["id"], "publicip": address["ipaddress"]}
    return {}
