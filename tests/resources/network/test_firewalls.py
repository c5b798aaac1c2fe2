"""firewalls, in a cloud with zones of both kinds."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fixtures.gce import Gce
from fixtures.instances import Ask, body_of

BASIC, EAST = "Sandbox-simulator", "sandbox-east1-a"
TCP = [{"IPProtocol": "tcp", "ports": ["80", "8000-8100"]}]


def body(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "network": "global/networks/default", "allowed": TCP, **fields}


@pytest.fixture
def inserted(gce: Gce) -> Any:
    """Insert firewalls that are deleted when the test ends."""
    names = []

    def insert(name: str, **fields: Any) -> dict[str, Any]:
        gce.done(gce.post("global/firewalls", body(name, **fields)))
        names.append(name)
        shown: dict[str, Any] = gce.get(f"global/firewalls/{name}")
        return shown

    yield insert
    for name in names:
        gce.done(gce.delete(f"global/firewalls/{name}"))


def test_the_four_of_google_s(gce: Gce) -> None:
    """A new project has Google's four rules for the network `default`."""
    found = {one["name"]: one for one in gce.items("global/firewalls")}
    assert found.keys() >= {f"default-allow-{name}" for name in ("internal", "ssh", "rdp", "icmp")}
    assert found["default-allow-ssh"]["allowed"] == [{"IPProtocol": "tcp", "ports": ["22"]}]
    assert {one["priority"] for one in found.values()} == {65534}


def test_every_rule_has_a_time(gce: Gce, inserted: Any) -> None:
    """A rule shows when it was inserted; Google's four show the time that things without a creation show."""
    assert gce.get("global/firewalls/default-allow-ssh")["creationTimestamp"].startswith("1969-12-31T16:00")
    assert inserted("timed")["creationTimestamp"] > "2020"


def test_a_rule_comes_back(gce: Gce, inserted: Any) -> None:
    """What was inserted is shown with Google's defaults, by name, by id and in the list."""
    shown = inserted("web", description="the web", sourceRanges=["192.0.2.0/24"], targetTags=[])
    assert shown["selfLink"] == f"{gce.base}/projects/demo/global/firewalls/web"
    assert shown["network"] == f"{gce.base}/projects/demo/global/networks/default"
    assert (shown["direction"], shown["priority"], shown["disabled"]) == ("INGRESS", 1000, False)
    assert (shown["allowed"], shown["sourceRanges"]) == (TCP, ["192.0.2.0/24"])
    assert (shown["description"], shown["logConfig"]) == ("the web", {"enable": False})
    assert gce.get(f"global/firewalls/{shown['id']}") == shown
    assert gce.items("global/firewalls", filter="name eq web") == [shown]


def test_a_rule_of_gcutil_s(inserted: Any) -> None:
    """A protocol sent as a number is shown by its name; without a source everyone is meant; no network is `default`."""
    shown = inserted("gcutil", allowed=[{"IPProtocol": "6", "ports": ["22"]}], network=None)
    assert shown["allowed"] == [{"IPProtocol": "tcp", "ports": ["22"]}]
    assert shown["sourceRanges"] == ["0.0.0.0/0"]
    assert shown["network"].endswith("/global/networks/default")


def test_of_two_of_one_name_the_first_stays(gce: Gce, fault: Callable[..., None]) -> None:
    """An insertion that was checked while another of its name was done is an alreadyExists: nothing is replaced."""
    fault("listSecurityGroups", "slow", seconds=2)
    with ThreadPoolExecutor() as pool:  # the priority makes it look for groups before it is journalled
        bodies = [body("fwr", allowed=[{"IPProtocol": "tcp", "ports": [port]}], priority=500) for port in ("11", "22")]
        slow = pool.submit(gce.call, "POST", "global/firewalls", bodies[0])
        time.sleep(0.5)
        quick = gce.call("POST", "global/firewalls", bodies[1])
    ended = [gce.finished(one.json()) for one in (slow.result(), quick)]
    assert [one.get("httpErrorStatusCode", 200) for one in ended] == [409, 200]
    assert ended[0]["error"]["errors"][0]["code"] == "RESOURCE_ALREADY_EXISTS"
    shown = gce.get("global/firewalls/fwr")
    assert (shown["allowed"], shown["id"]) == (bodies[1]["allowed"], ended[1]["targetId"])
    gce.done(gce.delete("global/firewalls/fwr"))


