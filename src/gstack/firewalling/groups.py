"""Security groups: what a GCE network's rules are in a zone that has them. Pure.

A machine is in its network's group, which has the rules without target tags, and in a group of its own, which has
those whose target tags it carries. A source tag stands for the own groups of the machines that carry it. Groups allow
and never deny, so nothing but allow rules fits, and the order of rules says nothing. As soon as a group has an egress
rule CloudStack denies all other egress; so GCE's implied «allow all egress» is expressed by sending none.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

import msgspec

from gstack.firewalling.rules import DEFAULT_PRIORITY, EGRESS, Call, Rule, bounds, first_refusal, traffic

IMPLIED_PRIORITY = 65534  # of the rules that Google puts into the network `default`


class GroupRule(msgspec.Struct, frozen=True, order=True):
    """One ingress rule of a group, from a CIDR or from another group. For icmp `first` is the type, `last` the code."""

    protocol: str
    first: int
    last: int
    cidr: str = ""
    group: str = ""


class Machine(msgspec.Struct, frozen=True):
    """A machine of the network: the name of its own group, and its tags."""

    group: str
    tags: frozenset[str] = frozenset()


def refusal(rule: Rule) -> str | None:
    """Why security groups cannot say what this rule says, or None."""
    if not rule.allow:
        return "security groups only allow, they cannot deny."
    if rule.priority not in {DEFAULT_PRIORITY, IMPLIED_PRIORITY}:
        return f"security groups know no priority. Leave it at {DEFAULT_PRIORITY}."
    if rule.direction == EGRESS and not rule.allows_all_egress:
        return "egress is open in security group zones; only a rule that allows all of it can be kept."
    return first_refusal(rule.flows)


def compiled(
    rules: Iterable[Rule], network: str, machines: Iterable[Machine], inside: frozenset[str] = frozenset()
) -> dict[str, frozenset[GroupRule]]:
    """Group name -> its rules; every group of the network is named. `network` is the name of the network's group.

    `inside` are ranges that stand for the network's own machines, whose addresses lie elsewhere in such a zone: they
    become the network's group as a source, so that neighbours on the shared guest network are not let in.
    The rules must not be refused.
    """
    members = list(machines)
    found: dict[str, set[GroupRule]] = {network: set(), **{member.group: set() for member in members}}
    for rule in rules:
        if rule.disabled or rule.direction == EGRESS:
            continue
        wanted = _group_rules(rule, network, members, inside)
        for group in _targets(rule, network, members):
            found[group] |= wanted
    return {group: frozenset(wanted) for group, wanted in found.items()}


def additions(group_id: str, account: str, missing: Iterable[GroupRule]) -> list[Call]:
    """The calls that add these rules to a group: one for all the CIDRs, one for all the groups of the same traffic.

    `account` owns the source groups; in a project it is the project's own account (DESIGN: measured on 4.23).
    """
    calls = []
    for (protocol, first, last, by_group), same in groupby(
        sorted(missing, key=lambda rule: (_traffic(rule), rule)), key=_traffic
    ):
        parameters = {"securitygroupid": group_id, "protocol": protocol, **bounds(protocol, first, last)}
        if by_group:
            names = [{"account": account, "group": rule.group} for rule in same]
            calls.append(Call("authorizeSecurityGroupIngress", {**parameters, "usersecuritygrouplist": names}))
        else:
            cidrs = ",".join(rule.cidr for rule in same)
            calls.append(Call("authorizeSecurityGroupIngress", {**parameters, "cidrlist": cidrs}))
    return calls


def removals(surplus: Mapping[GroupRule, str]) -> list[Call]:
    """The calls that take rules away: rule -> CloudStack's rule id."""
    return [Call("revokeSecurityGroupIngress", {"id": surplus[rule]}) for rule in sorted(surplus)]


def _targets(rule: Rule, network: str, machines: list[Machine]) -> list[str]:
    if not rule.target_tags:
        return [network]
    return [machine.group for machine in machines if machine.tags & rule.target_tags]


def _group_rules(rule: Rule, network: str, machines: list[Machine], inside: frozenset[str]) -> set[GroupRule]:
    sources = [machine.group for machine in machines if machine.tags & rule.source_tags]
    if inside.intersection(rule.ranges):
        sources.append(network)
    found = set()
    for protocol, first, last in map(traffic, rule.flows):
        found |= {GroupRule(protocol, first, last, cidr=one) for one in rule.ranges if one not in inside}
        found |= {GroupRule(protocol, first, last, group=one) for one in sources}
    return found


def _traffic(rule: GroupRule) -> tuple[str, int, int, bool]:
    return rule.protocol, rule.first, rule.last, bool(rule.group)
