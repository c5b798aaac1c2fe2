"""Port forwarding: ports of a public address lead to a machine."""

from __future__ import annotations

from gstack.sandbox import removal, rule_checks, views
from gstack.sandbox.commands.firewall_rules import EVERYONE, INGRESS, own_address
from gstack.sandbox.errors import invalid
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.world import Row, World


@command("createPortForwardingRule", ipaddressid="publicip", virtualmachineid="virtualmachine", networkid="network")
def create_rule(call: Call) -> Job:
    args, address = call.args, own_address(call, "ipaddressid")
    rule_checks.check_protocol(args["protocol"], ("tcp", "udp"))
    ports = _ports(call)
    rule_checks.check_public_ports(
        call.world, address, ports["publicport"], ports["publicendport"], args["protocol"].lower()
    )
    network = rule_network(call, address)
    row = {
        **ports,
        "protocol": args["protocol"].lower(),
        "ipaddressid": address["id"],
        "networkid": network["id"],
        "accountid": address["accountid"],
        "virtualmachineid": args["virtualmachineid"],
        "vmguestip": _guest_address(call, network),
        "cidrlist": args.get("cidrlist", []),
        "state": "Add",
    }
    row = call.world.put("portforwardingrule", row)
    if args.get("openfirewall", not address.get("vpcid")):
        open_firewall(call.world, row, address, (ports["publicport"], ports["publicendport"]))
    return Job("FirewallRule", row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


def _ports(call: Call) -> Row:
    args = call.args
    row = {
        "privateport": args["privateport"],
        "privateendport": args.get("privateendport", args["privateport"]),
        "publicport": args["publicport"],
        "publicendport": args.get("publicendport", args["publicport"]),
    }
    for port in row.values():
        rule_checks.check_port(port)
    if row["privateport"] > row["privateendport"] or row["publicport"] > row["publicendport"]:
        raise invalid("Start port can't be bigger than end port")
    if row["privateendport"] - row["privateport"] != row["publicendport"] - row["publicport"]:
        raise invalid("Source port and destination port ranges should be of equal sizes.")
    if row["publicport"] < row["publicendport"] and row["privateport"] != row["publicport"]:
        raise invalid("Private port start should be equal to public port start")
    return row


def rule_network(call: Call, address: Row) -> Row:
    """Return the network of a rule on an address; in a VPC it is the named tier."""
    named = call.optional("network", "networkid")
    network = named or call.world.get("network", address.get("associatednetworkid"))
    if network is None:
        raise invalid("Unable to create rule: networkid of the tier is required for an address of a VPC")
    if network.get("vpcid") != address.get("vpcid") or (
        "vpcid" not in address and network["id"] != address["associatednetworkid"]
    ):
        raise invalid(f"Network {network['id']} is not the one of ip address {address['ipaddress']}")
    return network


def _guest_address(call: Call, network: Row) -> str:
    machine = call.entity("virtualmachine", "virtualmachineid")
    nic = call.world.first("nic", virtualmachineid=machine["id"], networkid=network["id"])
    if nic is None or machine["state"] in ("Destroyed", "Error"):
        raise invalid(f"Unable to create rule: vm {machine['id']} is not in network {network['id']}, or destroyed")
    wanted: str = call.args.get("vmguestip") or nic["ipaddress"]
    if wanted != nic["ipaddress"] and call.world.first("nicsecondaryip", ipaddress=wanted, nicid=nic["id"]) is None:
        raise invalid(f"Vm guest ip {wanted} is not an address of the virtual machine's nic")
    return wanted


def open_firewall(world: World, rule: Row, address: Row, ports: tuple[int, int]) -> None:
    """Open the ports of a new rule to everybody; raise 537 if a firewall rule covers them."""
    row = {
        "ipaddressid": address["id"],
        "networkid": rule["networkid"],
        "accountid": rule["accountid"],
        "protocol": rule.get("protocol", "tcp"),
        "startport": ports[0],
        "endport": ports[1],
        "cidrlist": [EVERYONE],
        "destcidrlist": [],
        "traffictype": INGRESS,
        "relatedid": rule["id"],
        "state": "Active",
    }
    rule_checks.check_conflict(world, row)
    world.put("firewallrule", row)


@work("createPortForwardingRule")
def created_rule(call: Call) -> Answer:
    row = call.world.update("portforwardingrule", call.facts["id"], state="Active")
    return {"portforwardingrule": to_rule(call.world, row)}


@failure("createPortForwardingRule")
def not_created(call: Call) -> None:
    row = call.world.get("portforwardingrule", call.facts["id"])
    if row:
        removal.forwarding(call.world, row)


@command("listPortForwardingRules", id="portforwardingrule", ipaddressid="publicip", networkid="network")
def list_rules(call: Call) -> Answer:
    rows = reversed(call.own_rows("portforwardingrule"))
    return page(call, "portforwardingrule", chosen(call, rows, "ipaddressid", "networkid"), to_rule)


def to_rule(world: World, row: Row) -> Answer:
    machine, network = world.one("virtualmachine", row["virtualmachineid"]), world.one("network", row["networkid"])
    shown: Answer = {"id": row["id"], **{name: str(row[name]) for name in ("privateport", "privateendport")}}
    shown |= {"protocol": row["protocol"], **{name: str(row[name]) for name in ("publicport", "publicendport")}}
    return {
        **shown,
        "virtualmachineid": machine["id"],
        "virtualmachinename": machine["name"],
        "virtualmachinedisplayname": machine.get("displayname", machine["name"]),
        "ipaddressid": row["ipaddressid"],
        "ipaddress": world.one("publicip", row["ipaddressid"])["ipaddress"],
        "state": row["state"],
        "cidrlist": ",".join(row["cidrlist"]),
        "tags": views.short_tags(world, row["id"]),
        "vmguestip": row["vmguestip"],
        "networkid": network["id"],
        "networkname": network["name"],
    }


@command("updatePortForwardingRule", virtualmachineid="virtualmachine")
def update_rule(call: Call) -> Job:
    return Job("FirewallRule", call.args["id"])


@work("updatePortForwardingRule")
def updated_rule(call: Call) -> Answer:
    row, args = call.entity("portforwardingrule", "id"), call.args
    given: Row = {name: args[name] for name in ("privateport", "privateendport", "cidrlist") if name in args}
    if "privateport" in given:
        given.setdefault("privateendport", given["privateport"] + row["privateendport"] - row["privateport"])
    if "virtualmachineid" in args:
        network = call.world.one("network", row["networkid"])
        given |= {"virtualmachineid": args["virtualmachineid"], "vmguestip": _guest_address(call, network)}
    return {"portforwardingrule": to_rule(call.world, call.world.update("portforwardingrule", row["id"], **given))}


@command("deletePortForwardingRule", id="portforwardingrule")
def delete_rule(_call: Call) -> Job:
    return Job()


@work("deletePortForwardingRule")
def deleted_rule(call: Call) -> Answer:
    removal.forwarding(call.world, call.entity("portforwardingrule", "id"))
    return {"success": True}