def test_the_operation_names_its_target(gce: Gce) -> None:
    """Insertion and deletion are global operations on the rule."""
    operation = gce.done(gce.post("global/firewalls", body("target")))
    shown = gce.get("global/firewalls/target")
    assert (operation["targetLink"], operation["targetId"]) == (shown["selfLink"], shown["id"])
    assert "/global/operations/" in operation["selfLink"]
    operation = gce.done(gce.delete("global/firewalls/target"))
    assert (operation["operationType"], operation["targetId"]) == ("delete", shown["id"])
    gce.refused("GET", "global/firewalls/target", 404)


def test_a_name_is_taken_once(gce: Gce, inserted: Any) -> None:
    """A second rule of a name is 409, a rule of Google's own name too."""
    inserted("twice")
    for name in ("twice", "default-allow-ssh"):
        refused = gce.refused("POST", "global/firewalls", 409, body(name))
        assert refused["reason"] == "alreadyExists"


def test_one_of_google_s_is_deleted_and_made_again(gce: Gce) -> None:
    """A default rule that was deleted stays away, and its name is free for another."""
    gce.done(gce.delete("global/firewalls/default-allow-rdp"))
    gce.refused("GET", "global/firewalls/default-allow-rdp", 404)
    assert "default-allow-rdp" not in {one["name"] for one in gce.items("global/firewalls")}
    gce.done(gce.post("global/firewalls", body("default-allow-rdp", sourceRanges=["192.0.2.0/24"])))
    assert gce.get("global/firewalls/default-allow-rdp")["sourceRanges"] == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "Bad"}, "resource.name"),
        ({"name": None}, "resource.name"),
        ({"network": "global/networks/nope"}, "resource.network"),
        ({"network": "projects/other/global/networks/default"}, "resource.network"),
        ({"network": "global/images/default"}, "resource.network"),
        ({"allowed": []}, "resource.allowed"),
        ({"denied": TCP}, "resource.denied"),
        ({"allowed": [{"IPProtocol": "nope"}]}, "resource.allowed[0].IPProtocol"),
        ({"allowed": [{"IPProtocol": "icmp", "ports": ["1"]}]}, "resource.allowed[0].ports"),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["9-1"]}]}, "resource.allowed[0].ports[0]"),
        ({"sourceRanges": ["1.2.3.4/40"]}, "resource.sourceRanges[0]"),
        ({"sourceRanges": ["2001:db8::/32"]}, "resource.sourceRanges[0]"),
        ({"sourceTags": ["No"]}, "resource.sourceTags[0]"),
        ({"priority": 70000}, "resource.priority"),
        ({"direction": "EGRESS", "sourceRanges": ["10.0.0.0/8"]}, "resource.sourceRanges"),
        ({"sourceServiceAccounts": ["a@example.com"]}, "resource.sourceServiceAccounts"),
        ({"targetServiceAccounts": ["a@example.com"]}, "resource.targetServiceAccounts"),
        ({"logConfig": {"enable": True}}, "resource.logConfig.enable"),
    ],
)
def test_bad_rules_are_refused(gce: Gce, fields: dict[str, Any], field: str) -> None:
    """What Google or CloudStack would not take is 400 with the field, and no rule is there."""
    refused = gce.refused("POST", "global/firewalls", 400, body("bad") | fields)
    assert refused["location"].removeprefix("resource.") == field.removeprefix("resource.")
    gce.refused("GET", "global/firewalls/bad", 404)


