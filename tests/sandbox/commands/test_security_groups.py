"""Security groups of the sandbox and their rules."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.networking import BASIC, machine
from gstack.sandbox.commands import security_groups
from gstack.sandbox.errors import CloudStackError


def _group(client: Any, name: str) -> str:
    identity: str = client.ok("createSecurityGroup", name=name)["securitygroup"]["id"]
    return identity


def _allow(client: Any, group: str, **params: Any) -> list[dict[str, Any]]:
    made = client.ok("authorizeSecurityGroupIngress", securitygroupid=group, **params)
    rules: list[dict[str, Any]] = made["securitygroup"]["ingressrule"]
    return rules


def test_names_are_unique(demo: Any, other: Any) -> None:
    """One account has one group of a name; another account may have its own."""
    _group(demo, "twice")
    text = "Unable to create security group, a group with name twice already exists."
    assert demo.failure("createSecurityGroup", name="twice") == (431, text)
    assert _group(other, "twice")


def test_one_call_makes_one_rule_for_each_cidr(demo: Any) -> None:
    """Two CIDRs are two rules with ids of their own, and the answer shows only the new ones."""
    group = _group(demo, "cidrs")
    first = _allow(demo, group, protocol="TCP", startport=80, endport=81, cidrlist="0.0.0.0/0,10.0.0.0/8")
    assert [(rule["protocol"], rule["startport"], rule["cidr"]) for rule in first] == [
        ("tcp", 80, "0.0.0.0/0"),
        ("tcp", 80, "10.0.0.0/8"),
    ]
    second = _allow(demo, group, protocol="icmp", icmptype=-1, icmpcode=-1, cidrlist="0.0.0.0/0")
    assert [rule["icmptype"] for rule in second] == [-1]
    listed = demo.ok("listSecurityGroups", id=group)["securitygroup"][0]
    assert len(listed["ingressrule"]) == 3


def test_repeated_rule_fails_the_job(demo: Any) -> None:
    """A rule that is there already fails with 530, and nothing of the call is kept."""
    group = _group(demo, "repeated")
    same = {"securitygroupid": group, "protocol": "tcp", "startport": 1, "endport": 1}
    demo.ok("authorizeSecurityGroupIngress", cidrlist="10.0.0.0/8", **same)
    refused = demo.failure("authorizeSecurityGroupIngress", cidrlist="11.0.0.0/8,10.0.0.0/8", **same)
    assert refused == (530, "Failed to authorize security group ingress rule(s)")
    assert len(demo.ok("listSecurityGroups", id=group)["securitygroup"][0]["ingressrule"]) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"protocol": "tcp", "startport": 90, "endport": 80}, "Invalid port range 90:80"),
        ({"protocol": "tcp"}, "Invalid port range specified, startPort = None, endPort = None"),
        ({"protocol": "esp"}, "Invalid protocol esp"),
        ({"protocol": "all", "cidrlist": "300.0.0.0/8"}, "Invalid cidr 300.0.0.0/8"),
        ({"protocol": "icmp"}, "Invalid icmp type/code specified, icmpType = None, icmpCode = None"),
    ],
)
def test_bad_rules_fail_the_job(demo: Any, rule: dict[str, Any], text: str) -> None:
    """What CloudStack cannot enforce ends the job with 431."""
    group = demo.ok("listSecurityGroups", securitygroupname="default")["securitygroup"][0]["id"]
    sent = {"cidrlist": "0.0.0.0/0", **rule}
    status, body = demo.call("authorizeSecurityGroupIngress", securitygroupid=group, **sent)
    assert status == 200
    assert demo.job(body["jobid"])["jobresult"] == {"errorcode": 431, "errortext": text}


def test_protocol_numbers_and_all_pass(demo: Any) -> None:
    """Protocols `all` and numbers have ports 0 to 0, as recorded."""
    group = _group(demo, "numbers")
    for protocol in ("all", "47"):
        rule = _allow(demo, group, protocol=protocol, cidrlist="10.1.0.0/16")[0]
        assert (rule["protocol"], rule["startport"], rule["endport"]) == (protocol, 0, 0)


def test_source_group_is_shown_by_account_and_name(demo: Any) -> None:
    """A source group makes one rule and cannot be deleted while a rule names it, its own rules included."""
    web, base = _group(demo, "web"), _group(demo, "base")
    source = {"usersecuritygrouplist__account": "demo", "usersecuritygrouplist__group": "web"}
    rule = _allow(demo, base, protocol="tcp", startport=3306, endport=3306, **source)[0]
    assert (rule["securitygroupname"], rule["account"]) == ("web", "demo")
    text = "Cannot delete group when there are security rules that allow this group"
    assert demo.failure("deleteSecurityGroup", id=web) == (536, text)
    assert demo.ok("revokeSecurityGroupIngress", id=rule["ruleid"]) == {"success": True}
    assert demo.ok("deleteSecurityGroup", id=web) == {"success": True}


def test_unknown_source_group_is_refused(demo: Any) -> None:
    """A source group that does not exist fails the job with 431."""
    group = _group(demo, "asks")
    source = {"usersecuritygrouplist__account": "demo", "usersecuritygrouplist__group": "nobody"}
    assert demo.failure("authorizeSecurityGroupIngress", securitygroupid=group, protocol="all", **source)[0] == 431


def test_revoking_keeps_the_directions_apart(demo: Any) -> None:
    """An egress rule is revoked by the egress command only, and only once."""
    group = _group(demo, "egress")
    made = demo.ok("authorizeSecurityGroupEgress", securitygroupid=group, protocol="all", cidrlist="0.0.0.0/0")
    rule = made["securitygroup"]["egressrule"][0]["ruleid"]
    assert demo.failure("revokeSecurityGroupIngress", id=rule)[0] == 431
    assert demo.ok("revokeSecurityGroupEgress", id=rule) == {"success": True}
    assert demo.failure("revokeSecurityGroupEgress", id=rule)[0] == 431


def test_group_in_use_stays(demo: Any) -> None:
    """A group with a machine is not deleted, also after the machine was destroyed."""
    group = _group(demo, "held")
    held = machine(demo, "group-holder", BASIC, securitygroupids=group)
    text = "Cannot delete group when it's in use by virtual machines"
    assert demo.failure("deleteSecurityGroup", id=group) == (536, text)
    assert demo.ok("listSecurityGroups", id=group)["securitygroup"][0]["virtualmachineids"] == [held["id"]]
    demo.ok("destroyVirtualMachine", id=held["id"])
    assert demo.failure("deleteSecurityGroup", id=group) == (536, text)


def test_default_group_stays(demo: Any) -> None:
    """The group `default` cannot be deleted."""
    assert demo.failure("deleteSecurityGroup", name="default")[0] == 431


def test_groups_of_others_are_hidden(demo: Any, other: Any) -> None:
    """Another account cannot list or open a group."""
    group = _group(demo, "private")
    assert other.ok("listSecurityGroups", id=group) == {}
    refused = other.failure(
        "authorizeSecurityGroupIngress", securitygroupid=group, protocol="all", cidrlist="0.0.0.0/0"
    )
    assert refused[0] == 531
    rule = _allow(demo, group, protocol="all", cidrlist="0.0.0.0/0")[0]
    assert other.failure("revokeSecurityGroupIngress", id=rule["ruleid"])[0] == 531


def test_source_group_of_a_project_is_named_by_its_account(demo: Any) -> None:
    """In a project a source group belongs to the account that listProjects does not show but rules do."""
    project = demo.ok("createProject", name="sgproject", displaytext="x")["project"]["id"]
    made = [demo.ok("createSecurityGroup", name=name, projectid=project)["securitygroup"] for name in ("one", "two")]
    assert made[0]["project"] == "sgproject"
    assert demo.ok("listSecurityGroups", id=made[0]["id"]) == {}
    account = demo.ok("listProjects", id=project)["project"][0].get("projectaccountname")
    named = {"usersecuritygrouplist__account": account, "usersecuritygrouplist__group": "two"}
    rule = _allow(demo, made[0]["id"], protocol="all", **named)[0]
    assert (rule["securitygroupname"], rule["account"]) == ("two", account)


@pytest.mark.parametrize(
    ("args", "row"),
    [
        ({}, {"protocol": "all", "startport": 0, "endport": 0}),
        ({"protocol": "TCP", "startport": 0, "endport": 0}, {"protocol": "tcp", "startport": 0, "endport": 65535}),
        ({"protocol": "ICMP", "icmptype": 8, "icmpcode": 0}, {"protocol": "icmp", "icmptype": 8, "icmpcode": 0}),
        ({"protocol": "47", "startport": 9}, {"protocol": "47", "startport": 0, "endport": 0}),
    ],
)
def test_ports_as_cloudstack_keeps_them(args: dict[str, Any], row: dict[str, Any]) -> None:
    """No protocol means all; ports 0 to 0 of tcp mean every port; numbers have no ports."""
    assert security_groups.ports(args) == row


@pytest.mark.parametrize(
    "args",
    [
        {"protocol": "256"},
        {"protocol": "tcp", "startport": 1},
        {"protocol": "udp", "startport": -1, "endport": 5},
        {"protocol": "tcp", "startport": 1, "endport": 65536},
        {"protocol": "icmp", "icmptype": 256, "icmpcode": 0},
        {"protocol": "icmp", "icmptype": 8, "icmpcode": -1},
        {"protocol": "icmp", "icmptype": -1, "icmpcode": 0},
        {"protocol": "icmp", "icmptype": 8},
        {"startport": 22, "endport": 22},
    ],
)
def test_impossible_ports_are_refused(args: dict[str, Any]) -> None:
    """An impossible protocol, port or ICMP type is 431."""
    with pytest.raises(CloudStackError) as refused:
        security_groups.ports(args)
    assert refused.value.code == 431
