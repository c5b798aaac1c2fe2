"""A network's security groups: its own, and one for each of its machines (firewalling/groups.py says what is in them).

A machine's groups are chosen at deployment and cannot be changed while it runs, so that tags and rules change what is
in the groups. A machine's tags are kept in the sidecar, under its own group. Rules that were made by hand in these
groups are left alone: only what a removed firewall had put there is taken out.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from gstack.cloudstack.client import Client
from gstack.cloudstack.errors import IN_USE, Refusal
from gstack.errors import Problem
from gstack.firewalling import groups
from gstack.firewalling.groups import GroupRule, Machine
from gstack.firewalling.rules import Call, Inexpressible, Rule
from gstack.operations.model import Op, Probe, harmless
from gstack.resources.inventory.firewalls import INSIDE, Book, to_problem
from gstack.resources.steps.settling import Plan, settle

Facts = Mapping[str, Mapping[str, Any]]

KIND = "securityGroups"
_OWN = "gce-machine-"


class IngressRule(msgspec.Struct, frozen=True):
    """One rule of a group as listSecurityGroups answers it."""

    ruleid: str
    protocol: str
    startport: int = 0
    endport: int = 0
    icmptype: int = 0
    icmpcode: int = 0
    cidr: str = ""
    securitygroupname: str = ""


class SecurityGroup(msgspec.Struct, frozen=True):
    """A group as listSecurityGroups answers it; `account` is absent in projects."""

    id: str
    name: str
    account: str = ""
    ingressrule: tuple[IngressRule, ...] = ()


class _Project(msgspec.Struct, frozen=True):
    projectaccountname: str = ""


def network_group(network: str) -> str:
    """The name of a network's group, one for all zones with security groups."""
    return f"gce-network-{network}"


async def is_made(cloudstack: Client, network: str) -> bool:
    """Whether the network's group is there: then zones with security groups are backings of the network."""
    name = network_group(network)
    found = await cloudstack.list_all("listSecurityGroups", SecurityGroup, {"securitygroupname": name})
    return any(group.name == name for group in found)


async def join(op: Op, step: str, network: str, instance: str, tags: Sequence[str]) -> list[str]:
    """Make and fill what a new machine is deployed with: the network's group and one of its own. Undone on failure."""
    shared = await _ensure(op, f"{step}-network", network_group(network), f"Network {network}")
    name = f"{_OWN}{instance}-{op.operation.name[-8:]}"
    own = await _ensure(op, f"{step}-own", name, f"Machine {instance} of the network {network}")
    try:
        await op.decide(f"{step}-tags", lambda: _keep(op, own, network, tags))
        await refresh(op, f"{step}-rules", network, machine=name)
    except Problem:
        await leave(op, f"{step}-undo", [own])
        raise
    return [shared, own]


async def leave(op: Op, step: str, group_ids: Sequence[str]) -> None:
    """Delete those of these groups that are a machine's own, and the rules that name them."""
    for index, group_id in enumerate(await op.decide(f"{step}-own", lambda: _own_among(op, group_ids))):
        await _delete(op, f"{step}-{index}", group_id)


async def retag(op: Op, step: str, group_ids: Sequence[str], tags: Sequence[str]) -> None:
    """Give a machine, whose groups these are, other tags: the rules of its own group change, and those that name it.

    Nothing where it has no group of its own. What fails is put back.
    """
    known = await op.decide(f"{step}-known", lambda: _own_facts(op, group_ids))
    for group_id, facts in known.items():  # one at most
        network, before = facts["network"], facts.get("tags", [])
        await op.decide(f"{step}-keep", partial(_keep, op, group_id, network, tags))
        try:
            await settle(op, step, partial(_plan_retagged, op, network, group_id, before))
        except Problem:
            await op.decide(f"{step}-undo-keep", partial(_keep, op, group_id, network, before))
            await _put_back(op, f"{step}-undo", partial(_plan_retagged, op, network, group_id, tags))
            raise


