"""Deletions that take other objects along: rules with an address, addresses with a network, tags with everything."""

from __future__ import annotations

from gstack.sandbox.world import Row, World

# Kinds whose rows CloudStack marks as removed; rows of the other kinds are deleted.
REMEMBERED = ("instancegroup", "network", "nic", "project", "template", "virtualmachine", "volume", "vpc")
RULES = ("firewallrule", "portforwardingrule", "loadbalancer")


def remove(world: World, kind: str, identity: str) -> None:
    """Delete an object and its tags. CloudStack still finds the id of a deleted object of most kinds."""
    for tag in world.find("tag", resourceid=identity):
        world.delete("tag", tag["id"])
    world.delete(kind, identity)
    if kind in REMEMBERED:
        world.put("removed", {"id": identity, "kind": kind})


def balancer(world: World, rule: Row) -> None:
    """Delete a load balancer rule with its members, its stickiness policies and the firewall rules made for it."""
    for kind in ("loadbalancermember", "stickinesspolicy"):
        for row in world.find(kind, lbruleid=rule["id"]):
            world.delete(kind, row["id"])
    for certificate in world.find("sslcert", lbruleid=rule["id"]):
        world.update("sslcert", certificate["id"], lbruleid=None)
    opened(world, rule)
    remove(world, "loadbalancer", rule["id"])


def forwarding(world: World, rule: Row) -> None:
    """Delete a port forwarding rule and the firewall rules made for it."""
    opened(world, rule)
    remove(world, "portforwardingrule", rule["id"])


def opened(world: World, rule: Row) -> None:
    """Delete the firewall rules that `openfirewall` made for a rule."""
    for row in world.find("firewallrule", relatedid=rule["id"]):
        remove(world, "firewallrule", row["id"])


def static_nat(world: World, address: Row) -> Row:
    """Remove static NAT and its firewall rules from an address; in a VPC the address leaves the tier too."""
    for rule in world.find("firewallrule", ipaddressid=address["id"]):
        remove(world, "firewallrule", rule["id"])
    network = None if address.get("vpcid") else address.get("associatednetworkid")
    nothing = {"virtualmachineid": None, "vmipaddress": None, "associatednetworkid": network}
    return world.update("publicip", address["id"], isstaticnat=False, **nothing)


def address_rules(world: World, address: Row) -> None:
    for rule in world.find("portforwardingrule", ipaddressid=address["id"]):
        forwarding(world, rule)
    for rule in world.find("loadbalancer", publicipid=address["id"]):
        balancer(world, rule)
    for rule in world.find("firewallrule", ipaddressid=address["id"]):
        remove(world, "firewallrule", rule["id"])


def free_address(world: World, address: Row) -> Row:
    """Make an address Free, without rules, static NAT, tags or owner."""
    address_rules(world, address)
    for tag in world.find("tag", resourceid=address["id"]):
        world.delete("tag", tag["id"])
    fixed = {field: address[field] for field in ("id", "number", "ipaddress", "zoneid")}
    return world.put("publicip", {**fixed, "state": "Free", "issourcenat": False, "isstaticnat": False})


def network(world: World, row: Row) -> None:
    """Delete a network and its rules, and free its addresses; those of a VPC remain with the VPC."""
    for address in world.find("publicip", associatednetworkid=row["id"]):
        if address.get("vpcid"):
            address_rules(world, address)
            static_nat(world, address)
        else:
            free_address(world, address)
    for kind in RULES:
        for rule in world.find(kind, networkid=row["id"]):
            remove(world, kind, rule["id"])
    remove(world, "network", row["id"])


def acl_list(world: World, row: Row) -> None:
    for item in world.find("networkacl", aclid=row["id"]):
        remove(world, "networkacl", item["id"])
    remove(world, "networkacllist", row["id"])


def vpc(world: World, row: Row) -> None:
    """Delete a VPC without tiers, and its addresses, ACL lists and static routes."""
    for address in world.find("publicip", vpcid=row["id"]):
        free_address(world, address)
    for listed in world.find("networkacllist", vpcid=row["id"]):
        acl_list(world, listed)
    for route in world.find("staticroute", vpcid=row["id"]):
        remove(world, "staticroute", route["id"])
    remove(world, "vpc", row["id"])


def machine(world: World, machine_id: str) -> None:
    """Delete what leads to an expunged machine: static NAT, port forwarding, balancer members, schedules."""
    for address in world.find("publicip", virtualmachineid=machine_id):
        static_nat(world, address)
    for rule in world.find("portforwardingrule", virtualmachineid=machine_id):
        forwarding(world, rule)
    leave_balancers(world, machine_id)
    for schedule in world.find("vmschedule", virtualmachineid=machine_id):
        remove(world, "vmschedule", schedule["id"])


def leave_balancers(world: World, machine_id: str) -> None:
    for member in world.find("loadbalancermember", virtualmachineid=machine_id):
        world.delete("loadbalancermember", member["id"])
