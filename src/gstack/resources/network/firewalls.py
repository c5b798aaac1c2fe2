"""firewalls <-> rules of security groups and items of VPC ACL lists (gstack.firewalling compiles them).

A firewall is global, so every zone where its network is in use must be able to express it. If one cannot, the answer is
400 with the zone and the reason, and nothing is sent. The body is stored in the sidecar; ACL items name their firewall
in `reason`. The work checks again that the name is free, or still belongs to the same firewall, because the check of
the request may be old by then. A change adds rules before it removes others: what passes meanwhile passed before or
will pass after. Rules that somebody made by hand in a network's group or list are left alone and not
shown. Firewall logs, service accounts as sources or targets, and IPv6 do not exist in CloudStack and are refused.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.firewalling.ranges import Invalid, protocol_name, protocol_number
from gstack.firewalling.rules import EGRESS, Rule
from gstack.gateway.call import UNDECLARED, Call, serves
from gstack.gateway.listing import in_memory, list_items
from gstack.gateway.operations import timestamp
from gstack.operations.model import Op, Target, work
from gstack.operations.recipes import undoing
from gstack.resources.inventory.firewalls import COLLECTION, SCOPE, Firewall, Firewalls, inexpressible, refusal
from gstack.resources.inventory.networks import DEFAULT, VPC, Network, read_networks
from gstack.resources.inventory.placements import future_backing, in_use, network_named, widens_tags
from gstack.resources.inventory.zones import Locations, locations_of
from gstack.resources.shared.instance_properties import check_tag_names
from gstack.resources.shared.naming import check_description, check_name, gce_id
from gstack.resources.steps import security_groups, vpcs

_REFUSED = {
    "sourceServiceAccounts": "machines in CloudStack have no service accounts to filter by. Use source tags or ranges.",
    "targetServiceAccounts": "machines in CloudStack have no service accounts to filter by. Use target tags.",
    "params": "resource manager tags do not exist here.",
}
_CHANGEABLE = (
    "description",
    "priority",
    "disabled",
    "allowed",
    "denied",
    "sourceRanges",
    "sourceTags",
    "destinationRanges",
    "targetTags",
)
_HALF_DONE = "Not everything that was sent could be undone"
_NO_LOG = "CloudStack keeps no firewall logs. Leave logging off."


class FirewallRequest(msgspec.Struct, frozen=True):
    """A firewall to insert or delete, and what the cloud's zones are.

    `groups`: some have security groups. `vpcs`: some have VPCs. `widen`: target tags mean the whole network in VPCs.
    """

    body: dict[str, Any]
    groups: bool
    vpcs: bool
    widen: bool


class FirewallChange(FirewallRequest, frozen=True):
    """A change of the firewall `body`. `changes` has new values of fields; `replace`: the others get their defaults."""

    changes: dict[str, Any] = {}
    replace: bool = False


def to_gce(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """A Firewall from the stored body."""
    return {
        **body,
        "network": call.link(f"global/networks/{body['network']}"),
        "selfLink": call.link(f"{SCOPE}/{COLLECTION}/{body['name']}"),
        "logConfig": {"enable": False},
    }


def checked(sent: Mapping[str, Any], network: str) -> Firewall:
    """The firewall of a body, in Google's canonical form. Problem 400 for what Google or CloudStack does not accept."""
    for field, why in _REFUSED.items():
        if sent.get(field):
            raise Problem.unsupported(f"resource.{field}", why)
    if (sent.get("logConfig") or {}).get("enable") or sent.get("enableLogging"):
        raise Problem.unsupported("resource.logConfig.enable", _NO_LOG)
    name = check_name("resource.name", sent.get("name"))
    try:
        rule = Firewall.of({**sent, "name": name}).rule
    except Invalid as error:
        raise Problem.invalid(f"resource.{error.field}", error.message) from error
    action = "allowed" if rule.allow else "denied"
    ranges = "destinationRanges" if rule.direction == EGRESS else "sourceRanges"
    everyone = [] if sent.get("sourceTags") else ["0.0.0.0/0"]
    body = {
        "name": name,
        "description": check_description(sent),
        "network": network,
        "direction": rule.direction,
        "priority": rule.priority,
        "disabled": rule.disabled,
        action: [_entry(entry) for entry in sent[action]],
        "sourceTags": check_tag_names(dict.fromkeys(sent.get("sourceTags") or ()), "resource.sourceTags"),
        "targetTags": check_tag_names(dict.fromkeys(sent.get("targetTags") or ()), "resource.targetTags"),
        ranges: [text.strip() for text in sent.get(ranges) or ()] or everyone,  # as sent: Google does not rewrite them
    }
    return Firewall({field: value for field, value in body.items() if value not in ("", [])}, rule)


