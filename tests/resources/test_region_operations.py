"""regionOperations by the front door."""

from fixtures.gce import Gce

REGION = "sandbox-east1"


def test_empty_region(gce: Gce) -> None:
    """A region in which nothing happened has no operations."""
    assert gce.items(f"regions/{REGION}/operations") == []


def test_unknown(gce: Gce) -> None:
    """An operation or a region that is not there is a 404 in Google's words, for every method."""
    path = f"regions/{REGION}/operations/none"
    for verb, asked in (("GET", path), ("POST", f"{path}/wait"), ("DELETE", path)):
        assert gce.refused(verb, asked, 404)["message"] == f"The resource 'projects/demo/{path}' was not found"
    gce.refused("GET", "regions/nowhere/operations", 404)
