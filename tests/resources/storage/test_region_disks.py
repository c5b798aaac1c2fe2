"""regionDisks are not served, each method by its own name."""

import pytest

from fixtures.gce import Gce
from gstack.gateway.call import why_unserved
from gstack.gateway.discovery import methods

PATH = "regions/sandbox-east1/disks"


@pytest.mark.parametrize(
    ("verb", "path", "method"),
    [("GET", "", "list"), ("POST", "", "insert"), ("GET", "/d", "get"), ("DELETE", "/d", "delete")],
)
def test_not_served(gce: Gce, verb: str, path: str, method: str) -> None:
    """A method is a 501 that names it, and says what there is instead."""
    message = gce.refused(verb, f"{PATH}{path}", 501, {})["message"]
    assert message.startswith(f"compute.regionDisks.{method} is not served by this server.")
    assert "compute.disks in that zone" in message


def test_every_method_says_why(gce: Gce) -> None:
    """None of Google's methods is forgotten."""
    assert [name for name in methods() if ".regionDisks." in name and not why_unserved(name)] == []
