"""instances.insert, before its row is written: the body checked, everything it names found, nothing sent that changes.

Names are unique in the zone: an instance or disk of the name, or one that is being made, is a 409. What another account
has is nobody's business here: a host name that is taken on a shared network shows only in the work.
"""

import base64
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances.disks_asked import disks_asked
from gstack.resources.compute.instances.free_names import check_free, new_names
from gstack.resources.compute.instances.interfaces_asked import interfaces_asked
from gstack.resources.compute.instances.plan import Plan
from gstack.resources.compute.instances.set_tags import check_tags
from gstack.resources.compute.instances.template_asked import body_asked
from gstack.resources.compute.instances.user_data import unserved_keys, user_data
from gstack.resources.inventory import projects, service_offerings
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused as policy
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_description, check_labels, check_name, gce_id
from gstack.resources.shared.references import last_name


async def plan_asked(call: Call, location: Location) -> Plan:
    """Return what the body asks for, on top of its instance template. Problems are Google's: 400, 404, 409."""
    body = call.body = await body_asked(call)
    name = check_name("resource.name", body.get("name"))
    _refuse_unserved(call)
    guest = await _guest(call)
    choice = await _machine_type(call, location)
    template_id, boot, data = await disks_asked(call, location, name)
    asked = await interfaces_asked(call, location)
    await check_free(call, location, name, new_names([boot, *data]))
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
        tags=tuple(check_tags(body.get("tags") or {}, "resource.tags")),
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


async def _machine_type(call: Call, location: Location) -> service_offerings.MachineChoice:
    field = "resource.machineType"
    wanted = call.body.get("machineType")
    if not wanted:
        raise Problem.required(field)
    return await service_offerings.choose(call, wanted, field, location)


def _custom(machine_type: str) -> str:
    """The name of a custom type, which is shown again as it was asked for; empty for others."""
    name = last_name(machine_type)
    return name if service_offerings.custom_size(name) else ""
