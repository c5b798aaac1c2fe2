"""instances.setTags: the network tags in the sidecar, and in zones with security groups the rules that follow them.

There a machine has a group of its own, whose rules are those of the firewalls whose target tags it carries, and which
stands for the machine where a firewall names source tags. So the tags change while the machine runs. Elsewhere no rule
looks at tags (docs: zones), and none has to change.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.subject import Subject, begin, takes_turns, wanted
from gstack.resources.shared.naming import NAME_PATTERN, check_fingerprint, is_name
from gstack.resources.steps import security_groups
from gstack.resources.steps.creation import write_down

_MOST = 64  # Google's limit


class _Group(msgspec.Struct, frozen=True):
    id: str


class _Machine(msgspec.Struct, frozen=True):
    securitygroup: tuple[_Group, ...] = ()


@serves("compute.instances.setTags")
async def set_tags(call: Call) -> dict[str, Any]:
    """Replace the tags. 412 when a fingerprint was sent and is old."""
    subject = await wanted(call)
    tags, sent = check_tags(call.body, "tags"), call.body.get("fingerprint", "")
    check_fingerprint(sent, subject.facts.get("tags", []))
    return await begin(call, retag, subject, change(subject, tags, sent))


def change(subject: Subject, tags: list[str], sent: str = "") -> dict[str, Any]:
    """The args of the work that gives the machine these tags."""
    return {"tags": tags, "fingerprint": sent, "groups": subject.location.security_groups}


def check_tags(sent: Mapping[str, Any], field: str) -> list[str]:
    """The tags of a Tags object, each once. Problem.invalid where Google would say so."""
    items = sent.get("items") or []
    if len(items) > _MOST:
        raise Problem.invalid(f"{field}.items", f"at most {_MOST} tags are allowed, {len(items)} were sent.")
    for index, tag in enumerate(items):
        if not is_name(tag):
            why = f"'{tag}'. Must be a match of regex '(?:{NAME_PATTERN})'"
            raise Problem.invalid(f"{field}.items[{index}]", why)
    return list(dict.fromkeys(items))


@takes_turns
@work("instances.setTags")
async def retag(op: Op) -> None:
    """Look at the fingerprint once more, change the rules, write the tags down."""
    machine_id, tags = op.args["machine_id"], op.args["tags"]
    await op.decide("check", lambda: _check(op))
    if op.args["groups"]:
        group_ids = await op.decide("groups", lambda: _groups(op))
        await security_groups.retag(op, "rules", group_ids, tags)
    await write_down(op, "facts", machine_id, op.args["kind"], {"tags": tags})


async def _check(op: Op) -> bool:
    machine_id = op.args["machine_id"]
    current = (await op.sidecar.facts([machine_id])).get(machine_id, {}).get("tags", [])
    check_fingerprint(op.args["fingerprint"], current)
    return True


async def _groups(op: Op) -> list[str]:
    narrowed = {"id": op.args["machine_id"], "details": ("secgrp",)}
    found = await op.cloudstack.list_all("listVirtualMachines", _Machine, narrowed)
    return [group.id for machine in found for group in machine.securitygroup]