async def _own_facts(op: Op, group_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    own = await _own_among(op, group_ids)
    return await op.sidecar.facts(own)


async def _plan_retagged(op: Op, network: str, group_id: str, before: Sequence[str]) -> list[Call]:
    """What changes where a machine's group had the tags `before` and now has those of its facts."""
    rules = await Book(op.sidecar, op.operation.owner).rules(network)
    found = await _read(op, [])
    facts = await op.sidecar.facts(group.id for group in found)
    shared, ranges = network_group(network), INSIDE.get(network, frozenset())
    inside = _inside(found, facts, network)
    former = {**facts, group_id: {**facts.get(group_id, {}), "tags": before}}
    wanted = groups.compiled(rules, shared, _machines(inside, facts, shared), ranges)
    return await _difference(
        op, inside, wanted, groups.compiled(rules, shared, _machines(inside, former, shared), ranges)
    )


def _inside(found: Sequence[SecurityGroup], facts: Facts, network: str) -> list[SecurityGroup]:
    """The groups of a network: its own, and its machines'."""
    shared = network_group(network)
    return [group for group in found if group.name == shared or facts.get(group.id, {}).get("network") == network]


def _machines(inside: Sequence[SecurityGroup], facts: Facts, shared: str) -> list[Machine]:
    return [Machine(g.name, frozenset(facts[g.id].get("tags", ()))) for g in inside if g.name != shared]


async def _put_back(op: Op, step: str, plan: Plan) -> None:
    try:
        await settle(op, step, plan)
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"Rules of a machine's security group could not be put back: {problem.message}")


async def refresh(
    op: Op, step: str, network: str, *, machine: str = "", retired: Sequence[Rule] = (), rule: Rule | None = None
) -> None:
    """Bring the groups to what the rules say. Nothing is done where the network has no group yet.

    `machine` names the group of the one machine that is new, `rule` the one rule that is: then only what they touch is
    looked at. `retired` are rules that are gone.
    """

    async def plan() -> list[Call]:
        return await _plan(op, network, machine, retired, rule)

    await settle(op, step, plan, again=bool(retired))


async def _plan(op: Op, network: str, machine: str, retired: Sequence[Rule], rule: Rule | None) -> list[Call]:
    rules = await Book(op.sidecar, op.operation.owner).rules(network)
    shared = network_group(network)
    narrow = _narrow(rules, machine, [*retired, *([rule] if rule else [])])
    found = await _read(op, [shared, *([machine] if machine else [])] if narrow else [])
    if not any(group.name == shared for group in found):
        return []
    check(rules)
    facts = await op.sidecar.facts(group.id for group in found)
    inside = _inside(found, facts, network)
    machines = _machines(inside, facts, shared)
    wanted = groups.compiled(rules, shared, machines, INSIDE.get(network, frozenset()))
    former = groups.compiled(retired, shared, machines, INSIDE.get(network, frozenset()))
    return await _difference(op, inside, wanted, former)


def check(rules: Sequence[Rule]) -> None:
    """400 for the first rule that security groups cannot express."""
    for rule in rules:
        reason = None if rule.disabled else groups.refusal(rule)
        if reason:
            raise to_problem(Inexpressible(rule.name, "with security groups", reason), "resource")


def _narrow(rules: Sequence[Rule], machine: str, changed: Sequence[Rule]) -> bool:
    """Whether the network's group, and that of a new machine, are all that has to be looked at."""
    if machine:
        return not any(rule.source_tags for rule in rules)
    return not any(rule.source_tags or rule.target_tags for rule in changed)


async def _difference(
    op: Op,
    found: Sequence[SecurityGroup],
    wanted: dict[str, frozenset[GroupRule]],
    former: dict[str, frozenset[GroupRule]],
) -> list[Call]:
    calls: list[Call] = []
    for group in found:
        there = {_rule(rule): rule.ruleid for rule in group.ingressrule}
        missing = wanted[group.name] - there.keys()
        account = await _account(op, group) if any(rule.group for rule in missing) else ""
        calls += groups.additions(group.id, account, missing)
        surplus = (former[group.name] - wanted[group.name]) & there.keys()
        calls += groups.removals({rule: there[rule] for rule in surplus})
    return calls


