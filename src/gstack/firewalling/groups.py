"""GCE firewall rules as security groups. Pure.

A machine is in two groups. Its network's group has the rules without target tags. The machine's own group has the rules
whose target tags the machine carries. A source tag stands for the own groups of the machines that carry it.

Security groups only allow. So only allow rules can be expressed, and the order of rules does not matter. Once a group
has an egress rule, CloudStack denies all other egress. So GCE's implied "allow all egress" needs no rule at all.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

import msgspec

from gstack.firewalling.rules import DEFAULT_PRIORITY, EGRESS, Command, Rule, bounds, first_refusal, traffic

IMPLIED_PRIORITY = 65534  # of the rules that Google puts into the network `default`


class GroupRule(msgspec.Struct, frozen=True, order=True):
    """One ingress rule, from a CIDR or from another group. For icmp, `first` is the type and `last` the code."""

    protocol: str
    first: int
    last: int
    cidr: str = ""
    group: str = ""


class Machine(msgspec.Struct, frozen=True):
    """A machine of the network: the name of its own security group, and its tags."""

    group: str
    tags: frozenset[str] = frozenset()


def refusal(rule: Rule) -> str | None:
    """Return why security groups cannot express a rule, or None."""
    if not rule.allow:
        return "security groups only allow, they cannot deny."
    if rule.priority not in {DEFAULT_PRIORITY, IMPLIED_PRIORITY}:
        return f"security groups have no priorities. Leave the priority at {DEFAULT_PRIORITY}."
    if rule.direction == EGRESS and not rule.allows_all_egress:
        return "egress is open in zones with security groups. Only a rule that allows all egress fits."
    return first_refusal(rule.flows)


def compiled(
    rules: Iterable[Rule], network: str, machines: Iterable[Machine], inside: frozenset[str] = frozenset()
) -> dict[str, frozenset[GroupRule]]:
    """Return the rules of every group of the network, by the group's name. `network` is the network's own group.

    `inside` are ranges that stand for the network's own machines. Machines have other addresses in such a zone, so
    these ranges become the network's group as a source. This keeps out strangers on the shared guest network.
    Only pass rules that `refusal` accepts.
    """
    members = list(machines)
    found: dict[str, set[GroupRule]] = {network: set(), **{member.group: set() for member in members}}
    for rule in rules:
        if rule.disabled or rule.direction == EGRESS:
            continue
        additional = _group_rules(rule, network, members, inside)
        for group in _targets(rule, network, members):
            found[group] |= additional
    return {group: frozenset(group_rules) for group, group_rules in found.items()}


def additions(group_id: str, account: str, missing: Iterable[GroupRule]) -> list[Command]:
    """Return the commands that add rules to a group: per kind of traffic, one for all CIDRs and one for all groups.

    `account` owns the source groups. In a project it is the project's own account, as CloudStack 4.23 requires.
    """
    commands = []
    for (protocol, first, last, by_group), same in groupby(
        sorted(missing, key=lambda rule: (_traffic(rule), rule)), key=_traffic
    ):
        parameters = {"securitygroupid": group_id, "protocol": protocol, **bounds(protocol, first, last)}
        if by_group:
            names = [{"account": account, "group": rule.group} for rule in same]
            commands.append(Command("authorizeSecurityGroupIngress", {**parameters, "usersecuritygrouplist": names}))
        else:
            cidrs = ",".join(rule.cidr for rule in same)
            commands.append(Command("authorizeSecurityGroupIngress", {**parameters, "cidrlist": cidrs}))
    return commands


def removals(surplus: Mapping[GroupRule, str]) -> list[Command]:
    """Return the commands that remove rules. `surplus` maps each rule to CloudStack's id of it."""
    return [Command("revokeSecurityGroupIngress", {"id": surplus[rule]}) for rule in sorted(surplus)]


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
