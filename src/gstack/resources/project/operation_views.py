"""How the three operation collections of Google's are read: one journal, seen by scope.

The work behind an operation goes on whether or not CloudStack answers, so these reads ask the journal first; the
zone's or region's own name is looked up only where the journal knows no operation under the name in the URL (both a
CloudStack zone's name and its alias are accepted everywhere).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, operation_to_gce
from gstack.gateway.listing import Batch, Fetch, Window, list_items
from gstack.operations.model import Operation
from gstack.resources.compute.instances.bulk_members import member, members, parse_member
from gstack.resources.inventory.zones import locations

Ask = Callable[[str], Awaitable[Any]]
Look = Callable[[str, str, str], Awaitable[Operation | None]]


async def get_operation(call: Call) -> dict[str, Any]:
    """Answer `get`: the operation as it is now."""
    return await _answered(call, call.journal.get)


async def wait_for_operation(call: Call) -> dict[str, Any]:
    """Answer `wait`: the operation once it is DONE, or as it is when the wait's limit ends."""
    return await _answered(call, call.journal.wait)


async def delete_operation(call: Call) -> dict[str, Any]:
    """Answer `delete`: forget an operation that is DONE. Google's answer is empty."""
    if not await _asked(call, lambda scope: call.journal.delete(call.owner_id, scope, _name(call))):
        raise _missing(call)
    return {}


async def list_operations(call: Call) -> dict[str, Any]:
    """Answer `list`: the operations of the scope in the URL."""
    return await list_items(call, of_scope(call, await scope_of(call)))


def of_scope(call: Call, scope: str | None) -> Fetch:
    """Pages of the journal, oldest first; `None` means every scope."""

    async def fetch(window: Window) -> Batch:
        offset = (window.page - 1) * window.size
        found = await call.journal.list(call.owner_id, scope, limit=window.size, offset=offset)
        shown = [item for one in found for item in (operation_to_gce(one, call.links), *members(one, call.links))]
        return Batch(shown, last=len(found) < window.size)

    return fetch


async def scope_of(call: Call) -> str:
    """`zones/z`, `regions/r` or `global`, by the names that this server gives; 404 for a place that is none."""
    if "zone" in call.params:
        known = await locations(call.cloudstack, call.settings.names)
        return f"zones/{known.zone(call.project, call.params['zone']).zone}"
    if "region" in call.params:
        known = await locations(call.cloudstack, call.settings.names)
        return f"regions/{known.region(call.project, call.params['region']).region}"
    return "global"


async def _asked(call: Call, ask: Ask) -> Any:
    given = _scope_as_given(call)
    if answer := await ask(given):
        return answer
    named = await scope_of(call)
    return await ask(named) if named != given else None


def _scope_as_given(call: Call) -> str:
    for kind in ("zone", "region"):
        if kind in call.params:
            return f"{kind}s/{call.params[kind]}"
    return "global"


def _name(call: Call) -> str:
    return str(call.params["operation"])


async def _answered(call: Call, look: Look) -> dict[str, Any]:
    """The operation of the name in the URL, or the part of a bulk insert that it names."""
    if found := await _asked(call, lambda scope: look(call.owner_id, scope, _name(call))):
        return operation_to_gce(found, call.links)
    part = parse_member(_name(call))
    whole = await _asked(call, lambda scope: look(call.owner_id, scope, part[0])) if part else None
    if part and whole and (shown := member(whole, part[1], call.links)):
        return shown
    raise _missing(call)


def _missing(call: Call) -> Problem:
    return Problem.not_found(call.resource(f"{_scope_as_given(call)}/operations/{_name(call)}"))