def test_unknown_is_404(gce: Gce) -> None:
    """A rule that is not there is neither got nor deleted."""
    for verb in ("GET", "DELETE"):
        refused = gce.refused(verb, "global/firewalls/nope", 404)
        assert refused["message"] == "The resource 'projects/demo/global/firewalls/nope' was not found"


def test_others_see_nothing(other: Gce, inserted: Any) -> None:
    """A rule is its owner's alone."""
    inserted("mine")
    other.refused("GET", "global/firewalls/mine", 404)
    assert "mine" not in {one["name"] for one in other.items("global/firewalls")}


def test_every_backing_must_express_a_rule(gce: Gce, made: Any) -> None:
    """Once machines are there, a rule that a zone cannot express is 400 and names the zone and the reason."""
    made_early = gce.done(gce.post("global/firewalls", body("deny", allowed=None, denied=TCP, priority=500)))
    assert [BASIC in one["message"] for one in made_early["warnings"]] == [True]
    gce.done(gce.delete("global/firewalls/deny"))
    made(BASIC, "fw-basic")
    refused = gce.refused("POST", "global/firewalls", 400, body("deny", allowed=None, denied=TCP, priority=500))
    assert f"Zone '{BASIC}' cannot express the firewall rule 'deny': security groups only allow" in refused["message"]
    made(EAST, "fw-east")
    refused = gce.refused("POST", "global/firewalls", 400, body("tagged", targetTags=["web"]))
    assert f"Zone '{EAST}'" in refused["message"]
    assert "target tag" in refused["message"]


def test_a_backing_without_machines_binds_nobody(gce: Gce, made: Any, ask: Ask) -> None:
    """A zone that a network's machines have left refuses no rule: it gets none, and no machine until the rule goes."""
    for zone, name in ((EAST, "fw-east"), (BASIC, "fw-basic")):
        made(zone, name)
        gce.done(gce.delete(f"zones/{zone}/instances/{name}"))
    rules = [
        (EAST, body("tagged", targetTags=["web"])),
        (BASIC, body("deny", allowed=None, denied=TCP, priority=500)),
    ]
    for zone, rule in rules:
        operation = gce.done(gce.post("global/firewalls", rule))
        assert f"Zone '{zone}' cannot express this rule" in " ".join(one["message"] for one in operation["warnings"])
        refused = gce.refused("POST", f"zones/{zone}/instances", 400, body_of(zone, "fw-late"))
        assert f"cannot express the firewall rule '{rule['name']}'" in refused["message"]
    assert "gce:tagged" not in {one.get("reason") for one in _items(ask)}
    assert "gce:deny" in {one.get("reason") for one in _items(ask)}
    for _, rule in rules:
        gce.done(gce.delete(f"global/firewalls/{rule['name']}"))
    made(EAST, "fw-late")


def test_rules_reach_both_kinds_of_zones(made: Any, inserted: Any, ask: Ask) -> None:
    """A rule becomes rules of the network's group and items of its ACL list, and both go with it."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    inserted("reach", sourceRanges=["198.51.100.0/24", "203.0.113.0/24"])
    assert _group_rules(ask) >= {("tcp", 80, 80, "198.51.100.0/24"), ("tcp", 8000, 8100, "203.0.113.0/24")}
    items = [one for one in _items(ask) if one.get("reason") == "gce:reach"]
    assert {(one["startport"], one["cidrlist"]) for one in items} == {
        ("80", "198.51.100.0/24,203.0.113.0/24"),
        ("8000", "198.51.100.0/24,203.0.113.0/24"),
    }
    assert {(one["action"], one["traffictype"]) for one in items} == {("Allow", "Ingress")}
    assert all(1000 * 32760 < one["number"] <= 1001 * 32760 for one in items)


def test_deleted_rules_are_gone_in_cloudstack(gce: Gce, made: Any, ask: Ask) -> None:
    """Deletion takes away what the rule alone needed, and leaves what another rule needs as well."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    both, alone = {"IPProtocol": "tcp", "ports": ["82"]}, {"IPProtocol": "tcp", "ports": ["84"]}
    gce.done(gce.post("global/firewalls", body("one", allowed=[both, alone])))
    gce.done(gce.post("global/firewalls", body("two", allowed=[both])))
    gce.done(gce.delete("global/firewalls/one"))
    everyone = "0.0.0.0/0"
    assert ("tcp", 82, 82, everyone) in _group_rules(ask)
    assert ("tcp", 84, 84, everyone) not in _group_rules(ask)
    assert {one.get("reason") for one in _items(ask)} & {"gce:one", "gce:two"} == {"gce:two"}
    gce.done(gce.delete("global/firewalls/two"))
    assert ("tcp", 82, 82, everyone) not in _group_rules(ask)


