"""Operations of the whole project: Google's `globalOperations` on the journal (no CloudStack command of its own).

`list` shows those of the global scope; `aggregatedList` those of every zone and region too.
"""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.gateway.listing import list_aggregated
from gstack.resources.inventory.zones import locations
from gstack.resources.project import operation_views


@serves("compute.globalOperations.get")
async def get(call: Call) -> dict[str, Any]:
    return await operation_views.get_operation(call)


@serves("compute.globalOperations.wait")
async def wait(call: Call) -> dict[str, Any]:
    return await operation_views.wait_for_operation(call)


@serves("compute.globalOperations.list")
async def list_(call: Call) -> dict[str, Any]:
    return await operation_views.list_operations(call)


@serves("compute.globalOperations.delete")
async def delete(call: Call) -> dict[str, Any]:
    return await operation_views.delete_operation(call)


@serves("compute.globalOperations.aggregatedList")
async def aggregated_list(call: Call) -> dict[str, Any]:
    known = await locations(call.cloudstack, call.settings.names)
    places = [f"{kind}/{name}" for one in known.all for kind, name in (("regions", one.region), ("zones", one.zone))]
    return await list_aggregated(call, operation_views.of_scope(call, None), ["global", *places])
