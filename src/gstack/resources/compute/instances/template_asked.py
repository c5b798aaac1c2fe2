"""instances.insert?sourceInstanceTemplate: the template's properties, beneath what the body says.

Google's rule: a field of the body replaces the template's as a whole; nothing is merged within.
"""

from collections.abc import Mapping
from typing import Any

from gstack.gateway.call import Call
from gstack.resources.inventory.instance_templates import template_properties


async def body_asked(call: Call) -> dict[str, Any]:
    """The body of the request, with the properties of the template that it names beneath it."""
    reference = call.params.get("sourceInstanceTemplate")
    if not reference:
        return call.body
    return beneath(await template_properties(call, reference), call.body)


def beneath(properties: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """Put a template's properties beneath a body; a field that the body leaves empty counts as not sent. Pure."""
    sent = {name: value for name, value in body.items() if value not in (None, "", [], {})}
    return {**properties, **sent}