def test_rules_that_two_firewalls_need_stay_for_the_other(gce: Gce, made: Any, ask: Ask) -> None:
    """Two firewalls may say the same; the group's rule goes with the second one."""
    made(BASIC, "fw-basic")
    for name in ("same-a", "same-b"):
        gce.done(gce.post("global/firewalls", body(name, sourceRanges=["198.18.0.0/15"])))
    shared = ("tcp", 80, 80, "198.18.0.0/15")
    gce.done(gce.delete("global/firewalls/same-a"))
    assert shared in _group_rules(ask)
    gce.done(gce.delete("global/firewalls/same-b"))
    assert shared not in _group_rules(ask)


def test_rules_are_made_side_by_side(gce: Gce, made: Any, ask: Ask) -> None:
    """Ten rules inserted at once all succeed and are all there; ten deletions too."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    names = [f"side-{number}" for number in range(10)]

    def insert(name: str) -> None:
        gce.done(gce.post("global/firewalls", body(name, allowed=[{"IPProtocol": "tcp", "ports": ["99"]}])))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(insert, names))
        assert {one["reason"] for one in _items(ask) if "gce:side-" in one.get("reason", "")} == {
            f"gce:{name}" for name in names
        }
        assert ("tcp", 99, 99, "0.0.0.0/0") in _group_rules(ask)
        list(pool.map(lambda name: gce.done(gce.delete(f"global/firewalls/{name}")), names))
    assert not [one for one in _items(ask) if "gce:side-" in one.get("reason", "")]
    assert ("tcp", 99, 99, "0.0.0.0/0") not in _group_rules(ask)


def test_a_refused_rule_leaves_nothing(gce: Gce, made: Any, ask: Ask, fault: Any) -> None:
    """Where CloudStack refuses for good the operation fails, and the rule is nowhere."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    fault("createNetworkACL", "job_failed", count=20)
    operation = gce.finished(gce.post("global/firewalls", body("failing", sourceRanges=["192.0.2.7"])))
    assert operation["error"]["errors"][0]["message"]
    assert operation["httpErrorStatusCode"] >= 400
    gce.refused("GET", "global/firewalls/failing", 404)
    assert ("tcp", 80, 80, "192.0.2.7/32") not in _group_rules(ask)
    assert "gce:failing" not in {one.get("reason") for one in _items(ask)}


def test_a_passing_refusal_is_overcome(made: Any, ask: Ask, fault: Any, inserted: Any) -> None:
    """Where CloudStack fails once, the next look finds what is missing and sends it again."""
    made(EAST, "fw-east")
    fault("createNetworkACL", "job_failed")
    inserted("twice-tried")
    assert len([one for one in _items(ask) if one.get("reason") == "gce:twice-tried"]) == 2


