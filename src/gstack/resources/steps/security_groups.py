"""A network's security groups: one for the network and one for each of its machines.

gstack.firewalling.groups says which rules belong into them. CloudStack chooses a machine's groups at deployment and
does not change them while it runs, so a change of tags or firewalls changes the rules inside the groups. The sidecar
has a row for each machine's own group, with the machine's tags. Rules that somebody made by hand are left alone: only
what a firewall of ours has put there is taken out.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from gstack.cloudstack.errors import IN_USE, Refusal
from gstack.errors import Problem
from gstack.firewalling import groups
from gstack.firewalling.groups import GroupRule, Machine
from gstack.firewalling.rules import EGRESS, Command, Rule
from gstack.operations.model import Op, harmless
from gstack.operations.recipes import create_unique, undoing
from gstack.resources.inventory.firewalls import INSIDE, Firewalls, check_expressible, inexpressible, refusal
from gstack.resources.inventory.networks import GROUPS
from gstack.resources.inventory.placements import any_machine
from gstack.resources.inventory.security_groups import (
    SecurityGroup,
    SecurityGroupRule,
    network_group,
    read_groups,
)
from gstack.resources.steps.reconcile import reconcile, replace

Facts = Mapping[str, Mapping[str, Any]]
Compiled = Mapping[str, frozenset[GroupRule]]  # name of a group -> its rules

KIND = "securityGroups"
_ZONE = "A zone with security groups"


class _Project(msgspec.Struct, frozen=True):
    projectaccountname: str = ""


async def join(op: Op, step: str, network: str, instance: str, tags: Sequence[str]) -> list[str]:
    """Create and fill the groups that a new machine is deployed in: the network's and its own. Return their ids.

    400 where security groups cannot express a firewall of the network. Undone on failure.
    """
    shared_name, own_name = network_group(network), f"gce-machine-{instance}-{op.operation.name[-8:]}"
    shared = await op.decide(f"{step}-network-look", lambda: _id_of(op, shared_name)) or await _create(
        op, f"{step}-network", shared_name, f"Network {network}"
    )
    own = await _create(op, f"{step}-own", own_name, f"Machine {instance} of the network {network}")

    async def plan() -> list[Command]:
        rules = [firewall.rule for firewall in await Firewalls(op.sidecar, op.operation.owner).of_network(network)]
        check_expressible(rules, GROUPS, _ZONE, widen=False)
        by_source_tag = any(rule.source_tags for rule in rules)  # then other machines' groups have rules about this one
        found = await read_groups(op.cloudstack, [] if by_source_tag else [shared_name, own_name])
        facts = await op.sidecar.facts(group.id for group in found)
        return await _calls(op, network, found, facts, _compiled(network, found, facts, rules))

    try:
        await op.keep(f"{step}-tags", own, KIND, {"network": network, "tags": list(tags)})
        await reconcile(op, f"{step}-rules", plan)
    except Problem:
        await leave(op, f"{step}-undo", [own])
        raise
    return [shared, own]


async def leave(op: Op, step: str, group_ids: Sequence[str]) -> None:
    """Delete the own group of a machine that is gone or has left its groups, and the rules that name it.

    `group_ids` are the groups that the machine had; the network's group is left alone. Call it after
    `updateVirtualMachine securitygroupids=` or after expunging: CloudStack does not delete a group with machines in it.
    """
    for index, group_id in enumerate(await op.decide(f"{step}-own", lambda: _own_among(op, group_ids))):
        await _delete(op, f"{step}-{index}", group_id)


async def retag(op: Op, step: str, group_ids: Sequence[str], tags: Sequence[str]) -> None:
    """Change the tags of the machine that is in these groups: the rules of its own group, and those that name it.

    Does nothing where the machine has no group of its own. Undone on failure.
    """

    async def own_facts() -> dict[str, dict[str, Any]]:
        return await op.sidecar.facts(await _own_among(op, group_ids))

    for group_id, facts in (await op.decide(f"{step}-facts", own_facts)).items():  # one at most
        network, before = facts["network"], facts.get("tags", [])
        await op.keep(f"{step}-keep", group_id, KIND, {"tags": list(tags)})
        try:
            await reconcile(op, step, partial(_plan_retagged, op, network, group_id, before))
        except Problem:
            await op.keep(f"{step}-undo-keep", group_id, KIND, {"tags": before})
            async with undoing(op, "Rules of a machine's security group could not be put back"):
                await reconcile(op, f"{step}-undo", partial(_plan_retagged, op, network, group_id, tags))
            raise


async def apply(op: Op, step: str, network: str, *, before: Rule | None = None, after: Rule | None = None) -> None:
    """Change one firewall of a network from `before` to `after`; None stands for a firewall that does not exist.

    The sidecar has the firewall as it will be. Rules are added before others are removed. Does nothing where the
    network has no group yet. Where groups cannot express `after`: 400 if machines are in the network's group, else no
    rules are sent, and no machine may come there.
    """
    if before is not None and (before.disabled or before.direction == EGRESS):
        before = None  # it has no rules in the groups
    if before is None and after is None:
        return

    async def plan() -> list[Command]:
        changed = [rule for rule in (before, after) if rule]
        tagged = any(rule.source_tags or rule.target_tags for rule in changed)
        found = await read_groups(op.cloudstack, [] if tagged else [network_group(network)])
        shared = next((group for group in found if group.name == network_group(network)), None)
        if shared is None:
            return []
        reason = refusal(after, GROUPS) if after else None
        if after and reason and await any_machine(op.cloudstack, {"securitygroupid": shared.id}):
            raise inexpressible(after.name, _ZONE, reason)
        facts = await op.sidecar.facts(group.id for group in found)
        rules = [after] if after else []
        if before:  # what it needed, another firewall may need as well
            rules = [firewall.rule for firewall in await Firewalls(op.sidecar, op.operation.owner).of_network(network)]
        wanted = _compiled(network, found, facts, rules)
        former = _compiled(network, found, facts, [before] if before else [])
        return await _calls(op, network, found, facts, wanted, former)

    if before and after:
        await replace(op, step, plan)
    else:
        await reconcile(op, step, plan, again=before is not None)


async def _plan_retagged(op: Op, network: str, group_id: str, before: Sequence[str]) -> list[Command]:
    """What changes where the machine of this group had the tags `before`, and now has those in the sidecar."""
    rules = [firewall.rule for firewall in await Firewalls(op.sidecar, op.operation.owner).of_network(network)]
    found = await read_groups(op.cloudstack)
    facts = await op.sidecar.facts(group.id for group in found)
    facts_before = {**facts, group_id: {**facts.get(group_id, {}), "tags": before}}
    wanted = _compiled(network, found, facts, rules)
    return await _calls(op, network, found, facts, wanted, _compiled(network, found, facts_before, rules))


def _of_network(network: str, found: Sequence[SecurityGroup], facts: Facts) -> list[SecurityGroup]:
    """The network's group and those of its machines, of the groups that were found."""
    shared = network_group(network)
    return [group for group in found if group.name == shared or facts.get(group.id, {}).get("network") == network]


