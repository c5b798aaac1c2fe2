"""Security groups of networks and machines, made through the API and looked at in CloudStack."""

from typing import Any

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

ZONE = "Sandbox-simulator"
DB = {"name": "db", "allowed": [{"IPProtocol": "tcp", "ports": ["5432"]}], "sourceTags": ["web"], "targetTags": ["db"]}


def groups(ask: Ask, prefix: str = "gce-") -> dict[str, dict[str, Any]]:
    found = ask("listSecurityGroups", listall=True)["securitygroup"]
    return {group["name"]: group for group in found if group["name"].startswith(prefix)}


def own(ask: Ask, instance: str) -> dict[str, Any]:
    (group,) = groups(ask, f"gce-machine-{instance}-").values()
    return group


def test_a_machine_has_the_network_s_group_and_one_of_its_own(made: Any, ask: Ask) -> None:
    """A machine is in two groups; the network's has Google's rules, with the group itself as the internal source."""
    made(ZONE, "vm1")
    (machine,) = ask("listVirtualMachines", zoneid=own_zone(ask), displayname="vm1")["virtualmachine"][:1]
    assert {group["name"] for group in machine["securitygroup"]} == {"gce-network-default", own(ask, "vm1")["name"]}
    rules = groups(ask)["gce-network-default"]["ingressrule"]
    inside = {rule["protocol"] for rule in rules if rule.get("securitygroupname") == "gce-network-default"}
    assert inside == {"tcp", "udp", "icmp"}
    assert {rule["startport"] for rule in rules if rule.get("cidr") == "0.0.0.0/0" and "startport" in rule} == {
        22,
        3389,
    }
    assert not own(ask, "vm1")["ingressrule"]
    assert all(not group["egressrule"] for group in groups(ask).values())


def own_zone(ask: Ask) -> str:
    return str(next(one["id"] for one in ask("listZones")["zone"] if one["name"] == ZONE))


def test_tags_lead_from_group_to_group(gce: Gce, made: Any, ask: Ask) -> None:
    """Rules are in the groups of machines with a target tag and name those with a source tag, also later machines."""
    made(ZONE, "web1", tags={"items": ["web"]})
    made(ZONE, "db1", tags={"items": ["db"]})
    gce.done(gce.post("global/firewalls", DB | {"network": "global/networks/default"}))
    made(ZONE, "web2", tags={"items": ["web"]})
    made(ZONE, "db2", tags={"items": ["db", "other"]})
    webs = {own(ask, "web1")["name"], own(ask, "web2")["name"]}
    for name in ("db1", "db2"):
        rules = own(ask, name)["ingressrule"]
        assert {(rule["startport"], rule["securitygroupname"]) for rule in rules} == {(5432, web) for web in webs}
    assert not own(ask, "web1")["ingressrule"]
    gce.done(gce.delete(f"zones/{ZONE}/instances/web1"))
    assert [rule["securitygroupname"] for rule in own(ask, "db1")["ingressrule"]] == [own(ask, "web2")["name"]]
    assert not groups(ask, "gce-machine-web1-")
    gce.done(gce.delete("global/firewalls/db"))
    assert not own(ask, "db1")["ingressrule"]


def test_rules_made_by_hand_stay(gce: Gce, made: Any, ask: Ask) -> None:
    """A rule that somebody put into the network's group survives the rules of others."""
    made(ZONE, "vm-hand")
    group = groups(ask)["gce-network-default"]["id"]
    ports = {"startport": 7777, "endport": 7777}
    ask("authorizeSecurityGroupIngress", securitygroupid=group, protocol="tcp", cidrlist="192.0.2.1/32", **ports)
    rule = {"name": "passing", "network": "global/networks/default", "allowed": [{"IPProtocol": "udp"}]}
    gce.done(gce.post("global/firewalls", rule))
    gce.done(gce.delete("global/firewalls/passing"))
    shown = {(one["protocol"], one.get("startport")) for one in groups(ask)["gce-network-default"]["ingressrule"]}
    assert ("tcp", 7777) in shown


def test_a_group_that_cannot_go_is_named(gce: Gce, made: Any, ask: Ask, fault: Any) -> None:
    """CloudStack keeps the group of a machine whose deployment failed; the operation names the group."""
    made(ZONE, "vm-first")
    fault("deployVirtualMachine", "job_failed")
    operation = gce.finished(gce.post(f"zones/{ZONE}/instances", body_of(ZONE, "vm-failing")))
    assert "error" in operation
    assert own(ask, "vm-failing")["id"] in operation["warnings"][0]["message"]


def test_a_group_that_cannot_be_filled_goes(gce: Gce, made: Any, ask: Ask, fault: Any) -> None:
    """If a machine's own group cannot be filled, the machine is not created and the group is deleted."""
    made(ZONE, "web-a", tags={"items": ["web"]})
    gce.done(gce.post("global/firewalls", DB | {"network": "global/networks/default"}))
    fault("authorizeSecurityGroupIngress", "job_failed", count=20)
    wish = body_of(ZONE, "db-failing", tags={"items": ["db"]})
    assert "error" in gce.finished(gce.post(f"zones/{ZONE}/instances", wish))
    assert not groups(ask, "gce-machine-db-failing-")
    gce.done(gce.delete("global/firewalls/db"))


def test_a_machine_costs_one_look(made: Any, spent: Any) -> None:
    """Without source tags, a new machine costs a look at the network's group and the creation of its own."""
    made(ZONE, "vm-a")
    count = spent(lambda: made(ZONE, "vm-b"), "listSecurityGroups", "createSecurityGroup", "authorize*")
    assert count["createSecurityGroup"] == 1
    assert count["authorize*"] == 0
    assert count["listSecurityGroups"] <= 3


def test_groups_of_a_project(gce: Gce, ask: Ask) -> None:
    """Source tags work in a CloudStack project, where groups belong to the project's own account."""
    ask("createProject", name="acme", displaytext="acme")
    acme = Gce(gce.stack, project="acme")
    rule = DB | {"network": "global/networks/default"}
    acme.done(acme.post("global/firewalls", rule))
    for name, tag in (("web1", "web"), ("db1", "db")):
        acme.done(acme.post(f"zones/{ZONE}/instances", body_of(ZONE, name, tags={"items": [tag]})))
    project = ask("listProjects", name="acme")["project"][0]["id"]
    found = ask("listSecurityGroups", listall=True, projectid=project)["securitygroup"]
    (rules,) = [group["ingressrule"] for group in found if group["name"].startswith("gce-machine-db1-")]
    assert [rule["securitygroupname"].startswith("gce-machine-web1-") for rule in rules] == [True]
    acme.done(acme.delete("global/firewalls/db"))
    for name in ("web1", "db1"):
        acme.done(acme.delete(f"zones/{ZONE}/instances/{name}"))
    assert gce.call("GET", "global/firewalls/db").status_code == 404
