"""Load balancer rules in the sandbox."""

from __future__ import annotations

from typing import Any

from fixtures.networking import machine, network, tier, vpc


def _rule(client: Any, second: int, **params: Any) -> tuple[str, str, str]:
    """Return an address, its network and a rule from port 80 to port 8080."""
    net = network(client, f"lb-{second}", gateway=f"10.{second}.0.1", netmask="255.255.255.0")["id"]
    address = client.ok("associateIpAddress", networkid=net)["ipaddress"]["id"]
    sent = {"name": "lb", "algorithm": "roundrobin", "publicport": 80, "privateport": 8080, **params}
    rule = client.ok("createLoadBalancerRule", publicipid=address, **sent)["loadbalancer"]
    return address, net, rule["id"]


def test_machines_are_assigned_and_removed(demo: Any) -> None:
    """A rule becomes Active with its first machine, lists its machines, and loses them one by one."""
    _, net, rule = _rule(demo, 140)
    ids = [machine(demo, f"lb-{number}", networkids=net)["id"] for number in (1, 2)]
    assert demo.ok("listLoadBalancerRules", id=rule)["loadbalancerrule"][0]["state"] == "Add"
    demo.ok("assignToLoadBalancerRule", id=rule, virtualmachineids=",".join(ids))
    assert demo.ok("listLoadBalancerRules", id=rule)["loadbalancerrule"][0]["state"] == "Active"
    members = demo.ok("listLoadBalancerRuleInstances", id=rule)["loadbalancerruleinstance"]
    assert [row["id"] for row in members] == ids
    assert demo.failure("assignToLoadBalancerRule", id=rule, virtualmachineids=ids[0])[0] == 530
    demo.ok("removeFromLoadBalancerRule", id=rule, virtualmachineids=ids[0])
    demo.ok("removeFromLoadBalancerRule", id=rule, virtualmachineids=ids[0])  # again: nothing happens, as recorded
    left = demo.ok("listLoadBalancerRuleInstances", id=rule, lbvmips="true")["lbrulevmidip"]
    assert left[0]["lbvmipaddresses"] == [left[0]["loadbalancerruleinstance"]["ipaddress"]]
    others = demo.ok("listLoadBalancerRuleInstances", id=rule, applied="false")["loadbalancerruleinstance"]
    assert [row["id"] for row in others] == ids[:1]
    assert demo.ok("listLoadBalancerRules", virtualmachineid=ids[1])["count"] == 1
    assert demo.ok("listLoadBalancerRules", virtualmachineid=ids[0]) == {}


def test_port_is_used_once(demo: Any) -> None:
    """The same public port of an address is a conflict (537)."""
    address, _, _ = _rule(demo, 141)
    sent = {"name": "lb", "algorithm": "source", "publicport": 80, "privateport": 81}
    assert demo.failure("createLoadBalancerRule", publicipid=address, **sent)[0] == 537


def test_firewall_opens_unless_told_not_to(demo: Any) -> None:
    """A rule opens the firewall of its port by default, and not with openfirewall=false; deleting it closes it."""
    address, _, rule = _rule(demo, 142)
    assert demo.ok("listFirewallRules", ipaddressid=address)["firewallrule"][0]["startport"] == 80
    assert demo.ok("deleteLoadBalancerRule", id=rule) == {"success": True}
    assert demo.ok("listFirewallRules", ipaddressid=address) == {}
    closed, _, _ = _rule(demo, 143, openfirewall="false")
    assert demo.ok("listFirewallRules", ipaddressid=closed) == {}


def test_rule_without_protocol_cannot_be_updated(demo: Any) -> None:
    """As recorded, CloudStack 4.23 fails to update a rule that was made without a protocol."""
    _, _, plain = _rule(demo, 144)
    assert demo.failure("updateLoadBalancerRule", id=plain, algorithm="leastconn")[0] == 530
    _, _, told = _rule(demo, 145, protocol="tcp")
    changed = demo.ok("updateLoadBalancerRule", id=told, algorithm="leastconn")["loadbalancer"]
    assert changed["algorithm"] == "leastconn"
    assert demo.failure("updateLoadBalancerRule", id=told, algorithm="random")[0] == 431


def test_machine_elsewhere_is_refused(demo: Any) -> None:
    """A machine of another tier fails the job with 530."""
    parent = vpc(demo)["id"]
    served, elsewhere = tier(demo, parent, 1)["id"], tier(demo, parent, 2)["id"]
    address = demo.ok("associateIpAddress", vpcid=parent)["ipaddress"]["id"]
    sent = {"name": "lb", "algorithm": "source", "publicport": 443, "privateport": 443, "publicipid": address}
    rule = demo.ok("createLoadBalancerRule", networkid=served, **sent)["loadbalancer"]["id"]
    stranger = machine(demo, "stranger", networkids=elsewhere)["id"]
    code, text = demo.failure("assignToLoadBalancerRule", id=rule, virtualmachineids=stranger)
    assert (code, text.endswith("it doesn't belong in the same network.")) == (530, True)


def test_destroyed_machine_leaves_its_rules(demo: Any) -> None:
    """A destroyed machine leaves its rules; a stopped one stays a member."""
    _, net, rule = _rule(demo, 147)
    member = machine(demo, "lb-gone", networkids=net)["id"]
    demo.ok("assignToLoadBalancerRule", id=rule, virtualmachineids=member)
    demo.ok("stopVirtualMachine", id=member)
    assert demo.ok("listLoadBalancerRuleInstances", id=rule)["count"] == 1
    demo.ok("destroyVirtualMachine", id=member)
    assert demo.ok("listLoadBalancerRuleInstances", id=rule) == {}


def test_what_the_virtual_router_cannot_balance(demo: Any) -> None:
    """UDP, protocols that do not exist and unknown algorithms are 431."""
    address, _, _ = _rule(demo, 148)
    sent = {"name": "lb", "algorithm": "source", "publicport": 53, "privateport": 53, "publicipid": address}
    assert demo.failure("createLoadBalancerRule", **sent, protocol="udp") == (
        431,
        "LB service provider cannot support this rule",
    )
    assert demo.failure("createLoadBalancerRule", **sent, protocol="icmp")[0] == 431
    assert demo.failure("createLoadBalancerRule", **{**sent, "algorithm": "random"})[0] == 431


def test_members_fix_a_rule(demo: Any) -> None:
    """A rule with members changes its name and algorithm; a change of nothing (of the private port, say) is 530."""
    _, net, rule = _rule(demo, 149, protocol="tcp")
    demo.ok("assignToLoadBalancerRule", id=rule, virtualmachineids=machine(demo, "lb-fix", networkids=net)["id"])
    assert demo.ok("updateLoadBalancerRule", id=rule, name="new")["loadbalancer"]["name"] == "new"
    assert demo.failure("updateLoadBalancerRule", id=rule, privateport=9090)[0] == 530


def test_rules_of_others_are_hidden(demo: Any, other: Any) -> None:
    """Another account cannot list a rule or its machines, or delete it."""
    _, _, rule = _rule(demo, 146)
    assert other.ok("listLoadBalancerRules", id=rule) == {}
    assert other.failure("listLoadBalancerRuleInstances", id=rule)[0] == 531
    assert other.failure("deleteLoadBalancerRule", id=rule)[0] == 531
