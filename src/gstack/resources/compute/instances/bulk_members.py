"""An operation of instances.bulkInsert as Google shows it: with an operation of type `insert` for each instance.

The journal has the one operation; its members are shown beside it in lists (gcloud asks for them by their
`operationGroupId`), and by their own names, `<its name>-<number>`. Pure.
"""

import re
from collections.abc import Mapping
from typing import Any

from gstack.gateway.call import Links, operation_to_gce
from gstack.operations.model import DONE, Operation
from gstack.resources.shared.naming import gce_id

FAILED = "PARTIAL_SUCCESS"  # the code of the warnings about instances that were not made, with data `instance`
WORK = "instances.bulkInsert"
_MEMBER = re.compile(r"(?P<whole>.+)-(?P<number>[1-9]\d{0,3})")


def members(operation: Operation, links: Links) -> list[dict[str, Any]]:
    """The operations of the instances; none of an operation of another kind."""
    if operation.work != WORK:
        return []
    whole = operation_to_gce(operation, links)
    lost = {warned.data["instance"]: warned.message for warned in operation.warnings if warned.code == FAILED}
    names = operation.args["names"]
    return [_member(operation, whole, number, lost, links) for number in range(1, len(names) + 1)]


def member(operation: Operation, number: int, links: Links) -> dict[str, Any] | None:
    """One of them, or None."""
    known = members(operation, links)
    return known[number - 1] if number <= len(known) else None


def parse_member(name: str) -> tuple[str, int] | None:
    """The name of the whole operation, and the number; None for what is no member's name."""
    match = _MEMBER.fullmatch(name)
    return (match["whole"], int(match["number"])) if match else None


def _member(
    operation: Operation, whole: Mapping[str, Any], number: int, lost: Mapping[str, str], links: Links
) -> dict[str, Any]:
    instance, scope, name = operation.args["names"][number - 1], operation.target.scope, f"{operation.name}-{number}"
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
    if operation.status == DONE and instance in lost:
        shown |= {
            "error": {"errors": [{"code": FAILED, "message": lost[instance]}]},
            "httpErrorStatusCode": 400,
            "httpErrorMessage": "BAD REQUEST",
        }
    return shown
