"""machineImages are not served, each by its own name."""

import pytest

from fixtures.gce import Gce

PATH = "global/machineImages"


@pytest.mark.parametrize(
    ("verb", "path", "method"),
    [
        ("GET", "", "list"),
        ("POST", "", "insert"),
        ("GET", "/m", "get"),
        ("DELETE", "/m", "delete"),
        ("POST", "/m/setLabels", "setLabels"),
        ("POST", "/m/testIamPermissions", "testIamPermissions"),
        ("GET", "/m/getIamPolicy", "getIamPolicy"),
        ("POST", "/m/setIamPolicy", "setIamPolicy"),
    ],
)
def test_not_served(gce: Gce, verb: str, path: str, method: str) -> None:
    """Each method is a 501 that names it, and says what there is instead."""
    message = gce.refused(verb, f"{PATH}{path}", 501, {})["message"]
    assert message.startswith(f"compute.machineImages.{method} is not served by this server.")
    assert "images of its disks" in message