def changed(body: Mapping[str, Any], changes: Mapping[str, Any], *, replace: bool) -> Firewall:
    """The firewall of a stored body after a change. Its name, network, direction and id stay."""
    sent = {**({} if replace else body), **changes, "name": body["name"], "direction": body["direction"]}
    firewall = checked(sent, body["network"])
    identity = {field: body[field] for field in ("id", "creationTimestamp") if field in body}
    return Firewall({**firewall.body, **identity}, firewall.rule)


@serves("compute.firewalls.get")
async def get(call: Call) -> dict[str, Any]:
    return to_gce(call, await _found(call))


@serves("compute.firewalls.list")
async def list_(call: Call) -> dict[str, Any]:
    bodies = await Firewalls(call.sidecar, call.owner_id).bodies()
    return await list_items(call, in_memory(to_gce(call, body) for body in bodies))


def _check_spelling(call: Call) -> None:
    """Refuse a field that looks like a misspelt one. Without its `sourceRanges`, a rule would be open to everybody."""
    for warning in call.warnings:
        if warning.code == UNDECLARED and "Did you mean" in warning.message:
            raise Problem.invalid(warning.data["field"], warning.message.replace("was ignored", "is not of a firewall"))


@serves("compute.firewalls.insert")
async def insert(call: Call) -> dict[str, Any]:
    _check_spelling(call)
    zones = await locations_of(call)
    network = await _network(call, zones, call.body.get("network") or f"global/networks/{DEFAULT}")
    firewall = checked(call.body, network.name)
    if await Firewalls(call.sidecar, call.owner_id).find(firewall.name):
        raise Problem.already_exists(call.resource(f"{SCOPE}/{COLLECTION}/{firewall.name}"))
    await _check_zones(call, network, zones, firewall.rule)
    identity = {"id": gce_id(str(uuid.uuid4())), "creationTimestamp": timestamp(datetime.now(UTC))}
    body = {**firewall.body, **identity}
    return await call.start(create, _target(body), FirewallRequest(body, **_kinds(call, zones)))


@serves("compute.firewalls.patch", "compute.firewalls.update")
async def patch(call: Call) -> dict[str, Any]:
    """PATCH changes the fields that are sent; PUT gives all others their defaults."""
    _check_spelling(call)
    zones = await locations_of(call)
    body = await _found(call)
    network = await _network(call, zones, f"global/networks/{body['network']}")
    _check_fixed(call, body)
    changes = {field: call.body[field] for field in _CHANGEABLE if field in call.body}
    refused = {field: call.body[field] for field in (*_REFUSED, "logConfig", "enableLogging") if field in call.body}
    replace = call.method.verb == "update"
    await _check_zones(call, network, zones, changed(body, {**changes, **refused}, replace=replace).rule)
    request = FirewallChange(body, **_kinds(call, zones), changes=changes, replace=replace)
    return await call.start(change, _target(body), request)


@serves("compute.firewalls.delete")
async def delete(call: Call) -> dict[str, Any]:
    zones = await locations_of(call)
    body = await _found(call)
    return await call.start(remove, _target(body), FirewallRequest(body, **_kinds(call, zones)))


@work("firewalls.insert", FirewallRequest)
async def create(op: Op, request: FirewallRequest) -> None:
    """Store the firewall, then send its rules to every zone of its network. Undo everything if CloudStack refuses."""
    firewalls, firewall = Firewalls(op.sidecar, op.operation.owner), Firewall.of(request.body)
    await op.decide("keep", lambda: firewalls.add(firewall.body, _resource(op)))
    try:
        await _apply(op, "apply", request, None, firewall)
    except Problem:
        await op.decide("drop", lambda: firewalls.drop(firewall.name))
        async with undoing(op, _HALF_DONE):
            await _apply(op, "undo", request, firewall, None)
        raise


@work("firewalls.patch", FirewallChange)
async def change(op: Op, request: FirewallChange) -> None:
    """Change the stored firewall, then its rules in every zone of its network. Undo all if CloudStack refuses."""
    firewalls = Firewalls(op.sidecar, op.operation.owner)
    before = Firewall.of(await op.decide("found", lambda: _same(op, firewalls, request.body)))
    after = changed(before.body, request.changes, replace=request.replace)
    await op.decide("keep", lambda: firewalls.put(after.body))
    try:
        await _apply(op, "apply", request, before, after)
    except Problem:
        await op.decide("put-back", lambda: firewalls.put(before.body))
        async with undoing(op, _HALF_DONE):
            await _apply(op, "undo", request, after, before)
        raise


