"""The security group that lets nothing in and nothing out."""

from collections.abc import Callable

from fixtures.gce import Gce
from fixtures.instances import Ask

BASIC = "Sandbox-simulator"
BODY = {"sourceImage": "projects/debian-cloud/global/images/family/debian-12"}


def test_one_closed_group(gce: Gce, ask: Ask, fault: Callable[..., None]) -> None:
    """Made once, also when the answers are lost; without ingress rules, and with one egress rule that leads nowhere."""
    for command in ("createSecurityGroup", "authorizeSecurityGroupEgress"):
        fault(command, "lost")
    for name in ("first", "second"):
        gce.done(gce.post(f"zones/{BASIC}/disks", {"name": name, **BODY}))
    groups = [one for one in ask("listSecurityGroups")["securitygroup"] if one["name"] == "gstack-spare"]
    assert [(one["ingressrule"], [rule["cidr"] for rule in one["egressrule"]]) for one in groups] == [
        ([], ["127.0.0.1/32"])
    ]
    assert "gstack-spare" not in [network["name"] for network in gce.items("global/networks")]


def test_the_rule_is_made_up_for(gce: Gce, ask: Ask) -> None:
    """A group that lost its rule gets it again, before a machine is in it."""
    found = ask("listSecurityGroups", securitygroupname="gstack-spare")["securitygroup"][0]
    ask("revokeSecurityGroupEgress", id=found["egressrule"][0]["ruleid"])
    gce.done(gce.post(f"zones/{BASIC}/disks", {"name": "third", **BODY}))
    assert len(ask("listSecurityGroups", id=found["id"])["securitygroup"][0]["egressrule"]) == 1
