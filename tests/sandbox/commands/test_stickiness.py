"""Policies of load balancer rules in the sandbox."""

from __future__ import annotations

from typing import Any

from fixtures.networking import network


def _rule(client: Any) -> str:
    net = network(client, "sticky-net")["id"]
    address = client.ok("associateIpAddress", networkid=net)["ipaddress"]["id"]
    sent = {"name": "lb", "algorithm": "source", "publicport": 80, "privateport": 80}
    identity: str = client.ok("createLoadBalancerRule", publicipid=address, **sent)["loadbalancer"]["id"]
    return identity


def test_rule_has_one_stickiness_policy(demo: Any) -> None:
    """A rule gets one policy with its parameters, which a second one replaces, and loses it."""
    rule = _rule(demo)
    sent = {"lbruleid": rule, "name": "sticky", "methodname": "LbCookie"}
    status, body = demo.call("createLBStickinessPolicy", param__name="mode", param__value="insert", **sent)
    assert status == 200
    made = demo.result(body["jobid"])["stickinesspolicies"]["stickinesspolicy"][0]
    assert (made["id"], made["params"]) == (body["id"], {"mode": "insert"})
    assert demo.failure("createLBStickinessPolicy", **{**sent, "methodname": "None"})[0] == 431
    listed = demo.ok("listLBStickinessPolicies", lbruleid=rule)["stickinesspolicies"][0]
    assert [row["name"] for row in listed["stickinesspolicy"]] == ["sticky"]
    again = demo.result(demo.call("createLBStickinessPolicy", **{**sent, "name": "second"})[1]["jobid"])
    made = again["stickinesspolicies"]["stickinesspolicy"][0]
    assert made["name"] == "second"
    assert demo.ok("updateLBStickinessPolicy", id=made["id"])["stickinesspolicies"]["lbruleid"] == rule
    assert demo.ok("deleteLBStickinessPolicy", id=made["id"]) == {"success": True}
    assert demo.ok("listLBStickinessPolicies", lbruleid=rule)["stickinesspolicies"][0]["stickinesspolicy"] == []


def test_health_checks_are_not_supported(demo: Any) -> None:
    """As recorded, the virtual router refuses health check policies with 430."""
    rule = _rule(demo)
    assert demo.failure("createLBHealthCheckPolicy", lbruleid=rule, pingpath="/")[0] == 430
    assert demo.ok("listLBHealthCheckPolicies", lbruleid=rule)["healthcheckpolicies"][0]["healthcheckpolicy"] == []


def test_policies_of_others_are_hidden(demo: Any, other: Any) -> None:
    """Another account cannot list or create policies of a rule."""
    rule = _rule(demo)
    assert other.failure("listLBStickinessPolicies", lbruleid=rule)[0] == 531
    assert other.failure("createLBStickinessPolicy", lbruleid=rule, name="x", methodname="LbCookie")[0] == 531
