"""Calls, links, and what operations look like."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gstack import resources
from gstack.gateway.call import Call, Links, operation_to_gce, served, serves, timestamp, warning_to_gce
from gstack.operations.model import Fault, Operation, Target, Warned

LINKS = Links("https://localhost:5000/compute/v1/")
BEGUN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def operation(target: Target, **changes: object) -> Operation:
    known = {
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
    return Operation(**(known | changes))  # type: ignore[arg-type]  # made of the test's own values


def test_links_belong_to_projects() -> None:
    """Paths hang below the project; images are always at Google's, where Terraform wants them."""
    assert LINKS.project("demo", "zones/z") == "https://localhost:5000/compute/v1/projects/demo/zones/z"
    assert LINKS.project("demo") == "https://localhost:5000/compute/v1/projects/demo"
    assert LINKS.image("p", "i") == "https://www.googleapis.com/compute/v1/projects/p/global/images/i"


def test_a_call_names_resources(make_call: Callable[..., Call]) -> None:
    """Problems use relative names, answers absolute ones."""
    call = make_call("compute.disks.get")
    assert call.resource("zones/z/disks/d") == "projects/demo/zones/z/disks/d"
    assert call.link("zones/z", "other").endswith("/projects/other/zones/z")
    assert call.owner_id == "a-1"


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


def test_a_method_is_served_once() -> None:
    """Two functions for one method are a fault found at import."""
    resources.load()
    before = dict(served())
    with pytest.raises(ValueError, match=r"compute\.zones\.get is served twice"):
        serves("compute.zones.get")(_nothing)
    assert served() == before


async def _nothing(_: Call) -> None:
    return None
