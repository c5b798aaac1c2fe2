"""machineTypes on service offerings. The offerings are excerpts of a real CloudStack 4.23's."""

from fixtures.gce import Gce


def test_list(gce: Gce) -> None:
    """The list has the offerings of fixed size, CloudStack's and those named as Google's."""
    types = {item["name"]: item for item in gce.items("zones/sandbox-east1-a/machineTypes")}
    assert {"small-instance", "medium-instance", "n1-standard-1", "e2-micro"} <= types.keys()
    assert "custom-instance" not in types
    small = types["small-instance"]
    assert (small["guestCpus"], small["memoryMb"], small["zone"]) == (1, 512, "sandbox-east1-a")
    assert types["e2-micro"]["isSharedCpu"]
    assert not small["isSharedCpu"]


def test_get(gce: Gce) -> None:
    """A machine type is got by its GCE name, its CloudStack name and its id, at the link it shows."""
    small = gce.get("zones/sandbox-east1-a/machineTypes/small-instance")
    assert small["selfLink"].endswith("/zones/sandbox-east1-a/machineTypes/small-instance")
    for name in ("Small Instance", small["id"]):
        assert gce.get(f"zones/sandbox-east1-a/machineTypes/{name}") == small


def test_get_custom(gce: Gce) -> None:
    """A custom type is got under the name that was asked for; one beyond the limits is refused with the limits."""
    custom = gce.get("zones/sandbox-east1-a/machineTypes/n1-custom-2-4096")
    assert (custom["name"], custom["guestCpus"], custom["memoryMb"]) == ("n1-custom-2-4096", 2, 4096)
    refused = gce.refused("GET", "zones/sandbox-east1-a/machineTypes/custom-64-4096", 400)
    assert "1 to 16 vCPUs" in refused["message"]


def test_unknown_is_404(gce: Gce) -> None:
    """A type that no offering is called is not found."""
    refused = gce.refused("GET", "zones/sandbox-east1-a/machineTypes/n9", 404)
    assert "projects/demo/zones/sandbox-east1-a/machineTypes/n9" in refused["message"]
    gce.refused("GET", "zones/nowhere/machineTypes/n9", 404)


def test_aggregated(gce: Gce) -> None:
    """Every zone has its key and its types."""
    items = gce.get("aggregated/machineTypes", filter="name=e2-micro")["items"]
    assert items.keys() == {"zones/Sandbox-simulator", "zones/sandbox-east1-a", "zones/sandbox-west1-a"}
    assert [each["name"] for scope in items.values() for each in scope["machineTypes"]] == ["e2-micro"] * 3