def patched(gce: Gce, name: str, verb: str = "PATCH", **fields: Any) -> dict[str, Any]:
    """Change a rule; what it shows then."""
    answer = gce.call(verb, f"global/firewalls/{name}", fields)
    assert answer.ok, answer.text
    gce.done(answer.json())
    shown: dict[str, Any] = gce.get(f"global/firewalls/{name}")
    return shown


def test_a_patch_changes_what_it_names(gce: Gce, inserted: Any) -> None:
    """PATCH changes the fields that are sent, an empty one becomes the default, and all else stays."""
    before = inserted("patched", description="d", sourceRanges=["192.0.2.0/24"], sourceTags=["web"], priority=900)
    other = [{"IPProtocol": "udp", "ports": ["53"]}]
    after = patched(gce, "patched", allowed=other, sourceRanges=["198.51.100.7"], description=None, sourceTags=[])
    expected = before | {"allowed": other, "sourceRanges": ["198.51.100.7"]}
    assert after == {field: value for field, value in expected.items() if field not in {"description", "sourceTags"}}
    assert patched(gce, str(before["id"]), disabled=True)["disabled"] is True


def test_an_update_replaces_the_whole_rule(gce: Gce, inserted: Any) -> None:
    """PUT gives every field that is not sent its default; id, network and direction stay."""
    before = inserted("put", description="d", sourceRanges=["192.0.2.0/24"], priority=900, targetTags=["web"])
    after = patched(gce, "put", "PUT", allowed=TCP, network=before["network"])
    stays = {field: before[field] for field in ("id", "creationTimestamp", "network", "direction", "allowed")}
    assert after.items() >= stays.items()
    assert (after["sourceRanges"], after["priority"]) == (["0.0.0.0/0"], 1000)
    assert not after.keys() & {"description", "targetTags"}


def test_the_action_changes(gce: Gce, inserted: Any) -> None:
    """An allow rule becomes a deny rule where the request empties `allowed`, and is refused where it does not."""
    inserted("turned", priority=900)
    gce.refused("PATCH", "global/firewalls/turned", 400, {"denied": TCP})
    shown = patched(gce, "turned", denied=TCP, allowed=[])
    assert (shown.get("allowed"), shown["denied"]) == (None, TCP)


def test_one_of_google_s_is_changed(gce: Gce) -> None:
    """A default rule is changed like any other, keeps its id, and may be deleted."""
    before = gce.get("global/firewalls/default-allow-icmp")
    after = patched(gce, "default-allow-icmp", sourceRanges=["10.0.0.0/8"])
    assert after == before | {"sourceRanges": ["10.0.0.0/8"]}
    patched(gce, "default-allow-icmp", sourceRanges=["0.0.0.0/0"])
    assert gce.get("global/firewalls/default-allow-icmp") == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "other"}, "name"),
        ({"network": "global/networks/other"}, "network"),
        ({"direction": "EGRESS"}, "direction"),
        ({"allowed": [{"IPProtocol": "nope"}]}, "allowed[0].IPProtocol"),
        ({"destinationRanges": ["10.0.0.0/8"]}, "destinationRanges"),
        ({"targetServiceAccounts": ["a@example.com"]}, "targetServiceAccounts"),
        ({"logConfig": {"enable": True}}, "logConfig.enable"),
    ],
)
@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
def test_bad_changes_are_refused(gce: Gce, inserted: Any, verb: str, fields: dict[str, Any], field: str) -> None:
    """A change of what is fixed, or to what an insertion would not take, is 400 with the field."""
    before = inserted("steady")
    refused = gce.refused(verb, "global/firewalls/steady", 400, {"allowed": TCP} | fields)
    assert refused["location"].removeprefix("resource.") == field
    assert gce.get("global/firewalls/steady") == before


def test_a_change_of_nothing_is_404(gce: Gce) -> None:
    """A rule that is not there is not changed."""
    for verb in ("PATCH", "PUT"):
        refused = gce.refused(verb, "global/firewalls/nope", 404, {"allowed": TCP})
        assert refused["message"] == "The resource 'projects/demo/global/firewalls/nope' was not found"


