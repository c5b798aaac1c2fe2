"""Firewall rules: on public addresses of isolated networks (ingress), and on those networks (egress)."""

from __future__ import annotations

from gstack.sandbox import removal, subnets, views
from gstack.sandbox.commands.networks import own_network
from gstack.sandbox.errors import denied, invalid, parameter_error
from gstack.sandbox.listing import chosen, page
from gstack.sandbox.registry import Answer, Call, Job, command, failure, work
from gstack.sandbox.rule_checks import check_conflict, check_ports, check_protocol
from gstack.sandbox.world import Row, World

INGRESS, EGRESS = "Ingress", "Egress"
EVERYONE = "0.0.0.0/0"
_ICMP = ("icmptype", "icmpcode")


@command("createFirewallRule", ipaddressid="publicip")
def create_rule(call: Call) -> Job:
    address = own_address(call, "ipaddressid")
    check_protocol(call.args["protocol"], ("tcp", "udp", "icmp"))
    network = _network(call.world, address)
    cidrs = _cidrs(call, "cidrlist") or [EVERYONE]
    place = {"ipaddressid": address["id"], "networkid": network["id"], "traffictype": INGRESS}
    return _create(call, {**place, "cidrlist": cidrs, "destcidrlist": [], "accountid": address["accountid"]})


def own_address(call: Call, parameter: str) -> Row:
    """Return the named address if the caller has it and it is associated."""
    address = call.entity("publicip", parameter)
    if address.get("accountid") not in call.accounts():
        raise denied()
    if address["state"] not in ("Allocated", "Allocating"):
        raise invalid(f"Unable to create rule: ip {address['ipaddress']} is not associated with any network")
    return address


def _network(world: World, address: Row) -> Row:
    network = world.get("network", address.get("associatednetworkid"))
    if network is None or address.get("vpcid"):
        raise invalid("Unable to create firewall rule for the ip address: firewall rules are not supported in a VPC")
    return network


def _cidrs(call: Call, name: str) -> list[str]:
    for cidr in call.args.get(name, []):
        if subnets.parse(cidr) is None:
            raise parameter_error(f"Source CIDRs formatting error {cidr}")
    return list(call.args.get(name, []))


def _create(call: Call, row: Row) -> Job:
    protocol = call.args["protocol"].lower()
    row = {**row, "protocol": protocol, **check_ports(call.args, protocol), "state": "Add"}
    check_conflict(call.world, row)
    row = call.world.put("firewallrule", row)
    return Job("FirewallRule", row["id"], answer={"id": row["id"]}, facts={"id": row["id"]})


@command("createEgressFirewallRule", networkid="network")
def create_egress_rule(call: Call) -> Job:
    network = own_network(call, "networkid")
    if network.get("vpcid") or network["type"] != "Isolated":
        raise invalid("Egress firewall rules are supported only on isolated networks outside of VPCs")
    check_protocol(call.args["protocol"], ("tcp", "udp", "icmp", "all"))
    cidrs = _cidrs(call, "cidrlist") or [network["cidr"]]
    for cidr in cidrs:
        _check_inside(network, cidr)
    place = {"networkid": network["id"], "traffictype": EGRESS, "accountid": network["accountid"]}
    return _create(call, {**place, "cidrlist": cidrs, "destcidrlist": _cidrs(call, "destcidrlist")})


def _check_inside(network: Row, cidr: str) -> None:
    inner, whole = subnets.parse(cidr), subnets.parse(network["cidr"])
    if inner is None or whole is None or not inner.subnet_of(whole):
        raise parameter_error(f"{cidr} is not within the guest CIDR {network['cidr']} of network {network['name']}")


@work("createFirewallRule", "createEgressFirewallRule")
def created_rule(call: Call) -> Answer:
    row = call.world.update("firewallrule", call.facts["id"], state="Active")
    return {"firewallrule": to_rule(call.world, row)}


@failure("createFirewallRule", "createEgressFirewallRule")
def not_created(call: Call) -> None:
    call.world.delete("firewallrule", call.facts["id"])


@command("listFirewallRules", id="firewallrule", ipaddressid="publicip", networkid="network")
def list_rules(call: Call) -> Answer:
    return _listed(call, INGRESS)


@command("listEgressFirewallRules", id="firewallrule", ipaddressid="publicip", networkid="network")
def list_egress_rules(call: Call) -> Answer:
    return _listed(call, EGRESS)


def _listed(call: Call, direction: str) -> Answer:
    rows = [row for row in call.own_rows("firewallrule") if row["traffictype"] == direction]
    return page(call, "firewallrule", chosen(call, reversed(rows), "ipaddressid", "networkid"), to_rule)


def to_rule(world: World, row: Row) -> Answer:
    shown: Answer = {"id": row["id"], "protocol": row["protocol"]}
    shown |= {field: row[field] for field in ("startport", "endport") if field in row}
    address = world.get("publicip", row.get("ipaddressid"))
    shown |= {"ipaddressid": address["id"]} if address else {}
    shown["networkid"] = row["networkid"]
    shown |= {"ipaddress": address["ipaddress"]} if address else {}
    shown |= {"state": row["state"], "cidrlist": ",".join(row["cidrlist"])}
    shown |= {field: row[field] for field in _ICMP if field in row}
    shown |= {"tags": views.short_tags(world, row["id"]), "destcidrlist": ",".join(row["destcidrlist"])}
    return {**shown, "traffictype": row["traffictype"]}


@command("updateFirewallRule", id="firewallrule")
@command("updateEgressFirewallRule", id="firewallrule")
@command("deleteFirewallRule", id="firewallrule")
@command("deleteEgressFirewallRule", id="firewallrule")
def change_rule(_call: Call) -> Job:
    return Job()


@work("updateFirewallRule", "updateEgressFirewallRule")
def updated_rule(call: Call) -> Answer:
    """Return the rule: an ordinary user cannot change anything in it."""
    return {"firewallrule": to_rule(call.world, call.entity("firewallrule", "id"))}


@work("deleteFirewallRule", "deleteEgressFirewallRule")
def deleted_rule(call: Call) -> Answer:
    removal.remove(call.world, "firewallrule", call.args["id"])
    return {"success": True}
