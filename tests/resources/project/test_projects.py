"""projects: quotas and shared metadata."""

from typing import Any

from fixtures.gce import Gce


def put(gce: Gce, fingerprint: str | None = None, **pairs: str) -> dict[str, Any]:
    body: dict[str, Any] = {"items": [{"key": key, "value": value} for key, value in pairs.items()]}
    if fingerprint is not None:
        body["fingerprint"] = fingerprint
    return gce.done(gce.post("setCommonInstanceMetadata", body))


def test_get(gce: Gce) -> None:
    """A project shows its numeric id, its quotas and the service account that gcloud asks for."""
    project = gce.get("")
    assert (project["name"], project["selfLink"]) == ("demo", f"{gce.base}/projects/demo")
    assert int(project["id"]) < 2**63
    assert project["defaultServiceAccount"] == f"{project['id']}-compute@developer.gserviceaccount.com"
    assert {"CPUS_ALL_REGIONS", "NETWORKS", "IMAGES"} <= {quota["metric"] for quota in project["quotas"]}
    assert "fingerprint" in project["commonInstanceMetadata"]


def test_other_peoples_projects_are_404(gce: Gce, other: Gce) -> None:
    """A project that is not the caller's is not found, whether it exists or not; case counts."""
    for project in ("other", "nobody", "Demo"):
        refused = gce.refused("GET", f"/compute/v1/projects/{project}", 404)
        assert refused["message"] == f"The resource 'projects/{project}' was not found"
    assert other.get("")["name"] == "other"


def test_set_common_instance_metadata(gce: Gce, other: Gce) -> None:
    """The shared metadata is replaced by a global operation on the project, and is private to it."""
    operation = put(gce, sshKeys="alice:ssh-rsa AAAA")
    assert "/global/operations/" in operation["selfLink"]
    assert operation["targetLink"] == f"{gce.base}/projects/demo"
    assert operation["targetId"] == gce.get("")["id"]
    assert gce.get("")["commonInstanceMetadata"]["items"] == [{"key": "sshKeys", "value": "alice:ssh-rsa AAAA"}]
    assert "items" not in other.get("")["commonInstanceMetadata"]
    put(gce)
    assert "items" not in gce.get("")["commonInstanceMetadata"]


def test_fingerprints(gce: Gce) -> None:
    """The right fingerprint passes, an old one is 412 and changes nothing, none at all passes (gcutil)."""
    old = gce.get("")["commonInstanceMetadata"]["fingerprint"]
    put(gce, old, a="1")
    body = {"items": [{"key": "a", "value": "2"}], "fingerprint": old}
    assert gce.refused("POST", "setCommonInstanceMetadata", 412, body)["reason"] == "conditionNotMet"
    assert gce.get("")["commonInstanceMetadata"]["items"] == [{"key": "a", "value": "1"}]
    put(gce, a="3")
    assert gce.get("")["commonInstanceMetadata"]["items"] == [{"key": "a", "value": "3"}]


def test_bad_metadata_is_refused(gce: Gce) -> None:
    """Bad keys are 400 before anything is written."""
    before = gce.get("")["commonInstanceMetadata"]
    gce.refused("POST", "setCommonInstanceMetadata", 400, {"items": [{"key": "a b", "value": ""}]})
    assert gce.get("")["commonInstanceMetadata"] == before


def test_default_network_tier(gce: Gce, other: Gce) -> None:
    """The tier is kept and shown, private to the project; a tier without effect is warned about."""
    assert gce.get("")["defaultNetworkTier"] == "PREMIUM"
    operation = gce.done(gce.post("setDefaultNetworkTier", {"networkTier": "STANDARD"}))
    assert operation["operationType"] == "setDefaultNetworkTier"
    assert len(operation["warnings"]) == 1
    assert gce.get("")["defaultNetworkTier"] == "STANDARD"
    assert other.get("")["defaultNetworkTier"] == "PREMIUM"
    gce.done(gce.post("setDefaultNetworkTier", {"networkTier": "PREMIUM"}))
    assert gce.get("")["defaultNetworkTier"] == "PREMIUM"
    assert "networkTier" in gce.refused("POST", "setDefaultNetworkTier", 400, {})["message"]
    gce.refused("POST", "setDefaultNetworkTier", 400, {"networkTier": "FIXED_STANDARD"})


def test_no_shared_networks(gce: Gce) -> None:
    """A project has no host and no guests, as Google answers for one without a shared VPC."""
    assert gce.get("getXpnHost") == {"kind": "compute#project"}
    assert gce.get("getXpnResources") == {"kind": "compute#projectsGetXpnResources"}
    assert "items" not in gce.post("listXpnHosts", {})


def test_nothing_moves(gce: Gce) -> None:
    """Moving is not served; the answer names the method and says what to do instead."""
    for method in ("moveInstance", "moveDisk"):
        message = gce.refused("POST", method, 501, {"destinationZone": "zones/z"})["message"]
        assert message.startswith(f"compute.projects.{method} is not served by this server.")
        assert "image" in message
