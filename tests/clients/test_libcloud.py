"""apache-libcloud's GCE driver, set up by the Python lines that `gstack client libcloud` prints."""

from typing import Any

import pytest

from fixtures.servers import Stack
from fixtures.shells import gstack


@pytest.fixture(scope="module")
def driver(product: Stack) -> Any:
    """Run the printed lines; give what they call `driver`."""
    names: dict[str, Any] = {}
    exec(gstack(product, "client", "libcloud"), names)  # noqa: S102  # exactly what a user would paste
    return names["driver"]


def test_reference_lists(driver: Any) -> None:
    """Zones, regions, sizes and images."""
    assert "sandbox-east1-a" in {zone.name for zone in driver.ex_list_zones()}
    assert "n1-standard-1" in {size.name for size in driver.list_sizes()}
    assert any(image.name.startswith("debian-12") for image in driver.list_images())


def test_the_life_of_a_node(driver: Any) -> None:
    """create_node waits until the node runs; list_nodes and list_volumes show it; destroy_node ends it."""
    node = driver.create_node("lib1", "n1-standard-1", "debian-12")
    assert node.state == "running"
    assert "lib1" in {found.name for found in driver.list_nodes()}
    assert "lib1" in {volume.name for volume in driver.list_volumes()}
    assert driver.destroy_node(node)
    assert "lib1" not in {found.name for found in driver.list_nodes()}


def test_a_firewall(driver: Any) -> None:
    """ex_create_firewall and ex_destroy_firewall."""
    driver.ex_create_firewall("lib-rule", [{"IPProtocol": "tcp", "ports": ["22"]}], source_ranges=["10.0.0.0/8"])
    assert driver.ex_get_firewall("lib-rule").source_ranges == ["10.0.0.0/8"]
    assert driver.ex_destroy_firewall(driver.ex_get_firewall("lib-rule"))
