"""instanceTemplates and regionInstanceTemplates: kept by the sidecar, since CloudStack has nothing like them.

inventory/instance_templates.py says what a stored template holds; properties.py checks and shows its properties.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_aggregated, list_items
from gstack.gateway.operations import timestamp
from gstack.operations.model import Op, Target, work
from gstack.resources.compute.instance_templates import properties as instance_properties
from gstack.resources.compute.instance_templates import source_instance
from gstack.resources.inventory.instance_templates import COLLECTION, GLOBAL, find
from gstack.resources.inventory.templates import resolve_image
from gstack.resources.inventory.zones import locations_of
from gstack.resources.shared.naming import check_description, check_name, gce_id
from gstack.resources.shared.references import parse_reference


class StoredTemplate(msgspec.Struct, frozen=True):
    """The template to store or to remove, as the sidecar keeps it."""

    template: dict[str, Any] = msgspec.field(name="kept")  # its key in the journal


def to_gce(call: Call, template: Mapping[str, Any]) -> dict[str, Any]:
    """An InstanceTemplate."""
    scope = template["scope"]
    shown = {
        "id": template["id"],
        "name": template["name"],
        "description": template["description"],
        "creationTimestamp": template["creationTimestamp"],
        "properties": instance_properties.to_gce(template["properties"], call.links, call.link),
        "sourceInstance": call.link(template["source"]) if template.get("source") else "",
        "region": call.link(scope) if scope != GLOBAL else "",
        "selfLink": call.link(f"{scope}/{COLLECTION}/{template['name']}"),
    }
    return {name: value for name, value in shown.items() if value != "" or name == "description"}


@serves("compute.instanceTemplates.get", "compute.regionInstanceTemplates.get")
async def get(call: Call) -> dict[str, Any]:
    return to_gce(call, await find(call, await _scope(call), call.params["instanceTemplate"]))


@serves("compute.instanceTemplates.list", "compute.regionInstanceTemplates.list")
async def list_(call: Call) -> dict[str, Any]:
    stored = await call.sidecar.objects(call.owner_id, COLLECTION, await _scope(call))
    return await list_items(call, in_memory(to_gce(call, one) for one in stored))


@serves("compute.instanceTemplates.aggregatedList")
async def aggregated_list(call: Call) -> dict[str, Any]:
    everywhere = await locations_of(call)
    stored = await call.sidecar.objects(call.owner_id, COLLECTION)
    scopes = [GLOBAL, *(f"regions/{location.region}" for location in everywhere.all)]
    return await list_aggregated(call, in_memory(to_gce(call, one) for one in stored), scopes)


@serves("compute.instanceTemplates.insert", "compute.regionInstanceTemplates.insert")
async def insert(call: Call) -> dict[str, Any]:
    """Check the properties as an instance's own; the images of the disks must exist."""
    body, scope = call.body, await _scope(call)
    name = check_name("resource.name", body.get("name"))
    if body.get("sourceInstance"):
        if body.get("properties"):
            raise Problem.invalid("resource", "send either properties or sourceInstance, not both.")
        sent = await source_instance.properties_of(call)
    elif body.get("properties"):
        sent = body["properties"]
    else:
        raise Problem.required("resource.properties")
    properties = instance_properties.checked(sent, call.project)
    if await call.sidecar.object(call.owner_id, COLLECTION, scope, name):
        raise Problem.already_exists(call.resource(f"{scope}/{COLLECTION}/{name}"))
    for path in dict.fromkeys(instance_properties.images_of(properties)):
        await resolve_image(call, path)
    source = parse_reference(body.get("sourceInstance") or "")
    template = {
        "id": gce_id(str(uuid.uuid4())),
        "name": name,
        "description": check_description(body),
        "creationTimestamp": timestamp(datetime.now(UTC)),
        "scope": scope,
        "properties": properties,
        "source": f"{source.scope}/{source.collection}/{source.name}" if source.name else "",
    }
    return await call.start(store, _target(template), StoredTemplate(template))


@serves("compute.instanceTemplates.delete", "compute.regionInstanceTemplates.delete")
async def delete(call: Call) -> dict[str, Any]:
    """Forget the template. Instances that were created from it stay."""
    template = await find(call, await _scope(call), call.params["instanceTemplate"])
    return await call.start(remove, _target(template), StoredTemplate(template))


@work("instanceTemplates.insert", StoredTemplate)
async def store(op: Op, request: StoredTemplate) -> None:
    template = request.template

    async def write() -> bool:
        await op.sidecar.put_object(op.operation.owner, COLLECTION, template["scope"], template["name"], template)
        return True

    await op.decide("keep", write)


@work("instanceTemplates.delete", StoredTemplate)
async def remove(op: Op, request: StoredTemplate) -> None:
    template = request.template

    async def drop() -> bool:
        await op.sidecar.drop_object(op.operation.owner, COLLECTION, template["scope"], template["name"])
        return True

    await op.decide("drop", drop)


async def _scope(call: Call) -> str:
    """`global`, or `regions/r` under the name that lists show; 404 for an unknown region."""
    if "region" not in call.params:
        return GLOBAL
    everywhere = await locations_of(call)
    return f"regions/{everywhere.region(call.project, call.params['region']).region}"


def _target(template: Mapping[str, Any]) -> Target:
    return Target(template["scope"], COLLECTION, template["name"], template["id"])
