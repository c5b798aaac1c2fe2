"""gstack.resources.networking.rulebook: which zones can express what; the rules themselves are in test_firewalls."""

from typing import Any

import pytest

from gstack.firewalling.rules import Inexpressible, rule_of
from gstack.resources.inventory.firewalls import check_expressible, refusal, to_problem, widened
from gstack.resources.inventory.networks import GROUPS, ISOLATED, L2, SHARED, VPC, Backing
from gstack.resources.inventory.zones import Location

EAST = Location("z", "cs-east-a", "cs-east-a", "cs-east-a", "cs-east", advanced=True)
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
        (SHARED, False, SSH, "filters nothing"),
        (L2, False, SSH, "filters nothing"),
        (L2, False, {**SSH, "disabled": True}, None),
    ],
)
def test_kinds_of_zones(kind: str, ours: bool, body: dict[str, Any], said: str | None) -> None:
    """Each kind of backing refuses what it cannot express, with its reason; a disabled rule goes everywhere."""
    found = refusal(rule_of(body), Backing(kind, EAST, ours=ours), widen=False)
    assert said is None if found is None else said and said in found


def test_the_problem_names_zone_and_rule() -> None:
    """The 400 says which rule, which zone and why."""
    with pytest.raises(Inexpressible) as refused:
        check_expressible([rule_of(SSH), rule_of(DENY)], [Backing(GROUPS, EAST)], widen=False)
    problem = to_problem(refused.value, "resource")
    assert problem.status == 400
    assert "Zone 'cs-east-a' cannot express the firewall rule 'deny': security groups only allow" in problem.message


def test_widened_rules_have_no_targets() -> None:
    """For a VPC the target tags fall away."""
    (rule,) = widened([rule_of({**SSH, "targetTags": ["web"]})])
    assert not rule.target_tags
