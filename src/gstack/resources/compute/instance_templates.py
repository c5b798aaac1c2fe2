"""instanceTemplates: objects of Google's alone, kept in the sidecar; see template_views and instance_properties."""

import copy
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import list_aggregated, list_items, whole
from gstack.resources.compute import template_views
from gstack.resources.compute.template_views import COLLECTION, GLOBAL, to_gce
from gstack.resources.inventory.accounts import meant
from gstack.resources.inventory.zones import locations
from gstack.resources.shared.references import parse_reference


async def template_properties(call: Call, reference: str) -> dict[str, Any]:
    """The InstanceProperties of a template that a request names, for instances.insert's sourceInstanceTemplate.

    As the client sent them, checked: machine and disk types are bare names, references are paths. A bare name is a
    global template; Problem.not_found names what is not there. The answer is the caller's to change.
    """
    told = parse_reference(reference)
    if not told.can_be(COLLECTION) or told.zone:
        text = f"'{reference}'. Send global/{COLLECTION}/TEMPLATE or regions/REGION/{COLLECTION}/TEMPLATE."
        raise Problem.invalid("sourceInstanceTemplate", text)
    scope = told.scope or GLOBAL
    if meant(call, told.project) != call.project:
        raise Problem.not_found(f"projects/{told.project}/{scope}/{COLLECTION}/{told.name}")
    kept = await template_views.find(call, scope, told.name)
    return copy.deepcopy(dict(kept["properties"]))


@serves("compute.instanceTemplates.get")
async def get(call: Call) -> dict[str, Any]:
    return await template_views.get_template(call)


@serves("compute.instanceTemplates.insert")
async def insert(call: Call) -> dict[str, Any]:
    return await template_views.insert_template(call)


@serves("compute.instanceTemplates.delete")
async def delete(call: Call) -> dict[str, Any]:
    return await template_views.delete_template(call)


@serves("compute.instanceTemplates.list")
async def list_(call: Call) -> dict[str, Any]:
    kept = await call.sidecar.objects(call.owner_id, COLLECTION, GLOBAL)
    return await list_items(call, whole(to_gce(call, one) for one in kept))


@serves("compute.instanceTemplates.aggregatedList")
async def aggregated_list(call: Call) -> dict[str, Any]:
    everywhere = await locations(call.cloudstack, call.settings.names)
    kept = await call.sidecar.objects(call.owner_id, COLLECTION)
    scopes = [GLOBAL, *(f"regions/{location.region}" for location in everywhere.all)]
    return await list_aggregated(call, whole(to_gce(call, one) for one in kept), scopes)
