"""regionInstanceTemplates: the same objects as instanceTemplates, in the scope of a region."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.gateway.listing import list_items, whole
from gstack.resources.compute import template_views
from gstack.resources.compute.template_views import COLLECTION, to_gce


@serves("compute.regionInstanceTemplates.get")
async def get(call: Call) -> dict[str, Any]:
    return await template_views.get_template(call)


@serves("compute.regionInstanceTemplates.insert")
async def insert(call: Call) -> dict[str, Any]:
    return await template_views.insert_template(call)


@serves("compute.regionInstanceTemplates.delete")
async def delete(call: Call) -> dict[str, Any]:
    return await template_views.delete_template(call)


@serves("compute.regionInstanceTemplates.list")
async def list_(call: Call) -> dict[str, Any]:
    kept = await call.sidecar.objects(call.owner_id, COLLECTION, await template_views.scope_of(call))
    return await list_items(call, whole(to_gce(call, one) for one in kept))