def _rule(row: IngressRule) -> GroupRule:
    if row.protocol == "icmp":
        return GroupRule("icmp", row.icmptype, row.icmpcode, row.cidr, row.securitygroupname)
    return GroupRule(row.protocol, row.startport, row.endport, row.cidr, row.securitygroupname)


async def _account(op: Op, group: SecurityGroup) -> str:
    """Who owns source groups, in CloudStack's words: in a project the project's own account."""
    if not op.cloudstack.project:
        return group.account
    outside = op.cloudstack.in_project(None)
    found = await outside.reference("listProjects", _Project, {"id": op.cloudstack.project})
    return found[0].projectaccountname if found else ""


async def _read(op: Op, names: Sequence[str]) -> list[SecurityGroup]:
    """The groups of these names; all groups where none is named."""
    queries: list[dict[str, str]] = [{"securitygroupname": name} for name in names] or [{}]
    found = await asyncio.gather(*(op.cloudstack.list_all("listSecurityGroups", SecurityGroup, one) for one in queries))
    return [group for some in found for group in some if not names or group.name in names]


async def _ensure(op: Op, step: str, name: str, description: str) -> str:
    """The id of the group of this name, which is made where it is not there. Names are unique in an account."""
    known = "" if name.startswith(_OWN) else await op.decide(f"{step}-look", lambda: _id_of(op, name))
    if known:
        return str(known)
    try:
        made = await op.run(
            step, "createSecurityGroup", {"name": name, "description": description}, probe=_group_probe(name)
        )
        return str(made["id"])
    except Refusal:
        known = await op.decide(f"{step}-again", lambda: _id_of(op, name))
        if not known:
            raise
        return str(known)


def _group_probe(name: str) -> Probe:
    async def probe(op: Op) -> dict[str, Any] | None:
        found = await _id_of(op, name)
        return {"id": found} if found else None

    return probe


async def _id_of(op: Op, name: str) -> str:
    return next((group.id for group in await _read(op, [name])), "")


async def _keep(op: Op, group_id: str, network: str, tags: Sequence[str]) -> None:
    await op.sidecar.keep(group_id, op.operation.owner, KIND, {"network": network, "tags": list(tags)})


async def _own_among(op: Op, group_ids: Sequence[str]) -> list[str]:
    """A machine's own groups have facts; the network's group has none."""
    facts = await op.sidecar.facts(group_ids)
    return [group_id for group_id in group_ids if "network" in facts.get(group_id, {})]


async def _delete(op: Op, step: str, group_id: str) -> None:
    for number in range(2):
        try:
            await op.run(f"{step}-delete-{number}", "deleteSecurityGroup", {"id": group_id}, probe=harmless)
        except Refusal as refusal:
            if refusal.error_code != IN_USE:
                _unless_missing(refusal)
                break
            await _revoke_named(op, f"{step}-revoke-{number}", group_id)
        else:
            break
    else:
        await op.warn("CLEANUP_FAILED", f"The security group {group_id} is still in use in CloudStack and was left.")
        return
    await op.decide(f"{step}-forget", lambda: op.sidecar.drop(group_id))


def _unless_missing(refusal: Refusal) -> None:
    if not refusal.missing:
        raise refusal


async def _revoke_named(op: Op, step: str, group_id: str) -> None:
    """Take away the rules that name a group as their source: it cannot be deleted before."""

    async def plan() -> list[Call]:
        found = await _read(op, [])
        name = next((group.name for group in found if group.id == group_id), "")
        ids = [rule.ruleid for group in found for rule in group.ingressrule if name and rule.securitygroupname == name]
        return [Call("revokeSecurityGroupIngress", {"id": rule_id}) for rule_id in ids]

    await settle(op, step, plan)
