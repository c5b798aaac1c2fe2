"""imageFamilyViews."""

import pytest

from fixtures.gce import Gce


@pytest.mark.parametrize("zone", ["-", "sandbox-east1-a", "Sandbox-simulator"])
def test_get(gce: Gce, zone: str) -> None:
    """The default image of gcloud is found in any zone and in each."""
    view = gce.get(f"/compute/v1/projects/debian-cloud/zones/{zone}/imageFamilyViews/debian-12")
    assert view["image"]["name"] == "debian-12-v20260101"


def test_unknown_is_404(gce: Gce) -> None:
    """An unknown family or zone is not found."""
    gce.refused("GET", "/compute/v1/projects/debian-cloud/zones/-/imageFamilyViews/debian-1", 404)
    gce.refused("GET", "/compute/v1/projects/debian-cloud/zones/nowhere/imageFamilyViews/debian-12", 404)
