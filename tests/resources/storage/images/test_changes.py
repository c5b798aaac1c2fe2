"""images.delete, deprecate, patch and setLabels by the front door."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from fixtures.storage import ZONE

PATH = "global/images"
URL = "https://images.example.org/lab.qcow2.gz"
Made = Callable[..., dict[str, Any]]


def source(disk: str) -> dict[str, str]:
    return {"sourceDisk": f"zones/{ZONE}/disks/{disk}"}


def test_delete(gce: Gce, ask: Ask, disk: str) -> None:
    """A deleted image is gone from get, list, its family and CloudStack, and its name is free."""
    for _ in range(2):
        gce.done(gce.post(PATH, {"name": "img-gone", "family": "going", **source(disk)}))
        gce.done(gce.delete(f"{PATH}/img-gone"))
    gce.refused("GET", f"{PATH}/img-gone", 404)
    gce.refused("GET", f"{PATH}/family/going", 404)
    assert "img-gone" not in {image["name"] for image in gce.items(PATH)}
    assert "template" not in ask("listTemplates", templatefilter="self", name="img-gone")
    gce.refused("DELETE", f"{PATH}/img-gone", 404)


def test_deprecate(gce: Gce, disk: str) -> None:
    """A family skips what is deprecated; state, dates and replacement come back; what is obsolete makes no disks."""
    for name in ("img-old", "img-new"):
        gce.done(gce.post(PATH, {"name": name, "family": "aging", **source(disk)}))
    assert gce.get(f"{PATH}/family/aging")["name"] in {"img-old", "img-new"}
    status = {"state": "DEPRECATED", "replacement": "global/images/img-new", "obsolete": "2030-01-01T00:00:00Z"}
    operation = gce.done(gce.post(f"{PATH}/img-old/deprecate", status))
    assert operation["operationType"] == "deprecate"
    shown = status | {"replacement": f"{gce.base}/projects/demo/global/images/img-new"}
    assert gce.get(f"{PATH}/img-old")["deprecated"] == shown
    assert "labels" not in gce.get(f"{PATH}/img-old") or gce.get(f"{PATH}/img-old")["labels"] == {}
    assert gce.get(f"{PATH}/family/aging")["name"] == "img-new"
    gce.done(gce.post(f"{PATH}/img-new/deprecate", {"state": "OBSOLETE"}))
    gce.refused("GET", f"{PATH}/family/aging", 404)
    disks = body_of(ZONE, "x")["disks"]
    disks[0]["initializeParams"]["sourceImage"] = "global/images/img-new"
    refused = gce.refused("POST", f"zones/{ZONE}/instances", 400, body_of(ZONE, "vm-no", disks=disks))
    assert "obsolete" in refused["message"]
    gce.done(gce.post(f"{PATH}/img-new/deprecate", {"state": "ACTIVE"}))
    assert "deprecated" not in gce.get(f"{PATH}/img-new")
    assert gce.get(f"{PATH}/family/aging")["name"] == "img-new"
    bad = {"state": "DEPRECATED", "replacement": "global/images/none"}
    assert "replacement" in gce.refused("POST", f"{PATH}/img-old/deprecate", 400, bad)["message"]
    assert "deleted" in gce.refused("POST", f"{PATH}/img-old/deprecate", 400, {"deleted": "soon"})["message"]


def test_patch(gce: Gce, disk: str) -> None:
    """Patch changes what it names and nothing else."""
    gce.done(gce.post(PATH, {"name": "img-patch", "family": "one", "labels": {"a": "1"}, **source(disk)}))
    before = gce.get(f"{PATH}/img-patch")
    body = {"family": "two", "description": "new words", "deprecated": {"state": "DEPRECATED"}}
    gce.done(gce.call("PATCH", f"{PATH}/img-patch", body).json())
    after = gce.get(f"{PATH}/img-patch")
    assert after == before | body
    gce.done(gce.call("PATCH", f"{PATH}/img-patch", {"family": "", "description": "", "deprecated": {}}).json())
    assert gce.get(f"{PATH}/img-patch") == {name: before[name] for name in before if name != "family"}
    assert "diskSizeGb" in gce.refused("PATCH", f"{PATH}/img-patch", 400, {"diskSizeGb": "9"})["message"]
    wrong = {"labels": {"b": "2"}, "labelFingerprint": "AAAAAAAAAAA="}
    gce.refused("PATCH", f"{PATH}/img-patch", 412, wrong)


def test_labels(gce: Gce, disk: str) -> None:
    """Labels are replaced as a whole, the family stays; an old fingerprint is 412."""
    gce.done(gce.post(PATH, {"name": "img-labels", "family": "kept", "labels": {"a": "1"}, **source(disk)}))
    body = {"labels": {"b": ""}, "labelFingerprint": gce.get(f"{PATH}/img-labels")["labelFingerprint"]}
    gce.done(gce.post(f"{PATH}/img-labels/setLabels", body))
    shown = gce.get(f"{PATH}/img-labels")
    assert (shown["labels"], shown["family"]) == ({"b": ""}, "kept")
    refused = gce.refused("POST", f"{PATH}/img-labels/setLabels", 412, body | {"labels": {"c": "2"}})
    assert refused["reason"] == "conditionNotMet"


def test_two_changes_at_once(gce: Gce, disk: str, fault: Callable[..., None]) -> None:
    """As gcloud sends labels and the rest at once, the second change waits for the first, and both are done."""
    gce.done(gce.post(PATH, {"name": "img-both", "family": "one", **source(disk)}))
    fault("createTags", "slow", seconds=6.0)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gce.post, f"{PATH}/img-both/setLabels", {"labels": {"a": "1"}})
        second = pool.submit(gce.call, "PATCH", f"{PATH}/img-both", {"family": "two"})
    gce.done(first.result())
    gce.done(second.result().json())
    shown = gce.get(f"{PATH}/img-both")
    assert (shown["labels"], shown["family"]) == ({"a": "1"}, "two")


def test_others_images(gce: Gce, other: Gce, disk: str) -> None:
    """Public images are refused with 403, another account's images and project with 404, as Google does."""
    gce.done(gce.post(PATH, {"name": "img-mine", **source(disk)}))
    other.refused("GET", f"{PATH}/img-mine", 404)
    other.refused("DELETE", f"{PATH}/img-mine", 404)
    public = Gce(gce.stack, "demo", "debian-cloud")
    name = "debian-12-v20260101"
    refused = public.refused("DELETE", f"{PATH}/{name}", 403)
    assert refused["message"] == (
        f"Required 'compute.images.delete' permission for 'projects/debian-cloud/global/images/{name}'"
    )
    public.refused("POST", f"{PATH}/{name}/deprecate", 403, {"state": "OBSOLETE"})
    public.refused("POST", f"{PATH}/{name}/setLabels", 403, {"labels": {"a": "b"}})
    public.refused("PATCH", f"{PATH}/{name}", 403, {"family": "mine"})
    public.refused("POST", PATH, 403, {"name": "new", "rawDisk": {"source": URL}})
    public.refused("DELETE", f"{PATH}/none", 404)
    foreign = Gce(gce.stack, "demo", "other")
    foreign.refused("POST", PATH, 404, {"name": "new", "rawDisk": {"source": URL}})
    foreign.refused("DELETE", f"{PATH}/img", 404)
