"""globalOperations, regionOperations and zoneOperations <- the journal. CloudStack has nothing like them.

An operation goes on whether or not CloudStack answers, so these reads ask the journal first. Only where it knows no
operation under the scope in the URL is the zone or region looked up: an alias is accepted wherever a name is.

The journal holds one operation for instances.bulkInsert. It is shown with a member of type `insert` for each instance,
named `<operation>-<number>`: gcloud lists them by their `operationGroupId` to tell what became of each instance.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.links import Links
from gstack.gateway.listing import Fetch, Page, PageRequest, list_aggregated, list_items
from gstack.gateway.operations import operation_to_gce
from gstack.operations.model import DONE, Operation
from gstack.resources.inventory.zones import locations_of
from gstack.resources.shared.naming import gce_id

BULK_INSERT = "instances.bulkInsert"
PARTIAL = "PARTIAL_SUCCESS"  # code of the warnings about instances that were not created; their data name the instance
_MEMBER = re.compile(r"(?P<operation>.+)-(?P<number>[1-9]\d{0,3})")


def members_to_gce(operation: Operation, links: Links) -> list[dict[str, Any]]:
    """The members of a bulk insert, one for each instance; empty for other operations."""
    if operation.work != BULK_INSERT:
        return []
    whole = operation_to_gce(operation, links)
    failed = {warning.data["instance"]: warning.message for warning in operation.warnings if warning.code == PARTIAL}
    return [
        _member_to_gce(operation, whole, number, instance, failed.get(instance), links)
        for number, instance in enumerate(operation.args["names"], start=1)
    ]


def _member_to_gce(
    operation: Operation, whole: Mapping[str, Any], number: int, instance: str, failure: str | None, links: Links
) -> dict[str, Any]:
    name, scope = f"{operation.name}-{number}", operation.target.scope
    shown = {
        field: value for field, value in whole.items() if field not in {"warnings", "targetId", "clientOperationId"}
    }
    shown |= {
        "id": gce_id(f"{operation.id} {number}"),
        "name": name,
        "operationType": "insert",
        "selfLink": links.project(operation.project, f"{scope}/operations/{name}"),
        "targetLink": links.project(operation.project, f"{scope}/instances/{instance}"),
    }
    if operation.status == DONE and failure is not None:
        shown |= {
            "error": {"errors": [{"code": PARTIAL, "message": failure}]},
            "httpErrorStatusCode": 400,
            "httpErrorMessage": "BAD REQUEST",
        }
    return shown


@serves("compute.globalOperations.get", "compute.regionOperations.get", "compute.zoneOperations.get")
async def get(call: Call) -> dict[str, Any]:
    return await _answer(call, call.operations.get)


@serves("compute.globalOperations.wait", "compute.regionOperations.wait", "compute.zoneOperations.wait")
async def wait(call: Call) -> dict[str, Any]:
    """The operation once it is DONE, or as it is when the time limit of the wait ends."""
    return await _answer(call, call.journal.wait)


@serves("compute.globalOperations.delete", "compute.regionOperations.delete", "compute.zoneOperations.delete")
async def delete(call: Call) -> dict[str, Any]:
    """Forget an operation that is DONE. Google's answer is empty."""
    name = str(call.params["operation"])
    if not await _in_scope(call, lambda scope: call.operations.delete(call.owner_id, scope, name)):
        raise _not_found(call)
    return {}


@serves("compute.globalOperations.list", "compute.regionOperations.list", "compute.zoneOperations.list")
async def list_(call: Call) -> dict[str, Any]:
    return await list_items(call, _pages(call, await _listed_scope(call)))


@serves("compute.globalOperations.aggregatedList")
async def aggregated_list(call: Call) -> dict[str, Any]:
    everywhere = (await locations_of(call)).all
    scopes = [path for one in everywhere for path in (f"regions/{one.region}", f"zones/{one.zone}")]
    return await list_aggregated(call, _pages(call, None), ["global", *scopes])


def _pages(call: Call, scope: str | None) -> Fetch:
    """Pages of the journal, oldest first; a scope of None means all scopes."""

    async def fetch(request: PageRequest) -> Page:
        offset = (request.page - 1) * request.size
        found = await call.operations.page(call.owner_id, scope, limit=request.size, offset=offset)
        shown = [
            item for one in found for item in (operation_to_gce(one, call.links), *members_to_gce(one, call.links))
        ]
        return Page(shown, last=len(found) < request.size)

    return fetch


async def _answer(call: Call, read: Callable[[str, str, str], Awaitable[Operation | None]]) -> dict[str, Any]:
    """The operation in the URL, or the member of a bulk insert that the URL names; 404 where there is neither."""
    name = str(call.params["operation"])
    if operation := await _in_scope(call, lambda scope: read(call.owner_id, scope, name)):
        return operation_to_gce(operation, call.links)
    if member := _MEMBER.fullmatch(name):
        bulk = await _in_scope(call, lambda scope: read(call.owner_id, scope, member["operation"]))
        shown = members_to_gce(bulk, call.links) if bulk else []
        if int(member["number"]) <= len(shown):
            return shown[int(member["number"]) - 1]
    raise _not_found(call)


async def _in_scope(call: Call, look: Callable[[str], Awaitable[Any]]) -> Any:
    """What `look` finds in the scope as the URL writes it, or else in the scope as lists show it."""
    if found := await look(_written_scope(call)):
        return found
    listed = await _listed_scope(call)
    return await look(listed) if listed != _written_scope(call) else None


def _written_scope(call: Call) -> str:
    for kind in ("zone", "region"):
        if kind in call.params:
            return f"{kind}s/{call.params[kind]}"
    return "global"


async def _listed_scope(call: Call) -> str:
    """`zones/z`, `regions/r` or `global`, under the names that lists show; 404 where there is no such place."""
    if "zone" in call.params:
        everywhere = await locations_of(call)
        return f"zones/{everywhere.zone(call.project, call.params['zone']).zone}"
    if "region" in call.params:
        everywhere = await locations_of(call)
        return f"regions/{everywhere.region(call.project, call.params['region']).region}"
    return "global"


def _not_found(call: Call) -> Problem:
    return Problem.not_found(call.resource(f"{_written_scope(call)}/operations/{call.params['operation']}"))
