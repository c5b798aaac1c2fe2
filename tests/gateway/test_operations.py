"""Google's Operation resource."""

from datetime import UTC, datetime

from gstack.gateway.links import Links
from gstack.gateway.operations import operation_to_gce, timestamp, warning_to_gce
from gstack.operations.model import Fault, Operation, Target, Warned

LINKS = Links("https://localhost:5000/compute/v1/")
BEGUN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def operation(target: Target, **changes: object) -> Operation:
    facts = {
        "id": "12",
        "name": "operation-1",
        "owner": "a-1",
        "project": "demo",
        "method": "compute.disks.insert",
        "operation_type": "insert",
        "work": "disks.insert",
        "target": target,
        "user": "demo@example.com",
        "credential": "c1",
        "args": {},
        "insert_time": BEGUN,
    }
    return Operation(**(facts | changes))  # type: ignore[arg-type]  # made of the test's own values


def test_an_operation_shows_where_it_is() -> None:
    """A zonal operation has its zone's URL, a global one neither zone nor region."""
    shown = operation_to_gce(operation(Target("zones/z", "disks", "d", "7")), LINKS)
    assert shown["zone"] == "https://localhost:5000/compute/v1/projects/demo/zones/z"
    assert shown["selfLink"].endswith("/projects/demo/zones/z/operations/operation-1")
    assert (shown["targetLink"], shown["targetId"]) == (LINKS.project("demo", "zones/z/disks/d"), "7")
    assert not {"zone", "region"} & operation_to_gce(operation(Target("global", "firewalls", "f")), LINKS).keys()


def test_a_failed_operation_says_so_twice() -> None:
    """Google's SDK reads the HTTP status, gcloud the list of errors."""
    failed = operation(
        Target("zones/z", "disks", "d"),
        status="DONE",
        http_status=403,
        http_message="FORBIDDEN",
        faults=(Fault("QUOTA_EXCEEDED", "Too many.", "disks"),),
        end_time=BEGUN,
    )
    shown = operation_to_gce(failed, LINKS)
    assert shown["error"] == {"errors": [{"code": "QUOTA_EXCEEDED", "message": "Too many.", "location": "disks"}]}
    assert (shown["httpErrorStatusCode"], shown["httpErrorMessage"]) == (403, "FORBIDDEN")
    assert shown["endTime"] == "2026-11-22T10:00:00.000+00:00" == timestamp(BEGUN)


def test_warnings_carry_their_data() -> None:
    """Google's warnings have key-value pairs."""
    shown = warning_to_gce(Warned("FIELD_VALUE_OVERRIDEN", "Rounded.", {"field": "size"}))
    assert shown["data"] == [{"key": "field", "value": "size"}]
