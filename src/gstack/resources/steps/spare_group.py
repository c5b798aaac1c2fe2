"""The security group of machines that nobody is to talk with: nothing comes in, nothing goes out.

A machine without a named group is in the account's `default`, which its owner may have opened. This one has no ingress
rule. CloudStack lets everything out of a group without egress rules, and nothing but what they allow where there are
some: so it has one, which leads back to the machine itself.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.operations.model import Op

NAME = "gstack-spare"

_TEXT = "Machines that make disks of images: nothing comes in, nothing goes out"
_NOWHERE = {"protocol": "tcp", "startport": 1, "endport": 1, "cidrlist": "127.0.0.1/32"}


class _Group(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    egressrule: tuple[dict[str, Any], ...] = ()


async def group(op: Op, step: str) -> str:
    """The uuid of the account's spare group, made where there is none."""
    known = await op.decide(f"{step}-known", lambda: _look(op))
    group_id = known["id"] or await _made(op, f"{step}-make")
    if not known["closed"]:
        await _closed(op, f"{step}-close", group_id)
    return str(group_id)


async def _look(op: Op) -> dict[str, Any]:
    """The group as it is: its uuid or nothing, and whether it lets nothing out."""
    found = await op.cloudstack.list_all("listSecurityGroups", _Group, {"securitygroupname": NAME})
    mine = next((one for one in found if one.name == NAME), None)
    return {"id": mine.id if mine else "", "closed": bool(mine and mine.egressrule)}


async def _made(op: Op, step: str) -> str:
    """Make the group. Another operation may make it at the same time: names are unique in an account."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        known = await _look(op)
        return known if known["id"] else None

    try:
        parameters = {"name": NAME, "description": _TEXT}
        return str((await op.run(step, "createSecurityGroup", parameters, probe=there))["id"])
    except Refusal:
        known = await op.decide(f"{step}-again", lambda: _look(op))
        if not known["id"]:
            raise
        return str(known["id"])


async def _closed(op: Op, step: str, group_id: str) -> None:
    """Give the group its rule. CloudStack refuses a rule that is there already."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        return {} if (await _look(op))["closed"] else None

    try:
        parameters = {"securitygroupid": group_id, **_NOWHERE}
        await op.run(step, "authorizeSecurityGroupEgress", parameters, probe=there)
    except Refusal:
        if not (await op.decide(f"{step}-again", lambda: _look(op)))["closed"]:
            raise
