"""Methods that are not served say so, and why."""

import pytest

from fixtures.gce import Gce
from gstack.gateway.call import why_unserved
from gstack.gateway.discovery import methods

INSTANCE, DISKS, IMAGES = "zones/sandbox-east1-a/instances/vm", "regions/sandbox-east1/disks", "global/machineImages"


@pytest.mark.parametrize(
    ("verb", "path", "method", "word"),
    [
        ("POST", f"{INSTANCE}/suspend", "instances.suspend", "Use stop"),
        ("POST", f"{INSTANCE}/resume", "instances.resume", "Use stop"),
        ("GET", f"{INSTANCE}/serialPort", "instances.getSerialPortOutput", "serial port"),
        ("GET", f"{INSTANCE}/screenshot", "instances.getScreenshot", "console"),
        ("POST", f"{INSTANCE}/simulateMaintenanceEvent", "instances.simulateMaintenanceEvent", "administrator"),
        ("POST", f"{INSTANCE}/sendDiagnosticInterrupt", "instances.sendDiagnosticInterrupt", "Use reset"),
        ("PATCH", f"{INSTANCE}/updateDisplayDevice", "instances.updateDisplayDevice", "display"),
        ("POST", f"{INSTANCE}/startWithEncryptionKey", "instances.startWithEncryptionKey", "Use start"),
        ("POST", f"{INSTANCE}/addResourcePolicies", "instances.addResourcePolicies", "policies"),
        ("GET", DISKS, "regionDisks.list", "compute.disks in that zone"),
        ("POST", DISKS, "regionDisks.insert", "compute.disks in that zone"),
        ("GET", f"{DISKS}/d", "regionDisks.get", "compute.disks in that zone"),
        ("DELETE", f"{DISKS}/d", "regionDisks.delete", "compute.disks in that zone"),
        ("GET", IMAGES, "machineImages.list", "images of its disks"),
        ("POST", IMAGES, "machineImages.insert", "images of its disks"),
        ("GET", f"{IMAGES}/m", "machineImages.get", "images of its disks"),
        ("DELETE", f"{IMAGES}/m", "machineImages.delete", "images of its disks"),
        ("POST", f"{IMAGES}/m/setLabels", "machineImages.setLabels", "images of its disks"),
        ("POST", f"{IMAGES}/m/testIamPermissions", "machineImages.testIamPermissions", "images of its disks"),
        ("GET", f"{IMAGES}/m/getIamPolicy", "machineImages.getIamPolicy", "images of its disks"),
        ("POST", f"{IMAGES}/m/setIamPolicy", "machineImages.setIamPolicy", "images of its disks"),
    ],
)
def test_why(gce: Gce, verb: str, path: str, method: str, word: str) -> None:
    """A 501 names the method, and says why or what there is instead."""
    message = gce.refused(verb, path, 501, {})["message"]
    assert message.startswith(f"compute.{method} is not served by this server.")
    assert word in message


@pytest.mark.parametrize("collection", ["regionDisks", "machineImages", "regionInstances"])
def test_every_method_of_a_collection_says_why(gce: Gce, collection: str) -> None:
    """A collection that is not served at all gives its reason for each of Google's methods."""
    assert [name for name in methods() if f".{collection}." in name and not why_unserved(name)] == []
