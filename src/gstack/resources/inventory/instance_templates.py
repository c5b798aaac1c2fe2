"""Instance templates: objects of Google's alone, so the sidecar keeps them.

An instance template is `{"id", "name", "description", "creationTimestamp", "scope", "properties", "source"}`. Its
scope is `global` or `regions/r`; its source is the path of the instance that it was made from, or empty.
"""

import copy
from typing import Any

from gstack.errors import Problem
from gstack.resources.inventory.accounts import project_of
from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.references import parse_reference

COLLECTION = "instanceTemplates"
GLOBAL = "global"


async def find(reader: Reader, scope: str, name: str) -> dict[str, Any]:
    """The instance template of this name or numeric id in a scope; 404 where there is none."""
    if name.isdigit():
        everything = await reader.sidecar.objects(reader.owner_id, COLLECTION, scope)
        template = next((one for one in everything if one["id"] == name), None)
    else:
        template = await reader.sidecar.object(reader.owner_id, COLLECTION, scope, name)
    if template is None:
        raise Problem.not_found(f"projects/{reader.project}/{scope}/{COLLECTION}/{name}")
    return template


async def template_properties(reader: Reader, text: str) -> dict[str, Any]:
    """The InstanceProperties of the instance template that `sourceInstanceTemplate` refers to, as a copy.

    They were checked by the insert: machine and disk types are bare names, references are paths. A bare name means a
    global instance template. 400 for a reference to something else, 404 where there is no such instance template.
    """
    reference = parse_reference(text)
    if not reference.can_be(COLLECTION) or reference.zone:
        message = f"'{text}'. Send global/{COLLECTION}/TEMPLATE or regions/REGION/{COLLECTION}/TEMPLATE."
        raise Problem.invalid("sourceInstanceTemplate", message)
    scope = reference.scope or GLOBAL
    if project_of(reader, reference.project) != reader.project:
        raise Problem.not_found(f"projects/{reference.project}/{scope}/{COLLECTION}/{reference.name}")
    template = await find(reader, scope, reference.name)
    return copy.deepcopy(dict(template["properties"]))
