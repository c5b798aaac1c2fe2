"""What instances and instance templates have in common, checked and shown."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.resources.shared.instance_properties import (
    check_access_config,
    check_device_name,
    check_disks,
    check_distinct,
    check_ipv4,
    check_scheduling,
    check_served,
    check_tags,
    scheduling_to_gce,
    tags_to_gce,
)

BOOT = {"boot": True}


@pytest.mark.parametrize(
    ("check", "field"),
    [
        (lambda: check_served({"canIpForward": True}, "resource"), r"resource\.canIpForward"),
        (lambda: check_served({"scheduling": {"nodeAffinities": [{"key": "a"}]}}, "f"), r"f\.scheduling\.nodeAffi"),
        (lambda: check_scheduling({"preemptible": True, "automaticRestart": True}, "f"), r"f\.automaticRestart"),
        (lambda: check_scheduling({"preemptible": True, "onHostMaintenance": "MIGRATE"}, "f"), "TERMINATE"),
        (lambda: check_tags({"items": ["web", "No Tag"]}, "f"), r"f\.items\[1\]"),
        (lambda: check_tags({"items": ["web"] * 65}, "f"), "at most 64"),
        (lambda: check_disks([], "f"), "A boot disk must be specified"),
        (lambda: check_disks([{}], "f"), r"f\[0\]\.boot"),
        (lambda: check_disks([BOOT, BOOT], "f"), r"f\[1\]\.boot"),
        (lambda: check_disks([BOOT | {"source": "d", "initializeParams": {"diskSizeGb": 1}}], "f"), "not both"),
        (lambda: check_distinct(["a", "b", "a"], "deviceName", "f"), "two disks have the deviceName 'a'"),
        (lambda: check_device_name("no/slash", "f"), "no/slash"),
        (lambda: check_ipv4("300.1.1.1", "f"), "Must be an IPv4 address"),
        (lambda: check_access_config([{}, {}], "f"), "At most one access config"),
        (lambda: check_access_config([{"setPublicPtr": True}], "f"), r"f\.accessConfigs\[0\]\.setPublicPtr"),
    ],
)
def test_refused(check: Any, field: str) -> None:
    """What no instance could have is a 400 that names the field or the rule."""
    with pytest.raises(Problem, match=field) as refused:
        check()
    assert refused.value.status == 400


def test_taken() -> None:
    """What Google takes comes back: tags once each, options without nulls, the one access config."""
    assert check_tags({"items": ["web", "db", "web"]}, "f") == ["web", "db"]
    assert check_tags(None, "f") == check_tags({}, "f") == []
    assert check_scheduling({"preemptible": None, "automaticRestart": False}, "f") == {"automaticRestart": False}
    assert check_access_config([{"name": "out"}], "f") == {"name": "out"}
    assert check_access_config(None, "f") is check_access_config([], "f") is None
    assert str(check_ipv4("10.0.0.7", "f")) == "10.0.0.7"
    check_disks([BOOT, {"source": "d"}], "f")
    check_distinct(["a", "b"], "name", "f")


def test_tags_to_gce() -> None:
    """Tags have a fingerprint; without any there are no items."""
    assert tags_to_gce(["web"]) == {"fingerprint": tags_to_gce(["web"])["fingerprint"], "items": ["web"]}
    assert tags_to_gce([]).keys() == {"fingerprint"}


def test_scheduling_of_preemptible_machines() -> None:
    """A preemptible or spot machine shows what Google shows of one; what was sent stays."""
    spot = {"preemptible": True, "automaticRestart": False, "onHostMaintenance": "TERMINATE"}
    assert spot.items() <= scheduling_to_gce({"preemptible": True}).items()
    assert spot.items() <= scheduling_to_gce({"provisioningModel": "SPOT"}).items()
    assert scheduling_to_gce({"automaticRestart": False})["onHostMaintenance"] == "MIGRATE"
