"""instances.setTags by the front door: the tags, and the rules that follow them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask

BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


@pytest.fixture
def firewall(gce: Gce) -> Iterator[Callable[..., None]]:
    """Make firewalls that go when the test ends, after its machines."""
    names = []

    def making(name: str, **fields: Any) -> None:
        allowed = [{"IPProtocol": "tcp", "ports": ["8080"]}]
        gce.done(
            gce.post(
                "global/firewalls", {"name": name, "network": "global/networks/default", "allowed": allowed, **fields}
            )
        )
        names.append(name)

    yield making
    for name in names:
        gce.done(gce.delete(f"global/firewalls/{name}"))


def _rules(ask: Ask, name: str) -> set[tuple[int, str]]:
    """Port, and source (a CIDR or a group's name without its mark), of the own group of a machine."""
    groups = ask("listSecurityGroups")["securitygroup"]
    own = next(group for group in groups if group["name"].startswith(f"gce-machine-{name}-"))
    return {(rule["startport"], rule.get("cidr") or rule["securitygroupname"][:-9]) for rule in own["ingressrule"]}


def test_rules_follow_the_tags(gce: Gce, ask: Ask, firewall: Callable[..., None], made: Made) -> None:
    """With security groups a running machine gets and loses rules with its target tags, and sources with theirs."""
    firewall("to-web", targetTags=["web"], sourceRanges=["192.0.2.0/24"])
    firewall("from-lb", targetTags=["web"], sourceTags=["lb"])
    made(BASIC, "vm-web")
    made(BASIC, "vm-lb")
    web, lb = (f"zones/{BASIC}/instances/{name}" for name in ("vm-web", "vm-lb"))
    assert _rules(ask, "vm-web") == set()
    tags = gce.get(web)["tags"]
    gce.done(gce.post(f"{web}/setTags", {"items": ["web", "blue"], "fingerprint": tags["fingerprint"]}))
    assert gce.get(web)["tags"]["items"] == ["web", "blue"]
    assert _rules(ask, "vm-web") == {(8080, "192.0.2.0/24")}
    gce.done(gce.post(f"{lb}/setTags", {"items": ["lb"]}))
    assert _rules(ask, "vm-web") == {(8080, "192.0.2.0/24"), (8080, "gce-machine-vm-lb")}
    gce.done(gce.post(f"{lb}/setTags", {"items": []}))
    assert _rules(ask, "vm-web") == {(8080, "192.0.2.0/24")}
    gce.done(gce.post(f"{web}/setTags", {"items": ["blue"]}))
    assert _rules(ask, "vm-web") == set()


def test_failure_puts_rules_back(
    gce: Gce, ask: Ask, firewall: Callable[..., None], made: Made, fault: Callable[..., None]
) -> None:
    """When CloudStack will not take a rule, tags and rules are as before."""
    firewall("to-web", targetTags=["web"], sourceRanges=["192.0.2.0/24"])
    firewall("to-db", targetTags=["db"], sourceRanges=["198.51.100.0/24"])
    made(BASIC, "vm-web", tags={"items": ["web"]})
    path = f"zones/{BASIC}/instances/vm-web"
    fault("authorizeSecurityGroupIngress", "job_failed", count=4, errortext="No more rules")
    operation = gce.finished(gce.post(f"{path}/setTags", {"items": ["db"]}))
    assert "No more rules" in operation["error"]["errors"][0]["message"]
    assert gce.get(path)["tags"]["items"] == ["web"]


def test_elsewhere_and_refused(gce: Gce, made: Made) -> None:
    """With VPCs tags are kept and shown; an old fingerprint is a 412; what is no tag is a 400."""
    made(VPC, "vm-web")
    path = f"zones/{VPC}/instances/vm-web"
    gce.done(gce.post(f"{path}/setTags", {"items": ["web", "web"]}))
    assert gce.get(path)["tags"]["items"] == ["web"]
    stale = {"items": ["a"], "fingerprint": "AAAAAAAAAAA="}
    assert gce.refused("POST", f"{path}/setTags", 412, stale)["reason"] == "conditionNotMet"
    assert "'Web'" in gce.refused("POST", f"{path}/setTags", 400, {"items": ["Web"]})["message"]
    gce.refused("POST", f"{path}/setTags", 400, {"items": [f"t{number}" for number in range(65)]})