@work("firewalls.delete", FirewallRequest)
async def remove(op: Op, request: FirewallRequest) -> None:
    """Drop the firewall, then its rules in every zone of its network. Undo everything if CloudStack refuses."""
    firewalls = Firewalls(op.sidecar, op.operation.owner)
    firewall = Firewall.of(await op.decide("found", lambda: _same(op, firewalls, request.body)))
    await op.decide("drop", lambda: firewalls.drop(firewall.name))
    try:
        await _apply(op, "apply", request, firewall, None)
    except Problem:
        await op.decide("keep", lambda: firewalls.put(firewall.body))
        async with undoing(op, _HALF_DONE):
            await _apply(op, "undo", request, None, firewall)
        raise


async def _same(op: Op, firewalls: Firewalls, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as it is stored now. 404 if the firewall was deleted since the request, even if its name was reused."""
    found = await firewalls.find(body["name"])
    if found is None or found["id"] != body["id"]:
        raise Problem.not_found(_resource(op))
    return found


async def _apply(op: Op, step: str, request: FirewallRequest, before: Firewall | None, after: Firewall | None) -> None:
    """Change a firewall in all zones, from `before` to `after`; None is one that does not exist.

    The sidecar has the firewall as it will be.
    """
    network = request.body["network"]
    former, wanted = before.rule if before else None, after.rule if after else None
    if request.groups:
        await security_groups.apply(op, f"{step}-groups", network, before=former, after=wanted)
    if request.vpcs:
        await vpcs.apply(op, f"{step}-vpcs", network, before=former, after=wanted, widen=request.widen)


def _resource(op: Op) -> str:
    return f"projects/{op.operation.project}/{op.operation.target.path}"


def _target(body: Mapping[str, Any]) -> Target:
    return Target(SCOPE, COLLECTION, body["name"], body["id"])


def _kinds(call: Call, zones: Locations) -> dict[str, bool]:
    """What FirewallRequest says of the zones."""
    return {
        "groups": any(location.security_groups for location in zones.all),
        "vpcs": any(location.advanced and not location.security_groups for location in zones.all),
        "widen": widens_tags(call),
    }


async def _found(call: Call) -> dict[str, Any]:
    name = call.params["firewall"]
    body = await Firewalls(call.sidecar, call.owner_id).find(name)
    if body is None:
        raise Problem.not_found(call.resource(f"{SCOPE}/{COLLECTION}/{name}"))
    return body


async def _network(call: Call, zones: Locations, text: str) -> Network:
    for fresh in (False, True):
        networks = await read_networks(call, zones, fresh=fresh)
        if found := networks.network(network_named(call, text)):
            return found
    raise Problem.invalid("resource.network", f"'{text}'. The referenced network resource cannot be found.")


def _check_fixed(call: Call, body: Mapping[str, Any]) -> None:
    """400 where a request would change the name, the network or the direction of a firewall."""
    sent = call.body
    same = {
        "name": sent.get("name") in (None, "", body["name"]),
        "network": not sent.get("network") or network_named(call, sent["network"]) == body["network"],
        "direction": sent.get("direction") in (None, "", body["direction"]),
    }
    for field, is_same in same.items():
        if not is_same:
            why = f"'{sent[field]}'. The {field} of a firewall cannot be changed. Delete it and insert another one."
            raise Problem.invalid(f"resource.{field}", why)


async def _check_zones(call: Call, network: Network, zones: Locations, rule: Rule) -> None:
    """400 where a zone with instances of the network cannot express the rule; a warning for other such zones."""
    widen = widens_tags(call)
    if widen and rule.target_tags and any(backing.kind == VPC for backing in network.backings):
        text = "Target tags mean the whole network in zones with VPCs (setting names.target_tags)."
        call.warn("FIELD_VALUE_OVERRIDEN", text)
    unused = [location for location in zones.all if network.backing(location) is None]
    backings = (*network.backings, *filter(None, (future_backing(network, location) for location in unused)))
    for backing in backings:
        reason = refusal(rule, backing.kind, ours=backing.ours, widen=widen)
        if not reason:
            continue
        zone = f"Zone '{backing.location.zone}'"
        if await in_use(call.cloudstack, network.name, backing):
            raise inexpressible(rule.name, zone, reason)
        why = f"{zone} cannot express this rule: {reason} New instances there are refused while the rule exists."
        call.warn("NOT_CRITICAL_ERROR", why)


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    name = protocol_name(protocol_number(str(entry["IPProtocol"]), "IPProtocol"))
    ports = [str(port).strip() for port in entry.get("ports") or ()]
    return {"IPProtocol": name} | ({"ports": ports} if ports else {})
