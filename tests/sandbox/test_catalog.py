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
    """Text in place of a number is refused."""
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


def test_all_rows_on_one_page(demo: Any) -> None:
    """The page size -1 stands for all, and takes no page."""
    assert demo.ok("listServiceOfferings", pagesize=-1)["count"] > 1
    assert demo.call("listServiceOfferings", page=1, pagesize=-1)[0] == 431


def test_objects_have_numbers_too(demo: Any, seeds: Any) -> None:
    """A number names an object as CloudStack before 3.0 did; one below 1 is 431, an unknown one finds nothing."""
    machine = seeds.machine(demo, "numbered")
    number = demo.ok("listVolumes", virtualmachineid=machine["id"])["volume"][0]["name"].removeprefix("ROOT-")
    assert demo.ok("listVirtualMachines", id=number)["virtualmachine"][0]["id"] == machine["id"]
    assert demo.ok("listVirtualMachines", id=999999) == {}
    assert demo.failure("listVirtualMachines", id=0)[0] == 431
    assert demo.failure("listVirtualMachines", networkid=0)[0] == 431
    assert demo.failure("stopVirtualMachine", id=999999)[0] == 431


def test_numbers_are_no_ids_of_younger_parameters() -> None:
    """A parameter that has a version takes uuids alone."""
    assert "entity does not exist" in refusal("updateVmNicIp", nicid="x")
    assert "does not exist" in refusal("listVMSchedule", virtualmachineid="nope")


def test_what_is_gone_is_known(demo: Any, seeds: Any) -> None:
    """A list by the id of something deleted answers nothing; any other command is 431, and so is an id of nothing."""
    volume = seeds.volume(demo, "gone")["id"]
    demo.ok("deleteVolume", id=volume)
    assert demo.ok("listVolumes", id=volume) == {}
    assert demo.ok("listSnapshots", volumeid=volume) == {}
    assert demo.failure("deleteVolume", id=volume)[0] == 431
    assert demo.failure("listVolumes", id="11111111-2222-4333-8444-555555555555")[0] == 431


def test_empty_values(demo: Any, seeds: Any) -> None:
    """An empty string does not do for a required parameter; an empty id is 431; an empty list is allowed."""
    assert "arg: name" in refusal("createSecurityGroup", name="")
    assert demo.failure("listVirtualMachines", id="")[0] == 431
    machine = seeds.machine(demo, "emptied")["id"]
    demo.ok("stopVirtualMachine", id=machine)
    shown = demo.ok("updateVirtualMachine", id=machine, securitygroupids="")["virtualmachine"]
    assert shown["securitygroup"] == []