def test_changes_reach_both_kinds_of_zones(gce: Gce, made: Any, inserted: Any, ask: Ask) -> None:
    """What a change adds and takes away is added and taken away in groups and ACL lists; what it keeps stays."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    inserted("moving", sourceRanges=["198.51.100.0/24"])
    kept = {one["id"] for one in _items(ask) if one.get("reason") == "gce:moving" and one["startport"] == "80"}
    patched(gce, "moving", allowed=[{"IPProtocol": "tcp", "ports": ["80", "9000"]}])
    items = [one for one in _items(ask) if one.get("reason") == "gce:moving"]
    assert {one["startport"] for one in items} == {"80", "9000"}
    assert kept <= {one["id"] for one in items}
    rules = _group_rules(ask)
    assert rules >= {("tcp", 80, 80, "198.51.100.0/24"), ("tcp", 9000, 9000, "198.51.100.0/24")}
    assert ("tcp", 8000, 8100, "198.51.100.0/24") not in rules
    patched(gce, "moving", disabled=True)
    assert "gce:moving" not in {one.get("reason") for one in _items(ask)}
    assert ("tcp", 80, 80, "198.51.100.0/24") not in _group_rules(ask)
    patched(gce, "moving", disabled=False)
    assert ("tcp", 80, 80, "198.51.100.0/24") in _group_rules(ask)


def test_a_change_adds_before_it_removes(gce: Gce, made: Any, inserted: Any, ask: Ask, fault: Any) -> None:
    """While a change is under way CloudStack has the old rules and the new ones, and nothing beside them."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    inserted("slow", sourceRanges=["198.51.100.0/24"], allowed=[{"IPProtocol": "tcp", "ports": ["80"]}])
    groups_before, items_before = _group_rules(ask), _shapes(ask)
    for command in ("revokeSecurityGroupIngress", "deleteNetworkACL"):
        fault(command, "slow", seconds=1.5)
    groups_seen, items_seen = [groups_before], [items_before]
    with ThreadPoolExecutor() as pool:
        changing = pool.submit(patched, gce, "slow", sourceRanges=["203.0.113.0/24"])
        while not changing.done():
            groups_seen.append(_group_rules(ask))
            items_seen.append(_shapes(ask))
        changing.result()
    groups_after, items_after = _group_rules(ask), _shapes(ask)
    assert all(groups_before & groups_after <= seen <= groups_before | groups_after for seen in groups_seen)
    assert all(items_before & items_after <= seen <= items_before | items_after for seen in items_seen)
    assert any(seen == groups_before | groups_after for seen in groups_seen)
    assert ("tcp", 80, 80, "203.0.113.0/24") in groups_after - groups_before


