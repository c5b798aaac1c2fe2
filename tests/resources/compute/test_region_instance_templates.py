"""regionInstanceTemplates by the front door."""

from typing import Any

from fixtures.gce import Gce

PATH = "regions/sandbox-east1/instanceTemplates"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
BODY: dict[str, Any] = {
    "name": "of-region",
    "properties": {
        "machineType": "n1-standard-1",
        "disks": [{"boot": True, "initializeParams": {"sourceImage": IMAGE}}],
    },
}


def test_a_regions_own(gce: Gce, other: Gce) -> None:
    """A regional template links to its region, is in no other scope, and goes by an operation of the region."""
    operation = gce.done(gce.post(PATH, BODY))
    shown = gce.get(f"{PATH}/of-region")
    assert "/regions/sandbox-east1/operations/" in operation["selfLink"]
    assert shown["region"] == gce.get("regions/sandbox-east1")["selfLink"]
    assert shown["selfLink"].endswith(f"projects/demo/{PATH}/of-region")
    assert gce.items(PATH) == [shown]
    assert gce.items("regions/sandbox-west1/instanceTemplates") == []
    assert gce.items("global/instanceTemplates") == []
    gce.refused("GET", "global/instanceTemplates/of-region", 404)
    gce.refused("POST", PATH, 409, BODY)
    other.refused("GET", f"{PATH}/of-region", 404)
    gce.done(gce.delete(f"{PATH}/of-region"))
    gce.refused("GET", f"{PATH}/of-region", 404)


def test_a_region_that_is_none(gce: Gce) -> None:
    """A region that this cloud does not have is a 404 that names it."""
    for verb, path in (("GET", ""), ("POST", "")):
        refused = gce.refused(verb, f"regions/nowhere1/instanceTemplates{path}", 404, BODY)
        assert refused["message"] == "The resource 'projects/demo/regions/nowhere1' was not found"
