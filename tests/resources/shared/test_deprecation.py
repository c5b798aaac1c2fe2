"""DeprecationStatus as tags and back."""

import pytest

from gstack.errors import Problem
from gstack.resources.shared.deprecation import replacement_of, state_of, to_cloudstack, to_gce

NEW = "projects/p/global/images/new"
URL = f"https://www.googleapis.com/compute/v1/{NEW}"


def tags_of(own: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in own.items() if value]


def test_round_trip() -> None:
    """State, dates and replacement come back as they were sent."""
    status = {"state": "OBSOLETE", "deprecated": "2026-01-01T00:00:00Z", "deleted": "2027-01-01T00:00:00.000-08:00"}
    tags = tags_of(to_cloudstack(status, NEW))
    assert (state_of(tags), replacement_of(tags)) == ("OBSOLETE", NEW)
    assert to_gce(tags, URL) == status | {"replacement": URL}


def test_active() -> None:
    """An image that nobody spoke of, or that is active again, has no status; dates alone say ACTIVE."""
    assert (state_of([]), to_gce([], "")) == ("ACTIVE", {})
    own = to_cloudstack({"state": "ACTIVE"}, "")
    assert set(own.values()) == {""}
    tags = tags_of(to_cloudstack({"obsolete": "2030-01-01T00:00:00Z"}, ""))
    assert to_gce(tags, "") == {"state": "ACTIVE", "obsolete": "2030-01-01T00:00:00Z"}


@pytest.mark.parametrize("text", ["soon", "2026-01-01", "2026-13-01T00:00:00Z"])
def test_dates_are_rfc_3339(text: str) -> None:
    """What is no moment is refused."""
    with pytest.raises(Problem, match="obsolete"):
        to_cloudstack({"obsolete": text}, "")


def test_dates_of_gcloud() -> None:
    """`gcloud compute images deprecate --delete-in=1d` writes a moment without a zone, which comes back so."""
    own = to_cloudstack({"state": "OBSOLETE", "deleted": "2026-11-23T22:41:15"}, "")
    assert to_gce(tags_of(own), "") == {"state": "OBSOLETE", "deleted": "2026-11-23T22:41:15"}
