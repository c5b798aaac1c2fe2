"""What instances.bulkInsert asks for: one plan for all, and the names. Sends nothing that changes.

The first instance is checked as instances.insert checks it; the others are the same under their own names, which are
looked for in one listing of the zone's machines and one of its disks: here, and by the work under the names' holds.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace as with_fields
from typing import Any

import msgspec
from msgspec.structs import replace

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.asked import plan_asked
from gstack.resources.compute.instances.plan import DiskPlan, Plan
from gstack.resources.inventory import machines, volumes
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused as policy
from gstack.resources.shared.naming import NAME_LENGTH, check_name

_MOST = 1000  # Google's limit
_PLACEHOLDER = re.compile(r"#{1,18}")
_REFUSED = {
    "instanceFlexibilityPolicy": "machine types are not chosen here. Send one in instanceProperties.machineType.",
    "locationPolicy": "CloudStack places machines by itself.",
}
_TAGS_OF_MANAGER = "resource manager tags are not served here."


class Asked(msgspec.Struct, frozen=True):
    """All instances: `plan` is that of the first name. JSON-able, for `op.args`."""

    plan: Plan
    names: tuple[str, ...]
    least: int


async def bulk_asked(call: Call, location: Location) -> Asked:
    """Return what the body asks for. Problems are Google's: 400, 404, 409."""
    body = call.body
    policy.refuse(body, _REFUSED, "resource")
    policy.refuse(body.get("instanceProperties") or {}, {"resourceManagerTags": _TAGS_OF_MANAGER}, "resource")
    taken = await taken_names(call.cloudstack, call.sidecar, location.id)
    names = await _names(call, location, taken[0])
    plan = await _plan(call, location, names[0])
    asked = Asked(plan, names, _least(body, len(names)))
    _check_alone(plan)
    _check_disks(asked)
    check_free(call.project, asked, taken)
    return asked


def plans(asked: Asked) -> list[Plan]:
    """The plan of each instance, by the first one's. Pure."""
    return [_called(asked.plan, name) for name in asked.names]


def _called(plan: Plan, name: str) -> Plan:
    data = (replace(disk, name=_disk_name(disk, plan.name, name)) for disk in plan.data)
    return replace(plan, name=name, boot=replace(plan.boot, name=name), data=tuple(data))


def _disk_name(disk: DiskPlan, first: str, name: str) -> str:
    """A disk is called after its machine: `vm-1-2` -> `vm-7-2`, cut as instances.insert cuts it."""
    number = disk.name.removeprefix(first[:60])
    return f"{name[: NAME_LENGTH - len(number)]}{number}"


async def taken_names(cloudstack: Client, sidecar: Sidecar, zone_id: str) -> tuple[set[str], set[str]]:
    """The names of the zone's instances and disks."""
    there, disks = await asyncio.gather(
        machines.search(cloudstack, sidecar, {"zoneid": zone_id}),
        volumes.search(cloudstack, sidecar, {"zoneid": zone_id}),
    )
    return {one.name for one in there}, {one.name for one in disks}


async def _names(call: Call, location: Location, taken: Collection[str]) -> tuple[str, ...]:
    pattern, each = call.body.get("namePattern", ""), call.body.get("perInstanceProperties") or {}
    if bool(pattern) == bool(each):
        raise Problem.invalid("resource.namePattern", "send either namePattern or perInstanceProperties.")
    count = _count(call.body, len(each))
    if pattern:
        return await _numbered(call, location, pattern, count, taken)
    for name, properties in each.items():
        check_name("resource.perInstanceProperties", name)
        policy.refuse(properties or {}, {"hostname": policy.INSTANCE["hostname"]}, "resource.perInstanceProperties")
        if (properties or {}).get("name", name) != name:
            raise Problem.invalid(
                "resource.perInstanceProperties", f"'{name}' has another name. The keys are the names."
            )
    return tuple(each)


def _count(body: Mapping[str, Any], named: int) -> int:
    count = int(body.get("count") or named)
    if not 1 <= count <= _MOST:
        raise Problem.invalid("resource.count", f"'{count}'. Must be from 1 to {_MOST}.")
    if named and count != named:
        raise Problem.invalid("resource.count", f"'{count}'. perInstanceProperties has {named} names.")
    return count


