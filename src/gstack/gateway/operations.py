"""Google's Operation resource: how an operation of the journal looks in answers, with its errors and warnings."""

from datetime import datetime
from typing import Any

from gstack.gateway.links import Links
from gstack.operations.model import Fault, Operation, Warned


def operation_to_gce(operation: Operation, links: Links) -> dict[str, Any]:
    """Return Google's Operation resource. Every answer about one operation gives it the same selfLink."""
    scope = operation.target.scope
    shown: dict[str, Any] = {
        "kind": "compute#operation",
        "id": operation.id,
        "name": operation.name,
        "operationType": operation.operation_type,
        "status": operation.status,
        "progress": operation.progress,
        "user": operation.user,
        "insertTime": timestamp(operation.insert_time),
        "selfLink": links.project(operation.project, f"{scope}/operations/{operation.name}"),
        "targetLink": links.project(operation.project, operation.target.path),
    }
    if scope != "global":
        kind, name = scope.split("/")
        shown[kind.removesuffix("s")] = links.project(operation.project, f"{kind}/{name}")
    optional = {
        "operationGroupId": operation.args.get("operation_group"),
        "startTime": operation.start_time and timestamp(operation.start_time),
        "endTime": operation.end_time and timestamp(operation.end_time),
        "targetId": operation.target.id,
        "statusMessage": operation.status_message,
        "clientOperationId": operation.request_id,
        "warnings": [warning_to_gce(warning) for warning in operation.warnings],
    }
    shown |= {name: value for name, value in optional.items() if value}
    if operation.faults:
        shown["error"] = {"errors": [_fault_to_gce(fault) for fault in operation.faults]}
        shown["httpErrorStatusCode"] = operation.http_status
        shown["httpErrorMessage"] = operation.http_message
    return shown


def _fault_to_gce(fault: Fault) -> dict[str, str]:
    shown = {"code": fault.code, "message": fault.message}
    return shown | ({"location": fault.location} if fault.location else {})


def warning_to_gce(warning: Warned) -> dict[str, Any]:
    """Return Google's warning object: code, message and key-value data."""
    data = [{"key": key, "value": value} for key, value in warning.data.items()]
    return {"code": warning.code, "message": warning.message, "data": data}


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 with milliseconds, as Google writes it: `2026-11-22T10:00:00.000+00:00`. Takes UTC only."""
    return moment.isoformat(timespec="milliseconds")
