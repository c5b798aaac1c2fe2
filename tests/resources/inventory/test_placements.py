"""Where the interfaces of instances go, through the methods of instances."""

from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, ask, body_of, made, spent
from fixtures.networking import TIER
from gstack.sandbox.settings import ZoneSpec

__all__ = ["ask", "made", "spent"]
BASIC, EAST, WEST = "Sandbox-simulator", "sandbox-east1-a", "sandbox-west1-a"
FIELD = "resource.networkInterfaces[0]"


@pytest.fixture
def prod(ask: Ask) -> dict[str, Any]:
    """Create a VPC `prod` with the tier `front` in CloudStack, in zone east; the tier."""
    zone = next(one["id"] for one in ask("listZones")["zone"] if one["name"] == EAST)
    if known := ask("listNetworks", name="front").get("network"):
        return dict(known[0])
    offering = ask("listVPCOfferings", name="Default VPC offering")["vpcoffering"][0]["id"]
    vpc = ask("createVPC", zoneid=zone, vpcofferingid=offering, name="prod", displaytext="p", cidr="10.0.0.0/8")
    tier = ask("listNetworkOfferings", name=TIER)["networkoffering"][0]["id"]
    place = {"vpcid": vpc["id"], "gateway": "10.9.0.1", "netmask": "255.255.255.0"}
    made = ask("createNetwork", zoneid=zone, networkofferingid=tier, name="front", displaytext="f", **place)
    return dict(made["network"])


@pytest.mark.parametrize(
    ("interface", "said"),
    [
        (
            {"network": "global/networks/nope"},
            "'global/networks/nope'. The referenced network resource cannot be found.",
        ),
        ({"network": "projects/other/global/networks/default"}, "The referenced network resource cannot be found."),
        ({"subnetwork": "regions/sandbox-east1/subnetworks/nope"}, f"'{FIELD}.subnetwork'"),
        ({"subnetwork": "regions/sandbox-west1/subnetworks/default"}, "The referenced subnetwork resource cannot be"),
        ({"network": "global/networks/prod"}, "Network interface must specify a subnet"),
        (
            {"network": "global/networks/default", "subnetwork": "regions/sandbox-east1/subnetworks/front"},
            "The subnetwork is of the network 'prod', not 'default'.",
        ),
    ],
)
def test_wrong_references_are_refused(gce: Gce, prod: Any, interface: dict[str, Any], said: str) -> None:
    """A network or subnetwork that does not exist, or not in this zone, is 400 in Google's words."""
    refused = gce.refused(
        "POST", f"zones/{EAST}/instances", 400, body_of(EAST, "vm-wrong", networkInterfaces=[interface])
    )
    assert said in refused["message"]


def test_a_network_has_nothing_in_another_zone(gce: Gce, prod: Any) -> None:
    """A network that exists only in another zone is refused, with the zone's name."""
    wish = body_of(WEST, "vm-wrong", networkInterfaces=[{"network": "global/networks/prod"}])
    refused = gce.refused("POST", f"zones/{WEST}/instances", 400, wish)
    assert "subnet" in refused["message"] or WEST in refused["message"]


def test_a_machine_on_a_tier_made_by_hand(made: Any, prod: dict[str, Any], ask: Ask) -> None:
    """An instance may name a tier that somebody made by its subnetwork alone, and gets static NAT there."""
    config = {"subnetwork": "regions/sandbox-east1/subnetworks/front", "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}
    nic = made(EAST, "vm-front", networkInterfaces=[config])["networkInterfaces"][0]
    assert nic["network"].endswith("/global/networks/prod")
    assert nic["subnetwork"].endswith("/regions/sandbox-east1/subnetworks/front")
    assert nic["networkIP"].startswith("10.9.0.")
    assert nic["accessConfigs"][0]["natIP"]
    (machine,) = ask("listVirtualMachines", name="vm-front")["virtualmachine"]
    assert machine["nic"][0]["networkid"] == prod["id"]


def test_rules_of_a_network_made_by_hand_stay_by_hand(gce: Gce, prod: Any) -> None:
    """A firewall is refused for a network whose ACL lists somebody made: they are not ours to change."""
    rule = {"name": "p", "network": "global/networks/prod", "allowed": [{"IPProtocol": "tcp"}]}
    assert "was made in CloudStack" in gce.refused("POST", "global/firewalls", 400, rule)["message"]


def test_an_instance_may_not_come_where_a_rule_cannot(gce: Gce) -> None:
    """If a zone cannot express a rule of the network, an instance there is refused, and the rule is named."""
    rule = {"name": "deny", "denied": [{"IPProtocol": "tcp"}], "network": "global/networks/default"}
    gce.done(gce.post("global/firewalls", rule))
    refused = gce.refused("POST", f"zones/{BASIC}/instances", 400, body_of(BASIC, "vm-no"))
    assert f"Zone '{BASIC}' cannot express the firewall rule 'deny'" in refused["message"]
    gce.done(gce.delete("global/firewalls/deny"))


def test_an_advanced_zone_with_security_groups(start: Any) -> None:
    """A machine there is on the zone's guest network, and its guest address is the external one."""
    client, zone = Gce(start(zones=(ZoneSpec("cs-groups-a", "Advanced", securitygroups=True),))), "cs-groups-a"
    client.done(client.post(f"zones/{zone}/instances", body_of(zone, "vm1")))
    (nic,) = client.get(f"zones/{zone}/instances/vm1")["networkInterfaces"]
    assert nic["subnetwork"].endswith("/regions/cs-groups/subnetworks/default")
    assert nic["accessConfigs"][0]["natIP"] == nic["networkIP"]
    refused = client.refused("POST", "global/firewalls", 400, {"name": "no", "denied": [{"IPProtocol": "tcp"}]})
    assert "security groups only allow" in refused["message"]
