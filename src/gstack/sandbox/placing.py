"""Where a machine goes: its networks and security groups, and what happens when it starts."""

from __future__ import annotations

from gstack.sandbox import machines, nics, volumes
from gstack.sandbox.errors import CloudStackError, denied, invalid, missing_entity
from gstack.sandbox.registry import Call
from gstack.sandbox.world import Row, World, new_id, now

Place = tuple[Row, str | None]  # a network and the address wanted on it
DEFAULT_OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"


def networks(call: Call) -> list[Place]:
    """Return the networks of a deployment, the default one first."""
    zone = call.entity("zone", "zoneid")
    given = _given(call)
    if zone["networktype"] == "Basic":
        if given:
            raise invalid("Can't specify network Ids in Basic zone")
        return [(call.world.find("network", zoneid=zone["id"], type="Shared")[0], call.args.get("ipaddress"))]
    if not given:
        return [(_implied(call, zone), call.args.get("ipaddress"))]
    for network, _ in given:
        _check_network(call, zone, network)
    return given


def _given(call: Call) -> list[Place]:
    mapped = [_mapped(call, entry) for entry in call.args.get("iptonetworklist", [])]
    if mapped and call.args.get("networkids"):
        raise invalid("ipToNetworkMap can't be specified along with networkIds or ipAddress")
    if mapped:
        return mapped
    first = call.args.get("ipaddress")
    rows = [call.world.one("network", identity) for identity in call.args.get("networkids", [])]
    return [(row, first if number == 0 else None) for number, row in enumerate(rows)]


def _mapped(call: Call, entry: dict[str, str]) -> Place:
    network = call.world.get("network", entry.get("networkid"))
    if network is None:
        raise missing_entity(call.name, "networkid", entry.get("networkid", ""))
    return network, entry.get("ip")


def _check_network(call: Call, zone: Row, network: Row) -> None:
    if network.get("accountid") not in (None, call.owner["id"]):
        raise denied(f"Unable to use network with id= {network['id']}, permission denied")
    if network["zoneid"] != zone["id"]:
        raise invalid(f"Network id={network['id']} doesn't belong to zone {zone['id']}")


def _implied(call: Call, zone: Row) -> Row:
    """Return the network of a deployment that names none: the only one there is, or a new one."""
    if zone["securitygroupsenabled"]:
        return call.world.find("network", zoneid=zone["id"], type="Shared")[0]
    own = [
        row
        for row in call.world.find("network", accountid=call.owner["id"], zoneid=zone["id"])
        if row["type"] == "Isolated" and not row.get("vpcid")
    ]
    if len(own) > 1:
        name = call.owner["name"]
        raise invalid(f"More than 1 default Isolated networks are found for account {name}; please specify networkIds")
    return own[0] if own else _default_network(call, zone)


def _default_network(call: Call, zone: Row) -> Row:
    name = f"{call.owner['name']}-network"
    row = isolated_network(call.world, zone, call.owner, name)
    return call.world.put("network", row)


def isolated_network(world: World, zone: Row, owner: Row, name: str) -> Row:
    """Return the row of an isolated network with source NAT, as CloudStack makes it when none is named."""
    number = world.next_number("network")
    return {
        "id": new_id(),
        "number": number,
        "name": name,
        "displaytext": name,
        "type": "Isolated",
        "zoneid": zone["id"],
        "accountid": owner["id"],
        "networkofferingid": world.find("networkoffering", name=DEFAULT_OFFERING)[0]["id"],
        "gateway": "10.1.1.1",
        "netmask": "255.255.255.0",
        "cidr": "10.1.1.0/24",
        "broadcastdomaintype": "Vlan",
        "state": "Allocated",
        "acltype": "Account",
        "networkdomain": f"cs{number}cloud.internal",
        "dns1": "8.8.8.8",
        "created": now(),
    }


def security_groups(call: Call) -> list[str]:
    """Return the security groups that a new machine joins: the named ones, else the owner's `default`."""
    zone = call.entity("zone", "zoneid")
    named = named_groups(call)
    if not zone["securitygroupsenabled"]:
        if named:
            raise invalid("Can't create vm with security groups; security group feature is not enabled per zone")
        return []
    return named or [call.world.find("securitygroup", accountid=call.owner["id"], name="default")[0]["id"]]


def named_groups(call: Call) -> list[str]:
    """Return the ids in `securitygroupids` or behind `securitygroupnames`."""
    ids = list(call.args.get("securitygroupids", []))
    names = call.args.get("securitygroupnames", [])
    if ids and names:
        raise invalid("securitygroupids parameter is mutually exclusive with securitygroupnames parameter")
    for name in names:
        row = call.world.first("securitygroup", accountid=call.owner["id"], name=name)
        if row is None:
            raise invalid(f"Unable to find group by name {name}")
        ids.append(row["id"])
    return list(dict.fromkeys(ids))


def start(world: World, row: Row) -> Row:
    """Bring a machine up: its networks, its addresses, its volumes."""
    for nic in nics.of_machine(world, row["id"]):
        nics.implement(world, world.one("network", nic["networkid"]))
        nics.plug(world, nic)
    for volume in machines.volumes_of(world, row["id"]):
        world.update("volume", volume["id"], state="Ready")
    _require_root(world, row)
    details = {name: value for name, value in row["details"].items() if name != "deployvm"}
    world.update("virtualmachine", row["id"], details=details, started=True)
    return machines.set_state(world, row, "Running")


def stop(world: World, row: Row) -> None:
    """Take a machine off its isolated networks; it keeps its addresses."""
    for nic in nics.of_machine(world, row["id"]):
        nics.unplug(world, nic)


def _require_root(world: World, row: Row) -> None:
    if not any(volume["type"] == volumes.ROOT for volume in machines.volumes_of(world, row["id"])):
        raise CloudStackError(
            530, f"Unable to start VM {row['name']}: it has no root volume. Attach it with deviceid=0."
        )
