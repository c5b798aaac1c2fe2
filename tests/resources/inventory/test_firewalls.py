"""Which zones can express what. The firewalls themselves are in tests/resources/network/test_firewalls.py."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.firewalling.ranges import Invalid
from gstack.firewalling.rules import rule_of
from gstack.resources.inventory.firewalls import Firewall, check_expressible, refusal, widened
from gstack.resources.inventory.networks import GROUPS, ISOLATED, L2, SHARED, VPC

SSH: dict[str, Any] = {"name": "ssh", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}
DENY = {"name": "deny", "denied": [{"IPProtocol": "all"}]}


@pytest.mark.parametrize(
    ("kind", "ours", "body", "said"),
    [
        (GROUPS, True, SSH, None),
        (GROUPS, True, DENY, "cannot deny"),
        (VPC, True, DENY, None),
        (VPC, True, {**SSH, "targetTags": ["a"]}, "target tag"),
        (VPC, False, SSH, "made in CloudStack"),
        (ISOLATED, False, SSH, "isolated"),
        (SHARED, False, SSH, "has no rules there that"),
        (L2, False, SSH, "has no rules there that"),
        (L2, False, {**SSH, "disabled": True}, None),
    ],
)
def test_kinds_of_zones(kind: str, ours: bool, body: dict[str, Any], said: str | None) -> None:
    """Each kind of backing refuses what it cannot express, with its reason; a disabled rule goes everywhere."""
    found = refusal(rule_of(body), kind, ours=ours)
    assert said is None if found is None else said and said in found


def test_the_problem_names_zone_and_rule() -> None:
    """The 400 says which rule, which zone and why."""
    with pytest.raises(Problem) as refused:
        check_expressible([rule_of(SSH), rule_of(DENY)], GROUPS, "Zone 'cs-east-a'", widen=False)
    assert refused.value.status == 400
    expected = "Zone 'cs-east-a' cannot express the firewall rule 'deny': security groups only allow"
    assert expected in refused.value.message


def test_widened_rules_have_no_targets() -> None:
    """For a VPC the target tags fall away."""
    assert not widened(rule_of({**SSH, "targetTags": ["web"]})).target_tags


def test_a_firewall_is_read_once() -> None:
    """A firewall has its body and the rule that was read from it; a body that Google refuses makes none."""
    firewall = Firewall.of({**SSH, "network": "default"})
    assert (firewall.name, firewall.network, firewall.rule) == ("ssh", "default", rule_of(SSH))
    with pytest.raises(Invalid):
        Firewall.of({"name": "empty"})
