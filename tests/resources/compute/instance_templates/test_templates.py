"""instanceTemplates and regionInstanceTemplates by the front door."""

import uuid
from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

PATH = "global/instanceTemplates"
REGIONAL = "regions/sandbox-east1/instanceTemplates"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"


def body_of(name: str, **fields: Any) -> dict[str, Any]:
    """The body that gcloud sends, with other properties put over it."""
    boot = {"boot": True, "autoDelete": True, "mode": "READ_WRITE", "type": "PERSISTENT"}
    access = {"name": "external-nat", "type": "ONE_TO_ONE_NAT"}
    properties = {
        "machineType": "n1-standard-1",
        "disks": [boot | {"initializeParams": {"sourceImage": IMAGE}}],
        "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [access]}],
        "canIpForward": False,
    }
    return {"name": name, "properties": properties | fields}


def test_insert_get_list_delete(gce: Gce) -> None:
    """A template comes back with its properties; get by name and id, list and filter agree; deleted it is gone."""
    items = [{"key": "startup-script", "value": "#!/bin/sh"}]
    body = body_of("of-all", labels={"env": "prod"}, tags={"items": ["web"]}, metadata={"items": items})
    operation = gce.done(gce.post(PATH, body | {"description": "for tests"}))
    shown = gce.get(f"{PATH}/of-all")
    assert (operation["operationType"], operation["targetLink"]) == ("insert", shown["selfLink"])
    assert (operation["targetId"], shown["description"], shown["kind"]) == (
        shown["id"], "for tests", "compute#instanceTemplate",
    )  # fmt: skip
    properties = shown["properties"]
    assert (properties["machineType"], properties["labels"]) == ("n1-standard-1", {"env": "prod"})
    assert (properties["tags"]["items"], properties["metadata"]["items"]) == (["web"], items)
    assert properties["networkInterfaces"][0]["network"] == gce.get("global/networks/default")["selfLink"]
    assert properties["disks"][0]["initializeParams"]["sourceImage"].endswith(IMAGE)
    assert gce.get(f"{PATH}/{shown['id']}") == shown
    assert gce.items(PATH) == [shown]
    assert gce.items(PATH, filter="properties.labels.env = prod") == [shown]
    assert gce.items(PATH, filter="name != of-all") == []
    gce.done(gce.delete(f"{PATH}/of-all"))
    refused = gce.refused("GET", f"{PATH}/of-all", 404)
    assert refused["message"] == "The resource 'projects/demo/global/instanceTemplates/of-all' was not found"
    gce.refused("DELETE", f"{PATH}/of-all", 404)


def test_aggregated_list(gce: Gce) -> None:
    """Global and regional templates stand in their scopes; every scope is shown."""
    gce.done(gce.post(PATH, body_of("of-global")))
    gce.done(gce.post("regions/sandbox-east1/instanceTemplates", body_of("of-east")))
    scopes = gce.get("aggregated/instanceTemplates")["items"]
    names = {scope: [one["name"] for one in found.get("instanceTemplates", [])] for scope, found in scopes.items()}
    assert (names["global"], names["regions/sandbox-east1"]) == (["of-global"], ["of-east"])
    assert scopes["regions/sandbox-west1"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"
    gce.done(gce.delete(f"{PATH}/of-global"))
    gce.done(gce.delete("regions/sandbox-east1/instanceTemplates/of-east"))


def test_refused(gce: Gce) -> None:
    """Names, properties, images that are not there, and instances as sources are refused by name."""
    gce.refused("POST", PATH, 400, body_of("Bad_Name"))
    assert "properties" in gce.refused("POST", PATH, 400, {"name": "of-no"})["message"]
    wrong = {"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}
    assert "none" in gce.refused("POST", PATH, 404, body_of("of-no", disks=[wrong]))["message"]
    typed = body_of("of-no", machineType="zones/z/machineTypes/n1-standard-1")
    assert "machineType" in gce.refused("POST", PATH, 400, typed)["message"]
    gce.refused("GET", f"{PATH}/of-no", 404)


def test_taken_and_repeated(gce: Gce) -> None:
    """A second template of a name is a 409; a requestId that was used returns its operation."""
    request = str(uuid.uuid4())
    first = gce.done(gce.post(PATH, body_of("of-twice"), requestId=request))
    assert gce.post(PATH, body_of("of-twice"), requestId=request)["name"] == first["name"]
    refused = gce.refused("POST", PATH, 409, body_of("of-twice"))
    assert refused["message"].endswith("global/instanceTemplates/of-twice' already exists")


def test_a_regions_own(gce: Gce, other: Gce) -> None:
    """A regional template links to its region, is in no other scope, and goes by an operation of the region."""
    operation = gce.done(gce.post(REGIONAL, body_of("of-region")))
    shown = gce.get(f"{REGIONAL}/of-region")
    assert "/regions/sandbox-east1/operations/" in operation["selfLink"]
    assert shown["region"] == gce.get("regions/sandbox-east1")["selfLink"]
    assert shown["selfLink"].endswith(f"projects/demo/{REGIONAL}/of-region")
    assert gce.items(REGIONAL) == [shown]
    assert gce.items("regions/sandbox-west1/instanceTemplates") == []
    assert shown not in gce.items("global/instanceTemplates")
    gce.refused("GET", "global/instanceTemplates/of-region", 404)
    gce.refused("POST", REGIONAL, 409, body_of("of-region"))
    other.refused("GET", f"{REGIONAL}/of-region", 404)
    gce.done(gce.delete(f"{REGIONAL}/of-region"))
    gce.refused("GET", f"{REGIONAL}/of-region", 404)


def test_an_unknown_region(gce: Gce) -> None:
    """A region that this cloud does not have is a 404 that names it."""
    for verb in ("GET", "POST"):
        refused = gce.refused(verb, "regions/nowhere1/instanceTemplates", 404, body_of("of-region"))
        assert refused["message"] == "The resource 'projects/demo/regions/nowhere1' was not found"


def test_accounts_do_not_see_each_others(gce: Gce, other: Gce) -> None:
    """Another account sees none of mine, and may have one of the same name."""
    gce.done(gce.post(PATH, body_of("of-mine")))
    number = gce.get(f"{PATH}/of-mine")["id"]
    for name in ("of-mine", number):
        other.refused("GET", f"{PATH}/{name}", 404)
        other.refused("DELETE", f"{PATH}/{name}", 404)
    assert "items" not in other.get(PATH)
    other.done(other.post(PATH, body_of("of-mine")))
    assert other.get(f"{PATH}/of-mine")["id"] != number


def test_templates_outlive_the_cloud(gce: Gce, fault: Callable[..., None]) -> None:
    """Templates are read while CloudStack does not answer."""
    gce.done(gce.post("global/instanceTemplates", body_of("tmpl")))
    before = gce.get("global/instanceTemplates/tmpl")
    fault("*", "error", count=100)
    assert gce.get("global/instanceTemplates/tmpl") == before
    assert before in gce.items("global/instanceTemplates")
