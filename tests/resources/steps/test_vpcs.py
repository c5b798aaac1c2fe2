"""VPCs, their ACL lists and tiers, made through the API and looked at in CloudStack."""

from typing import Any

import pytest
import requests

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of
from gstack.config import NameSettings

ZONE = "sandbox-east1-a"


def items(ask: Ask) -> list[dict[str, Any]]:
    (one,) = ask("listNetworkACLLists", name="gce-default")["networkacllist"]
    found = ask("listNetworkACLs", aclid=one["id"])["networkacl"]
    return sorted(found, key=lambda item: int(item["number"]))


def test_the_first_machine_makes_vpc_list_and_tier(made: Any, ask: Ask) -> None:
    """The network `default` becomes a VPC with one tier, whose list has Google's rules and ends with explicit items."""
    made(ZONE, "vm1")
    (vpc,) = ask("listVPCs", name="default")["vpc"]
    (tier,) = vpc["network"]
    assert (vpc["cidr"], vpc["vpcofferingname"]) == ("10.0.0.0/8", "Default VPC offering")
    assert (tier["name"], tier["aclname"]) == ("default", "gce-default")
    assert tier["networkofferingname"] == "DefaultIsolatedNetworkOfferingForVpcNetworks"
    shown = items(ask)
    assert {item["reason"] for item in shown[:-2]} == {
        f"gce:default-allow-{name}" for name in ("icmp", "internal", "rdp", "ssh")
    }
    assert [(item["traffictype"], item["action"], item["cidrlist"]) for item in shown[-2:]] == [
        ("Egress", "Allow", "0.0.0.0/0"),
        ("Ingress", "Deny", "0.0.0.0/0"),
    ]
    assert shown[-1]["number"] == 2**31 - 1


def test_allow_and_deny_both_ways(gce: Gce, made: Any, ask: Ask) -> None:
    """Deny and egress rules of any priority become items, in the order of priorities."""
    made(ZONE, "vm1")
    rules: list[dict[str, Any]] = [
        {"name": "deny-web", "denied": [{"IPProtocol": "tcp", "ports": ["80"]}], "priority": 0},
        {"name": "no-mail", "denied": [{"IPProtocol": "tcp", "ports": ["25"]}], "direction": "EGRESS"},
        {"name": "esp", "allowed": [{"IPProtocol": "esp"}], "priority": 65535},
    ]
    for rule in rules:
        gce.done(gce.post("global/firewalls", rule | {"network": "global/networks/default"}))
    shown = {item["reason"]: item for item in items(ask) if item["reason"].startswith("gce:")}
    first, mail, esp = shown["gce:deny-web"], shown["gce:no-mail"], shown["gce:esp"]
    assert (first["action"], first["traffictype"], first["startport"]) == ("Deny", "Ingress", "80")
    assert (mail["action"], mail["traffictype"], mail["cidrlist"]) == ("Deny", "Egress", "0.0.0.0/0")
    assert esp["protocol"] == "50"
    assert first["number"] < mail["number"] < esp["number"] < 2**31 - 2
    for rule in rules:
        gce.done(gce.delete(f"global/firewalls/{rule['name']}"))
    assert not {f"gce:{rule['name']}" for rule in rules} & {item["reason"] for item in items(ask)}


def test_items_made_by_hand_stay(gce: Gce, made: Any, ask: Ask) -> None:
    """An item that somebody put into the list is neither shown nor taken away."""
    made(ZONE, "vm1")
    (one,) = ask("listNetworkACLLists", name="gce-default")["networkacllist"]
    ask("createNetworkACL", aclid=one["id"], protocol="all", number=7, action="Deny", cidrlist="192.0.2.0/24")
    rule = {"name": "passing", "network": "global/networks/default", "allowed": [{"IPProtocol": "udp"}]}
    gce.done(gce.post("global/firewalls", rule))
    gce.done(gce.delete("global/firewalls/passing"))
    assert items(ask)[0]["number"] == 7
    (item,) = items(ask)[:1]
    ask("deleteNetworkACL", id=item["id"])


@pytest.mark.parametrize("command", ["createVPC", "createNetworkACLList", "createNetwork", "createNetworkACL"])
def test_a_lost_answer_makes_nothing_twice(start: Any, command: str) -> None:
    """If the answer to a creation is lost, the probe finds what was created, and it is created once."""
    running = start()
    client = Gce(running)
    fault(running, command, "lost")
    client.done(client.post(f"zones/{ZONE}/instances", body_of(ZONE, "vm1")))
    nic = client.get(f"zones/{ZONE}/instances/vm1")["networkInterfaces"][0]
    assert nic["subnetwork"].endswith("/regions/sandbox-east1/subnetworks/default")
    assert [one["name"] for one in client.items("global/networks")] == ["default"]
    assert len(client.items("regions/sandbox-east1/subnetworks")) == 1


def fault(running: Any, command: str, kind: str) -> None:
    url = running.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
    requests.post(url, json={"command": command, "kind": kind, "count": 1}, timeout=10).raise_for_status()


def test_widened_target_tags(start: Any) -> None:
    """With the setting, a rule with target tags applies to the whole network in a VPC, and the operation warns."""
    client = Gce(start(names=NameSettings(target_tags="subnetwork")))
    client.done(client.post(f"zones/{ZONE}/instances", body_of(ZONE, "vm1")))
    rule = {"name": "tagged", "allowed": [{"IPProtocol": "tcp"}], "targetTags": ["web"]}
    operation = client.done(client.post("global/firewalls", rule | {"network": "global/networks/default"}))
    assert operation["warnings"][0]["code"] == "FIELD_VALUE_OVERRIDEN"
    assert client.get("global/firewalls/tagged")["targetTags"] == ["web"]