def test_a_refused_change_is_taken_back(gce: Gce, made: Any, inserted: Any, ask: Ask, fault: Any) -> None:
    """Where CloudStack refuses for good the operation fails, and the rule is what it was, everywhere."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    before = inserted("steadfast", sourceRanges=["192.0.2.7"])
    groups_before, items_before = _group_rules(ask), _shapes(ask)
    fault("createNetworkACL", "job_failed", count=20)
    operation = gce.finished(gce.call("PATCH", "global/firewalls/steadfast", {"sourceRanges": ["192.0.2.8"]}).json())
    assert operation["httpErrorStatusCode"] >= 400
    assert gce.get("global/firewalls/steadfast") == before
    assert (_group_rules(ask), _shapes(ask)) == (groups_before, items_before)


def test_a_change_must_be_expressible(gce: Gce, made: Any, inserted: Any) -> None:
    """A change to what a zone with machines cannot express is 400 and names the zone; nothing is changed."""
    made(BASIC, "fw-basic")
    made(EAST, "fw-east")
    before = inserted("limited")
    for change, zone in (({"priority": 500}, BASIC), ({"targetTags": ["web"]}, EAST)):
        refused = gce.refused("PATCH", "global/firewalls/limited", 400, change)
        assert f"Zone '{zone}' cannot express the firewall rule 'limited'" in refused["message"]
    assert gce.get("global/firewalls/limited") == before


def test_changes_of_target_tags_move_the_rules(gce: Gce, made: Any, inserted: Any, ask: Ask) -> None:
    """In zones with security groups, other target tags move a rule from the network's group to machines' own."""
    made(BASIC, "fw-tagged", tags={"items": ["web"]})
    inserted("targets", sourceRanges=["198.51.100.0/24"])
    patched(gce, "targets", targetTags=["web"])
    (own,) = [
        group for group in ask("listSecurityGroups")["securitygroup"] if group["name"].startswith("gce-machine-fw-tagg")
    ]
    assert {rule["cidr"] for rule in own["ingressrule"]} == {"198.51.100.0/24"}
    assert ("tcp", 80, 80, "198.51.100.0/24") not in _group_rules(ask)
    patched(gce, "targets", targetTags=[])
    assert ("tcp", 80, 80, "198.51.100.0/24") in _group_rules(ask)


def test_a_disabled_rule_is_kept_and_not_sent(made: Any, inserted: Any, ask: Ask) -> None:
    """A disabled rule is shown and does nothing in CloudStack, even one that it could not express."""
    made(BASIC, "fw-basic")
    shown = inserted("off", disabled=True, sourceRanges=["192.0.2.9"], priority=3)
    assert shown["disabled"] is True
    assert ("tcp", 80, 80, "192.0.2.9/32") not in _group_rules(ask)


def test_calls(gce: Gce, made: Any, spent: Any) -> None:
    """A rule that is read or listed costs CloudStack nothing."""
    made(BASIC, "fw-basic")
    assert not any(spent(lambda: gce.items("global/firewalls"), "list*").values())
    assert not any(spent(lambda: gce.get("global/firewalls/default-allow-ssh"), "list*").values())


def _group_rules(ask: Ask) -> set[tuple[Any, ...]]:
    (group,) = ask("listSecurityGroups", securitygroupname="gce-network-default")["securitygroup"]
    return {
        (rule["protocol"], rule.get("startport", -1), rule.get("endport", -1), rule.get("cidr", ""))
        for rule in group["ingressrule"]
    }


def _items(ask: Ask) -> list[dict[str, Any]]:
    lists = ask("listNetworkACLLists", name="gce-default")["networkacllist"]
    return [item for one in lists for item in ask("listNetworkACLs", aclid=one["id"]).get("networkacl", [])]


def _shapes(ask: Ask) -> set[tuple[Any, ...]]:
    """What the items of the network's ACL lists say."""
    fields = ("traffictype", "action", "protocol", "startport", "cidrlist", "number", "reason")
    return {tuple(item.get(field) for field in fields) for item in _items(ask)}


def test_a_misspelt_field_opens_nothing(gce: Gce) -> None:
    """A firewall whose body has a field that looks misspelt is refused: without its ranges it would be open to all."""
    body = {"name": "fw-typo", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}], "sourceRange": ["10.0.0.0/8"]}
    refused = gce.refused("POST", "global/firewalls", 400, body)
    assert "sourceRange" in refused["message"]
    assert "Did you mean 'sourceRanges'?" in refused["message"]
    gce.refused("GET", "global/firewalls/fw-typo", 404)
    right = {"name": "fw-typo", "allowed": body["allowed"], "sourceRanges": ["10.0.0.0/8"], "zz": 1}
    gce.done(gce.post("global/firewalls", right))
    patched = gce.refused("PATCH", "global/firewalls/fw-typo", 400, {"sourceRagnes": ["0.0.0.0/0"]})
    assert "sourceRanges" in patched["message"]
    gce.done(gce.delete("global/firewalls/fw-typo"))
