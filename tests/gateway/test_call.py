"""Calls, and the registry of served methods."""

from collections.abc import Callable

import pytest

from gstack import resources
from gstack.gateway.call import Call, Links, served, serves

LINKS = Links("https://localhost:5000/compute/v1/")


def test_links_belong_to_projects() -> None:
    """Paths hang below the project; images are always at Google's, where Terraform wants them."""
    assert LINKS.project("demo", "zones/z") == "https://localhost:5000/compute/v1/projects/demo/zones/z"
    assert LINKS.project("demo") == "https://localhost:5000/compute/v1/projects/demo"
    assert LINKS.image("p", "i") == "https://localhost:5000/compute/v1/projects/p/global/images/i"


def test_a_call_names_resources(make_call: Callable[..., Call]) -> None:
    """Problems use relative names, answers absolute ones."""
    call = make_call("compute.disks.get")
    assert call.resource("zones/z/disks/d") == "projects/demo/zones/z/disks/d"
    assert call.link("zones/z", "other").endswith("/projects/other/zones/z")
    assert call.owner_id == "a-1"


def test_a_method_is_served_once() -> None:
    """Two functions for one method are a fault found at import."""
    resources.load()
    before = dict(served())
    with pytest.raises(ValueError, match=r"compute\.zones\.get is served twice"):
        serves("compute.zones.get")(_nothing)
    assert served() == before


async def _nothing(_: Call) -> None:
    return None
