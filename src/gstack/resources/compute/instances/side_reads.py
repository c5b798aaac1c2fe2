"""What else is read of an instance: listReferrers, testIamPermissions and getGuestAttributes.

Nothing here refers to instances (there are no instance groups), so there are no referrers. A caller may do with an
instance what CloudStack lets its owner do. Guests have nowhere to write attributes to: there are none, a 404 as on GCE.
"""

from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_items
from gstack.resources.compute.instances.subject import wanted


@serves("compute.instances.listReferrers")
async def list_referrers(call: Call) -> dict[str, Any]:
    """Nothing, of an instance that is there. `-` means all instances of the zone."""
    if call.params["instance"] != "-":
        await wanted(call)
    return await list_items(call, in_memory([]))


@serves("compute.instances.testIamPermissions")
async def test_iam_permissions(call: Call) -> dict[str, Any]:
    """All that is asked and is about instances, if the instance is there."""
    await wanted(call)
    return {"permissions": [one for one in call.body.get("permissions", []) if one.startswith("compute.instances.")]}


@serves("compute.instances.getGuestAttributes")
async def get_guest_attributes(call: Call) -> dict[str, Any]:
    """404, whatever is asked for."""
    await wanted(call)
    path = str(call.params.get("queryPath") or call.params.get("variableKey") or "")
    text = f"The resource '{path}' of type 'Guest Attribute' was not found."
    raise Problem(404, "notFound", text, code="RESOURCE_NOT_FOUND")
