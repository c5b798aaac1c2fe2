"""What both collections of templates have in common: they are the gateway's own."""

from collections.abc import Callable
from typing import Any

from fixtures.gce import Gce

IMAGE = "projects/debian-cloud/global/images/family/debian-12"


def test_templates_outlive_the_cloud(gce: Gce, fault: Callable[..., None]) -> None:
    """Templates are read while CloudStack does not answer."""
    disk = {"boot": True, "initializeParams": {"sourceImage": IMAGE}}
    body: dict[str, Any] = {"name": "tmpl", "properties": {"machineType": "e2-small", "disks": [disk]}}
    gce.done(gce.post("global/instanceTemplates", body))
    before = gce.get("global/instanceTemplates/tmpl")
    fault("*", "error", count=100)
    assert gce.get("global/instanceTemplates/tmpl") == before
    assert gce.items("global/instanceTemplates") == [before]