def _least(body: Mapping[str, Any], count: int) -> int:
    least = int(body.get("minCount") or count)
    if not 1 <= least <= count:
        raise Problem.invalid("resource.minCount", f"'{least}'. Must be from 1 to count, {count}.")
    return least


async def _numbered(
    call: Call, location: Location, pattern: str, count: int, taken: Collection[str]
) -> tuple[str, ...]:
    """Names of the pattern, from after the greatest number that is there or is being made, as on GCE."""
    digits = check_pattern(pattern)
    start = first_number(pattern, taken)
    while await call.operations.holder(call.owner_id, f"zones/{location.zone}/instances/{_filled(pattern, start)}"):
        start += 1
    if len(str(start + count - 1)) > digits:
        why = f"'{pattern}'. It has no room for {count} names from number {start} on."
        raise Problem.invalid("resource.namePattern", why)
    return tuple(_filled(pattern, number) for number in range(start, start + count))


def check_pattern(pattern: str) -> int:
    """The number of digits of a name pattern; Problem.invalid for what is none."""
    field = "resource.namePattern"
    found = _PLACEHOLDER.findall(pattern)
    if len(found) != 1 or pattern.count("#") != len(found[0]):
        raise Problem.invalid(field, f"'{pattern}'. It must have one sequence of 1 to 18 '#'.")
    check_name(field, _filled(pattern, 1))
    return len(found[0])


def first_number(pattern: str, taken: Collection[str]) -> int:
    """The number after the greatest one among the names that match the pattern; 1 where there is none. Pure."""
    before, digits, after = _parts(pattern)
    matching = re.compile(rf"{re.escape(before)}(\d{{{digits}}}){re.escape(after)}")
    return max((int(match[1]) for name in taken if (match := matching.fullmatch(name))), default=0) + 1


def _filled(pattern: str, number: int) -> str:
    before, digits, after = _parts(pattern)
    return f"{before}{number:0{digits}}{after}"


def _parts(pattern: str) -> tuple[str, int, str]:
    digits = pattern.count("#")
    before, _, after = pattern.partition("#" * digits)
    return before, digits, after


async def _plan(call: Call, location: Location, name: str) -> Plan:
    """The first instance as instances.insert would plan it."""
    properties = call.body.get("instanceProperties") or {}
    template = call.body.get("sourceInstanceTemplate")
    params = {**call.params, **({"sourceInstanceTemplate": template} if template else {})}
    return await plan_asked(with_fields(call, body={**properties, "name": name}, params=params), location)


def _check_alone(plan: Plan) -> None:
    """What only one machine can have."""
    field = "resource.instanceProperties"
    if plan.ip or any(one.ip for one in plan.others):
        raise Problem.unsupported(f"{field}.networkInterfaces", "one networkIP cannot serve several instances.")
    if plan.address.held:
        raise Problem.unsupported(f"{field}.networkInterfaces", "one natIP cannot serve several instances.")
    for disk in (plan.boot, *plan.data):
        if disk.volume_id:
            raise Problem.unsupported(f"{field}.disks", f"the disk '{disk.name}' cannot serve several instances.")
    if plan.boot.name != plan.name or any(not disk.name.startswith(plan.name[:60]) for disk in plan.data):
        raise Problem.unsupported(f"{field}.disks", "one diskName cannot serve several instances. Leave it out.")


def _check_disks(asked: Asked) -> None:
    everything = [disk for plan in plans(asked) for disk in disks_of(plan)]
    if len({*everything}) < len(everything):
        raise Problem.invalid("resource.namePattern", "the names are too long: disks of several would have one name.")


def check_free(project: str, asked: Asked, taken: tuple[Collection[str], Collection[str]]) -> None:
    """409 where one of the names is taken. Pure."""
    scope = f"projects/{project}/zones/{asked.plan.zone}"
    for plan in plans(asked):
        if plan.name in taken[0]:
            raise Problem.already_exists(f"{scope}/instances/{plan.name}")
        for disk in disks_of(plan):
            if disk in taken[1]:
                raise Problem.already_exists(f"{scope}/disks/{disk}")


def disks_of(plan: Plan) -> Sequence[str]:
    """The names of a plan's disks."""
    return [disk.name for disk in (plan.boot, *plan.data)]
