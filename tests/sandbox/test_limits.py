"""Resource limits and counts."""

from __future__ import annotations

from typing import Any


def test_counts_follow_what_is_there(demo: Any, seeds: Any) -> None:
    """An account's totals count its machines, processors and volumes, and what is available goes down."""
    before = demo.ok("listAccounts")["account"][0]
    seeds.machine(demo, "counted", serviceofferingid=seeds.offerings["e2-medium"])
    after = demo.ok("listAccounts")["account"][0]
    grown = {name: after[name] - before[name] for name in ("vmtotal", "cputotal", "memorytotal", "volumetotal")}
    assert grown == {"vmtotal": 1, "cputotal": 2, "memorytotal": 4096, "volumetotal": 1}
    assert int(after["vmavailable"]) == int(before["vmavailable"]) - 1


def test_limits_are_listed_in_cloudstacks_order(demo: Any) -> None:
    """ListResourceLimits has 17 kinds, numbered as CloudStack numbers them."""
    limits = demo.ok("listResourceLimits")["resourcelimit"]
    assert [limit["resourcetype"] for limit in limits] == [str(number) for number in range(17)]
    assert demo.ok("listResourceLimits", resourcetype=8)["resourcelimit"][0]["resourcetypename"] == "cpu"
