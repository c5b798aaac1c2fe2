"""diskTypes on disk offerings. The offerings are excerpts of a real CloudStack 4.23's."""

from fixtures.gce import Gce


def test_list(gce: Gce) -> None:
    """The list has Google's three types and the cloud's own."""
    types = {item["name"]: item for item in gce.items("zones/sandbox-east1-a/diskTypes")}
    assert types.keys() == {"pd-standard", "pd-balanced", "pd-ssd", "small", "medium", "large", "custom"}
    assert types["pd-ssd"]["validDiskSize"] == "1GB-1024GB"
    assert (types["small"]["validDiskSize"], types["small"]["defaultDiskSizeGb"]) == ("5GB-5GB", "5")
    assert len({item["id"] for item in types.values()}) == 7


def test_get(gce: Gce) -> None:
    """A disk type is got by GCE name, CloudStack name and id; an unknown one is 404."""
    small = gce.get("zones/sandbox-east1-a/diskTypes/small")
    for name in ("Small", small["id"]):
        assert gce.get(f"zones/sandbox-east1-a/diskTypes/{name}") == small
    gce.refused("GET", "zones/sandbox-east1-a/diskTypes/pd-extreme", 404)


def test_aggregated(gce: Gce) -> None:
    """Every zone has its key and its types."""
    items = gce.get("aggregated/diskTypes")["items"]
    assert items.keys() == {"zones/Sandbox-simulator", "zones/sandbox-east1-a", "zones/sandbox-west1-a"}
    assert all(len(scope["diskTypes"]) == 7 for scope in items.values())
