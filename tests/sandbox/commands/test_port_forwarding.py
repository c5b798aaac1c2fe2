"""Port forwarding in the sandbox."""

from __future__ import annotations

from typing import Any

from fixtures.networking import machine, network, tier, vpc


def _place(client: Any, name: str, second: int) -> tuple[str, dict[str, str]]:
    """Return an address, and what a rule from its port 2222 to port 22 of a new machine is made of."""
    net = network(client, name, gateway=f"10.{second}.0.1", netmask="255.255.255.0")
    target = machine(client, name, networkids=net["id"])["id"]
    address = client.ok("associateIpAddress", networkid=net["id"])["ipaddress"]["id"]
    rule = {"ipaddressid": address, "virtualmachineid": target, "publicport": "2222", "privateport": "22"}
    return address, rule


def test_rule_opens_the_firewall_and_closes_it(demo: Any) -> None:
    """A rule leads to the machine's address; the firewall rule made with it goes with it."""
    address, sent = _place(demo, "forwarded", 130)
    rule = demo.ok("createPortForwardingRule", protocol="tcp", **sent)["portforwardingrule"]
    assert (rule["publicport"], rule["privateendport"], rule["virtualmachinename"]) == ("2222", "22", "forwarded")
    opened = demo.ok("listFirewallRules", ipaddressid=address)["firewallrule"]
    assert [(row["startport"], row["endport"], row["cidrlist"]) for row in opened] == [(2222, 2222, "0.0.0.0/0")]
    assert demo.ok("listPublicIpAddresses", id=address)["publicipaddress"][0]["hasrules"]
    assert demo.ok("listPortForwardingRules", ipaddressid=address)["count"] == 1
    assert demo.ok("deletePortForwardingRule", id=rule["id"]) == {"success": True}
    assert demo.ok("listFirewallRules", ipaddressid=address) == {}


def test_port_is_used_once(demo: Any) -> None:
    """The same public port for the same protocol is a conflict; for the other protocol it is not."""
    _, sent = _place(demo, "once", 131)
    demo.ok("createPortForwardingRule", protocol="tcp", **sent)
    assert demo.failure("createPortForwardingRule", protocol="tcp", **sent)[0] == 537
    demo.ok("createPortForwardingRule", protocol="udp", **sent)


def test_static_nat_excludes_forwarding(demo: Any) -> None:
    """An address is for static NAT or for rules, never for both (537)."""
    address, sent = _place(demo, "either", 132)
    demo.ok("enableStaticNat", ipaddressid=address, virtualmachineid=sent["virtualmachineid"])
    assert demo.failure("createPortForwardingRule", protocol="tcp", **sent)[0] == 537
    demo.ok("disableStaticNat", ipaddressid=address)
    demo.ok("createPortForwardingRule", protocol="tcp", **sent)
    assert demo.failure("enableStaticNat", ipaddressid=address, virtualmachineid=sent["virtualmachineid"])[0] == 537


def test_bad_rules_are_refused(demo: Any, other: Any) -> None:
    """Unequal ranges, other protocols, machines elsewhere and other people's addresses are refused."""
    _, sent = _place(demo, "bad", 133)
    assert demo.failure("createPortForwardingRule", protocol="icmp", **sent)[0] == 431
    assert demo.failure("createPortForwardingRule", protocol="tcp", publicendport=2230, **sent)[0] == 431
    _, elsewhere = _place(demo, "elsewhere", 134)
    crossed = {**sent, "virtualmachineid": elsewhere["virtualmachineid"]}
    assert demo.failure("createPortForwardingRule", protocol="tcp", **crossed)[0] == 431
    assert other.failure("createPortForwardingRule", protocol="tcp", **sent)[0] == 531


def test_vpc_rule_names_its_tier(demo: Any) -> None:
    """In a VPC the tier is needed, and no firewall rule is made."""
    parent = vpc(demo)["id"]
    inner = tier(demo, parent)["id"]
    target = machine(demo, "in-tier", networkids=inner)["id"]
    address = demo.ok("associateIpAddress", vpcid=parent)["ipaddress"]["id"]
    sent = {"ipaddressid": address, "virtualmachineid": target, "publicport": 80, "privateport": 80, "protocol": "tcp"}
    assert demo.failure("createPortForwardingRule", **sent)[0] == 431
    assert demo.ok("createPortForwardingRule", networkid=inner, **sent)["portforwardingrule"]["networkid"] == inner
    assert demo.ok("listFirewallRules", ipaddressid=address) == {}


def test_rule_is_updated(demo: Any) -> None:
    """The command updatePortForwardingRule changes the private port."""
    _, sent = _place(demo, "updated", 135)
    rule = demo.ok("createPortForwardingRule", protocol="tcp", **sent)["portforwardingrule"]["id"]
    changed = demo.ok("updatePortForwardingRule", id=rule, privateport=2022)["portforwardingrule"]
    assert (changed["privateport"], changed["privateendport"]) == ("2022", "2022")


def test_ranges_keep_their_ports(demo: Any) -> None:
    """A range of ports leads to the same ports of the machine; other ports are 431."""
    net = network(demo, "ranges", gateway="10.171.0.1", netmask="255.255.255.0")["id"]
    target = machine(demo, "ranged", networkids=net)["id"]
    address = demo.ok("associateIpAddress", networkid=net)["ipaddress"]["id"]
    sent = {"ipaddressid": address, "protocol": "tcp", "virtualmachineid": target, "publicport": 8080}
    ports = {"publicendport": 8081, "privateport": 80, "privateendport": 81}
    assert demo.failure("createPortForwardingRule", **sent, **ports)[0] == 431
    same = {"publicendport": 8081, "privateport": 8080, "privateendport": 8081}
    assert demo.ok("createPortForwardingRule", **sent, **same)["portforwardingrule"]["privateendport"] == "8081"
