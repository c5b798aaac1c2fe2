"""zones."""

from fixtures.gce import Gce


def test_list(gce: Gce) -> None:
    """CloudStack's zones keep their names, each in a region of its own."""
    zones = {zone["name"]: zone for zone in gce.items("zones")}
    assert zones.keys() == {"Sandbox-simulator", "sandbox-east1-a", "sandbox-west1-a"}
    regions = {name: zone["region"].rpartition("/")[2] for name, zone in zones.items()}
    assert regions["Sandbox-simulator"] == "sandbox-simulator"
    assert regions["sandbox-east1-a"] == "sandbox-east1"
    assert {zone["status"] for zone in zones.values()} == {"UP"}


def test_get_by_every_name(gce: Gce) -> None:
    """A zone is got by its listed name, its alias and its id. It shows the alias if that was asked for."""
    zone = gce.get("zones/Sandbox-simulator")
    assert zone["selfLink"] == f"{gce.base}/projects/demo/zones/Sandbox-simulator"
    assert gce.get(f"zones/{zone['id']}") == zone
    alias = gce.get("zones/sandbox-simulator-a")
    assert alias["name"] == "sandbox-simulator-a"
    assert alias["selfLink"] == f"{gce.base}/projects/demo/zones/sandbox-simulator-a"
    assert (alias["id"], alias["region"]) == (zone["id"], zone["region"])


def test_unknown_is_404(gce: Gce) -> None:
    """A zone that is not there is not found, also in another case."""
    for name in ("nowhere", "sandbox-Simulator"):
        refused = gce.refused("GET", f"zones/{name}", 404)
        assert refused["message"] == f"The resource 'projects/demo/zones/{name}' was not found"


def test_filter(gce: Gce) -> None:
    """A filter picks zones by their fields."""
    assert [zone["name"] for zone in gce.items("zones", filter="name eq .*east.*")] == ["sandbox-east1-a"]
