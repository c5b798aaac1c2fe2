"""How Google's two collections of instance templates are served: one kind of object in the sidecar, seen by scope.

CloudStack has nothing like them. An object is `{"id", "name", "description", "creationTimestamp", "scope",
"properties", "source"}`; its scope is `global` or `regions/r`, its source the path of an instance or empty.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, timestamp
from gstack.operations.model import Op, Target, work
from gstack.resources.compute import instance_properties, source_instances
from gstack.resources.inventory.templates import resolve_image
from gstack.resources.inventory.zones import locations
from gstack.resources.shared.naming import check_description, check_name, gce_id
from gstack.resources.shared.references import parse_reference

COLLECTION = "instanceTemplates"
GLOBAL = "global"


def to_gce(call: Call, kept: Mapping[str, Any]) -> dict[str, Any]:
    """An InstanceTemplate."""
    scope = kept["scope"]
    shown = {
        "id": kept["id"],
        "name": kept["name"],
        "description": kept["description"],
        "creationTimestamp": kept["creationTimestamp"],
        "properties": instance_properties.to_gce(kept["properties"], call.link),
        "sourceInstance": call.link(kept["source"]) if kept.get("source") else "",
        "region": call.link(scope) if scope != GLOBAL else "",
        "selfLink": call.link(f"{scope}/{COLLECTION}/{kept['name']}"),
    }
    return {name: value for name, value in shown.items() if value != "" or name == "description"}


async def scope_of(call: Call) -> str:
    """`global`, or `regions/r` by the name that this server gives; 404 for a region that is none."""
    if "region" not in call.params:
        return GLOBAL
    known = await locations(call.cloudstack, call.settings.names)
    return f"regions/{known.region(call.project, call.params['region']).region}"


async def find(call: Call, scope: str, name: str) -> dict[str, Any]:
    """A template by name or numeric id; 404 as Google words it."""
    if name.isdigit():
        everything = await call.sidecar.objects(call.owner_id, COLLECTION, scope)
        kept = next((one for one in everything if one["id"] == name), None)
    else:
        kept = await call.sidecar.object(call.owner_id, COLLECTION, scope, name)
    if kept is None:
        raise Problem.not_found(call.resource(f"{scope}/{COLLECTION}/{name}"))
    return kept


async def get_template(call: Call) -> dict[str, Any]:
    """Answer `get`."""
    return to_gce(call, await find(call, await scope_of(call), call.params["instanceTemplate"]))


async def insert_template(call: Call) -> dict[str, Any]:
    """Answer `insert`: checked as an instance would be; the images of its disks must be there."""
    body, scope = call.body, await scope_of(call)
    name = check_name("resource.name", body.get("name"))
    properties = instance_properties.checked(await _properties(call), call.project)
    if await call.sidecar.object(call.owner_id, COLLECTION, scope, name):
        raise Problem.already_exists(call.resource(f"{scope}/{COLLECTION}/{name}"))
    for path in dict.fromkeys(instance_properties.images_of(properties)):
        await resolve_image(call, path)
    kept = {
        "id": gce_id(str(uuid.uuid4())),
        "name": name,
        "description": check_description(body),
        "creationTimestamp": timestamp(datetime.now(UTC)),
        "scope": scope,
        "properties": properties,
        "source": _source(call),
    }
    return await call.start(keep, _target(kept), {"kept": kept})


async def _properties(call: Call) -> Mapping[str, Any]:
    """The body's own, or those of the instance that it names."""
    body = call.body
    if body.get("sourceInstance"):
        if body.get("properties"):
            raise Problem.invalid("resource", "properties and sourceInstance exclude each other.")
        return await source_instances.properties_of(call)
    if not body.get("properties"):
        raise Problem.required("resource.properties")
    properties: Mapping[str, Any] = body["properties"]
    return properties


def _source(call: Call) -> str:
    """The path of the instance that the template is of, or empty."""
    told = parse_reference(call.body.get("sourceInstance") or "")
    return f"{told.scope}/{told.collection}/{told.name}" if told.name else ""


async def delete_template(call: Call) -> dict[str, Any]:
    """Answer `delete`. Instances that were made of it stay."""
    kept = await find(call, await scope_of(call), call.params["instanceTemplate"])
    return await call.start(drop, _target(kept), {"kept": kept})


@work("instanceTemplates.insert")
async def keep(op: Op) -> None:
    """Keep the object."""
    kept, owner = op.args["kept"], op.operation.owner

    async def put() -> bool:
        await op.sidecar.put_object(owner, COLLECTION, kept["scope"], kept["name"], kept)
        return True

    await op.decide("keep", put)


@work("instanceTemplates.delete")
async def drop(op: Op) -> None:
    """Drop the object."""
    kept, owner = op.args["kept"], op.operation.owner

    async def forget() -> bool:
        await op.sidecar.drop_object(owner, COLLECTION, kept["scope"], kept["name"])
        return True

    await op.decide("drop", forget)


def _target(kept: Mapping[str, Any]) -> Target:
    return Target(kept["scope"], COLLECTION, kept["name"], kept["id"])
