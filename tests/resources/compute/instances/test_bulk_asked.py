"""What instances.bulkInsert asks for: names, and what is refused before anything is made."""

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import body_of
from gstack.errors import Problem
from gstack.resources.compute.instances.bulk_asked import check_pattern, first_number

VPC = "sandbox-east1-a"
PATH = f"zones/{VPC}/instances/bulkInsert"


@pytest.mark.parametrize(("pattern", "digits"), [("inst-####", 4), ("a#", 1), ("a-##-z", 2)])
def test_patterns(pattern: str, digits: int) -> None:
    """One sequence of `#` says how many digits the numbers have."""
    assert check_pattern(pattern) == digits


@pytest.mark.parametrize("pattern", ["inst", "a-#-#", "#", f"a-{'#' * 19}", "Big-#", "a-#-"])
def test_no_patterns(pattern: str) -> None:
    """None, several or too long sequences, and patterns of what is no name, are refused."""
    with pytest.raises(Problem):
        check_pattern(pattern)


def test_numbers_go_on() -> None:
    """Numbers start after the greatest one that is there, among the names that match as a whole."""
    assert first_number("inst-####", []) == 1
    assert first_number("inst-####", ["inst-0050", "inst-0007", "inst-99999", "other-0100"]) == 51


def _properties(**fields: Any) -> dict[str, Any]:
    properties = body_of(VPC, "x", **{"machineType": "n1-standard-1", **fields})
    return {name: value for name, value in properties.items() if name not in {"name", "deletionProtection"}}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"namePattern": ""}, "perInstanceProperties"),
        ({"perInstanceProperties": {"a": {}}}, "namePattern"),
        ({"count": "0"}, "resource.count"),
        ({"count": "1001"}, "resource.count"),
        ({"count": "11", "namePattern": "vm-#"}, "no room"),
        ({"minCount": "3"}, "minCount"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}}}, "has 1 names"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}, "b": {"hostname": "h.example"}}}, "hostname"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}, "B": {}}}, "'B'"),
        ({"namePattern": "", "perInstanceProperties": {"a": {}, "b": {"name": "c"}}}, "'b' has another name"),
        ({"locationPolicy": {"targetShape": "BALANCED"}}, "locationPolicy"),
        ({"instanceProperties": _properties(networkInterfaces=[{"networkIP": "10.128.0.9"}])}, "networkI"),
        ({"instanceProperties": _properties(machineType="huge")}, "'huge'"),
        ({"instanceProperties": _properties(resourceManagerTags={"a": "b"})}, "resourceManagerTags"),
    ],
)
def test_refused(gce: Gce, changes: dict[str, Any], word: str) -> None:
    """What cannot be is a 400 that names it."""
    body = {"count": "2", "namePattern": "vm-###", "instanceProperties": _properties(), **changes}
    assert word in gce.refused("POST", PATH, 400, body)["message"]


def test_names_of_disks(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A disk's name, or an existing disk, serves one machine; names that are there are a 409."""
    made(VPC, "there")
    boot = body_of(VPC, "x")["disks"][0]
    named = {**boot, "initializeParams": {**boot["initializeParams"], "diskName": "one"}}
    for disks in ([named], [boot, {"source": f"zones/{VPC}/disks/there"}]):
        body = {"count": "2", "namePattern": "vm-###", "instanceProperties": _properties(disks=disks)}
        assert gce.refused("POST", PATH, 400, body)
    body = {"perInstanceProperties": {"a": {}, "there": {}}, "instanceProperties": _properties()}
    assert gce.refused("POST", PATH, 409, body)["reason"] == "alreadyExists"
    long: dict[str, Any] = {f"{'n' * 61}{number}": {} for number in range(2)}
    disks = [boot, {"initializeParams": {"diskSizeGb": "5"}}]
    body = {"perInstanceProperties": long, "instanceProperties": _properties(disks=disks)}
    assert "too long" in gce.refused("POST", PATH, 400, body)["message"]
