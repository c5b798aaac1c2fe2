"""Operations of a region: Google's `regionOperations` on the journal (no CloudStack command of its own)."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.resources.project import operation_views


@serves("compute.regionOperations.get")
async def get(call: Call) -> dict[str, Any]:
    return await operation_views.get_operation(call)


@serves("compute.regionOperations.wait")
async def wait(call: Call) -> dict[str, Any]:
    return await operation_views.wait_for_operation(call)


@serves("compute.regionOperations.list")
async def list_(call: Call) -> dict[str, Any]:
    return await operation_views.list_operations(call)


@serves("compute.regionOperations.delete")
async def delete(call: Call) -> dict[str, Any]:
    return await operation_views.delete_operation(call)
