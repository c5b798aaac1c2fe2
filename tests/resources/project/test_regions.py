"""regions."""

from fixtures.gce import Gce


def test_list(gce: Gce) -> None:
    """Every zone is one region, with links to it and the owner's limits as quotas."""
    regions = {region["name"]: region for region in gce.items("regions")}
    assert regions.keys() == {"sandbox-simulator", "sandbox-east1", "sandbox-west1"}
    assert regions["sandbox-simulator"]["zones"] == [f"{gce.base}/projects/demo/zones/Sandbox-simulator"]
    metrics = {quota["metric"] for quota in regions["sandbox-east1"]["quotas"]}
    assert {"CPUS", "INSTANCES", "DISKS_TOTAL_GB", "STATIC_ADDRESSES"} <= metrics


def test_get(gce: Gce) -> None:
    """A region is got by its name and its id; a zone is none."""
    region = gce.get("regions/sandbox-east1")
    assert gce.get(f"regions/{region['id']}") == region
    gce.refused("GET", "regions/sandbox-east1-a", 404)
