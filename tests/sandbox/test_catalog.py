"""Parameters as listApis says them."""

from __future__ import annotations

from typing import Any

import pytest

from gstack.sandbox import catalog
from gstack.sandbox.errors import CloudStackError
from gstack.sandbox.world import World


def read(command: str, **sent: str) -> dict[str, Any]:
    return catalog.read(catalog.entries()[command], sent, World(), {})


def refusal(command: str, **sent: str) -> str:
    with pytest.raises(CloudStackError) as caught:
        read(command, **sent)
    assert caught.value.code == 431
    return caught.value.text


def test_missing_parameter() -> None:
    """A required parameter that is missing is named in CloudStack's words."""
    text = "Unable to execute API command startvirtualmachine due to missing parameter id"
    assert refusal("startVirtualMachine") == text


def test_unknown_entity() -> None:
    """An id of nothing is refused in CloudStack's words."""
    assert "Invalid parameter id value=nope due to incorrect long value" in refusal("startVirtualMachine", id="nope")


def test_types() -> None:
    """Integers and booleans are read, unknown parameters ignored, names without regard to case."""
    args = read("listVirtualMachines", PAGE="2", pagesize="10", listall="TRUE", nonsense="x", details="nics, tmpl")
    assert args == {"page": 2, "pagesize": 10, "listall": True, "details": ["nics", "tmpl"]}


def test_not_a_number() -> None:
    """A number that is none is refused."""
    assert "invalid value ten for parameter page" in refusal("listVirtualMachines", page="ten")


def test_too_long() -> None:
    """A string beyond its length is refused."""
    assert "max allowed length 255 for param: name" in refusal("listVirtualMachines", name="x" * 256)


def test_maps_come_in_the_order_of_their_indexes() -> None:
    """`tags[1].key` and `tags[0].key` become a list of maps, lowest index first."""
    sent = {"tags[1].key": "b", "tags[0].key": "a", "tags[0].value": "1", "resourceids": "x", "resourcetype": "UserVm"}
    args = catalog.read(catalog.entries()["createTags"], sent, World(), {})
    assert args["tags"] == [{"key": "a", "value": "1"}, {"key": "b"}]


def test_pages_need_both_parameters(demo: Any) -> None:
    """A page without a size, a size without a page and a size beyond 500 are 431."""
    assert demo.call("listVirtualMachines", page=1)[0] == 431
    assert demo.call("listVirtualMachines", pagesize=1)[0] == 431
    assert demo.call("listVirtualMachines", page=1, pagesize=501)[0] == 431
