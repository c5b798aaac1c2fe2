"""instances.insert, before its row is written: the body checked, everything it names found, nothing sent that changes.

Names are unique in the zone: an instance or disk of the name, or one that is being made, is a 409. What another account
has is nobody's business here: a host name that is taken on a shared network shows only in the work.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources import machine_types, machines, projects, volumes
from gstack.resources.instances import policy
from gstack.resources.instances.disks_asked import disks_asked
from gstack.resources.instances.interfaces_asked import interfaces_asked
from gstack.resources.instances.plan import DiskPlan, Plan
from gstack.resources.instances.template_asked import body_asked
from gstack.resources.instances.user_data import unserved_keys, user_data
from gstack.resources.locations import Location
from gstack.resources.metadata import check_metadata
from gstack.resources.naming import NAME_PATTERN, check_description, check_labels, check_name, gce_id, is_name
from gstack.resources.references import last_name

_TAGS = 64  # Google's limit of network tags


async def plan_asked(call: Call, location: Location) -> Plan:
    """Return what the body asks for, on top of its instance template. Problems are Google's: 400, 404, 409."""
    body = call.body = await body_asked(call)
    name = check_name("resource.name", body.get("name"))
    _refuse_unserved(call)
    guest = await _guest(call)
    choice = await _machine_type(call, location)
    template_id, boot, data = await disks_asked(call, location, name)
    asked = await interfaces_asked(call, location)
    await _check_free(call, location, name, [disk for disk in (boot, *data) if not disk.volume_id])
    first, *others = asked.interfaces
    return Plan(
        name=name,
        zone=location.zone,
        offering_id=choice.offering_id,
        cpu=choice.cpu,
        memory_mb=choice.memory_mb,
        cpu_speed=choice.cpu_speed,
        template_id=template_id,
        placement=first.placement,
        boot=boot,
        data=data,
        ip=first.ip,
        others=tuple(others),
        external=asked.external,
        address=asked.address,
        address_hold=asked.hold,
        machine_type=_custom(body["machineType"]),
        labels=check_labels(body.get("labels")),
        tags=_tags(body.get("tags") or {}),
        metadata=check_metadata(body.get("metadata"), "resource.metadata"),
        user_data=base64.b64encode(guest).decode(),
        description=check_description(body),
        kept=_kept(call),
        deletion_protection=bool(body.get("deletionProtection")),
    )


def _refuse_unserved(call: Call) -> None:
    if call.params.get("sourceMachineImage"):
        raise Problem.unsupported("sourceMachineImage", policy.INSTANCE["sourceMachineImage"])
    policy.refuse(call.body, policy.INSTANCE, "resource")
    policy.refuse(call.body.get("scheduling") or {}, policy.SCHEDULING, "resource.scheduling")


def _kept(call: Call) -> dict[str, Any]:
    default = f"{gce_id(call.owner_id)}-compute@developer.gserviceaccount.com"
    found = policy.kept(call.body, default)
    for message in (*policy.warnings(found, default), *policy.passed_over(call.body)):
        call.warn(policy.IGNORED, message)
    return found


async def _guest(call: Call) -> bytes:
    own = check_metadata(call.body.get("metadata"), "resource.metadata")
    for key in unserved_keys(own):
        call.warn(policy.IGNORED, f"The metadata key '{key}' is kept and has no effect: nothing in the guest reads it.")
    return user_data(own, await projects.common_metadata(call.sidecar, call.owner_id))


async def _machine_type(call: Call, location: Location) -> machine_types.MachineChoice:
    field = "resource.machineType"
    wanted = call.body.get("machineType")
    if not wanted:
        raise Problem.required(field)
    return await machine_types.choose(call, wanted, field, location)


def _custom(machine_type: str) -> str:
    """The name of a custom type, which is shown again as it was asked for; empty for others."""
    name = last_name(machine_type)
    return name if machine_types.custom_size(name) else ""


def _tags(sent: Mapping[str, Any]) -> tuple[str, ...]:
    items = sent.get("items") or []
    if len(items) > _TAGS:
        raise Problem.invalid("resource.tags.items", f"at most {_TAGS} tags are allowed, {len(items)} were sent.")
    for index, tag in enumerate(items):
        if not is_name(tag):
            why = f"'{tag}'. Must be a match of regex '(?:{NAME_PATTERN})'"
            raise Problem.invalid(f"resource.tags.items[{index}]", why)
    return tuple(dict.fromkeys(items))


async def _check_free(call: Call, location: Location, name: str, disks: Sequence[DiskPlan]) -> None:
    """409 where the zone has an instance or a disk of a name that is to be made."""
    machine, *found = await asyncio.gather(
        machines.find(call.cloudstack, call.sidecar, call.owner_id, location, name),
        *(_disk(call, location, disk.name, name) for disk in disks),
    )
    if machine:
        raise Problem.already_exists(call.resource(f"zones/{location.zone}/instances/{name}"))
    for disk, there in zip(disks, found, strict=True):
        if there:
            raise Problem.already_exists(call.resource(f"zones/{location.zone}/disks/{disk.name}"))


async def _disk(call: Call, location: Location, wanted: str, instance: str) -> volumes.FoundDisk | None:
    """A disk of the name; whether a machine has it is asked for the instance already, where both have one name."""
    others = wanted != instance
    return await volumes.find(call.cloudstack, call.sidecar, call.owner_id, location, wanted, of_machines=others)