def _compiled(network: str, found: Sequence[SecurityGroup], facts: Facts, rules: Sequence[Rule]) -> Compiled:
    """The rules that the network's groups should have. What groups cannot express is left out."""
    shared = network_group(network)
    machines = [
        Machine(group.name, frozenset(facts[group.id].get("tags", ())))
        for group in _of_network(network, found, facts)
        if group.name != shared
    ]
    expressible = [rule for rule in rules if groups.refusal(rule) is None]
    return groups.compiled(expressible, shared, machines, INSIDE.get(network, frozenset()))


async def _calls(
    op: Op,
    network: str,
    found: Sequence[SecurityGroup],
    facts: Facts,
    wanted: Compiled,
    former: Compiled | None = None,
) -> list[Command]:
    """The calls that add what is wanted, and remove what was there for `former` alone."""
    additions: list[Command] = []
    removals: list[Command] = []
    for group in _of_network(network, found, facts):
        existing = {_group_rule(rule): rule.ruleid for rule in group.ingressrule}
        missing = wanted[group.name] - existing.keys()
        account = await _account(op, group) if any(rule.group for rule in missing) else ""
        additions += groups.additions(group.id, account, missing)
        if former:
            surplus = (former[group.name] - wanted[group.name]) & existing.keys()
            removals += groups.removals({rule: existing[rule] for rule in surplus})
    return [*additions, *removals]


def _group_rule(rule: SecurityGroupRule) -> GroupRule:
    if rule.protocol == "icmp":
        return GroupRule("icmp", rule.icmptype, rule.icmpcode, rule.cidr, rule.securitygroupname)
    return GroupRule(rule.protocol, rule.startport, rule.endport, rule.cidr, rule.securitygroupname)


async def _account(op: Op, group: SecurityGroup) -> str:
    """The account that owns source groups, as CloudStack names it: in a project it is the project's own account."""
    if not op.cloudstack.project:
        return group.account
    outside = op.cloudstack.in_project(None)
    found = await outside.reference("listProjects", _Project, {"id": op.cloudstack.project})
    return found[0].projectaccountname if found else ""


async def _create(op: Op, step: str, name: str, description: str) -> str:
    parameters = {"name": name, "description": description}
    return await create_unique(op, step, "createSecurityGroup", parameters, lambda op: _id_of(op, name))


async def _id_of(op: Op, name: str) -> str:
    return next((group.id for group in await read_groups(op.cloudstack, [name])), "")


async def _own_among(op: Op, group_ids: Sequence[str]) -> list[str]:
    """Those of these groups that are a machine's own: the sidecar has facts about them, none about a network's."""
    facts = await op.sidecar.facts(group_ids)
    return [group_id for group_id in group_ids if "network" in facts.get(group_id, {})]


async def _delete(op: Op, step: str, group_id: str) -> None:
    """Delete a machine's own group. Where CloudStack says that it is in use, remove the rules that name it first."""

    async def plan() -> list[Command]:
        found = await read_groups(op.cloudstack)
        name = next((group.name for group in found if group.id == group_id), "")
        ids = [rule.ruleid for group in found for rule in group.ingressrule if name and rule.securitygroupname == name]
        return [Command("revokeSecurityGroupIngress", {"id": rule_id}) for rule_id in ids]

    for number in range(2):
        try:
            await op.run(f"{step}-delete-{number}", "deleteSecurityGroup", {"id": group_id}, probe=harmless)
        except Refusal as refused:
            if refused.error_code == IN_USE:
                await reconcile(op, f"{step}-revoke-{number}", plan)
                continue
            if not refused.missing:
                raise
        await op.forget(f"{step}-forget", group_id)
        return
    await op.warn("CLEANUP_FAILED", f"The security group {group_id} is still in use in CloudStack and was left.")
