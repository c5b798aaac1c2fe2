"""firewalls <-> rules of security groups and items of VPC ACL lists (gstack.firewalling compiles them).

A firewall is global, so it must be expressible in every zone that its network is in; else 400 names the zone and the
reason, and nothing is sent. The rule itself is kept in the sidecar; ACL items carry its name in `reason`. Its name is
free or taken when the work begins, under the hold of the name: the checks before may be old by then. Rules that
somebody made in CloudStack by hand, in a network's group or list, are left alone and are not shown. Firewall logs,
service accounts as sources or targets, and IPv6 have no place in CloudStack and are refused.
"""

import uuid
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any

from gstack.errors import Problem
from gstack.firewalling.ranges import Invalid, protocol_name, protocol_number
from gstack.firewalling.rules import EGRESS, INGRESS, Inexpressible, rule_of
from gstack.gateway.call import Call, serves, timestamp
from gstack.gateway.listing import list_items, whole
from gstack.operations.model import Op, Target, work
from gstack.resources.inventory.firewalls import COLLECTION, SCOPE, Book, check_expressible, refusal, to_problem
from gstack.resources.inventory.networks import DEFAULT, GROUPS, VPC, Backing, Network, read_topology
from gstack.resources.inventory.placements import WIDEN, network_named
from gstack.resources.inventory.zones import Locations, locations
from gstack.resources.shared.naming import NAME_PATTERN, check_description, check_name, gce_id, is_name
from gstack.resources.steps import security_groups, vpcs

_REFUSED = {
    "sourceServiceAccounts": "machines in CloudStack have no service accounts to filter by. Use source tags or ranges.",
    "targetServiceAccounts": "machines in CloudStack have no service accounts to filter by. Use target tags.",
    "params": "resource manager tags do not exist here.",
}
_NO_LOG = "CloudStack keeps no firewall logs. Leave logging off."


def to_gce(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    """A Firewall from the body that was kept."""
    return {
        **body,
        "network": call.link(f"global/networks/{body['network']}"),
        "selfLink": call.link(f"{SCOPE}/{COLLECTION}/{body['name']}"),
        "logConfig": {"enable": False},
    }


def checked(sent: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The body to keep, in Google's canonical form. A Problem names what Google or CloudStack would not take."""
    _refuse(sent)
    name = check_name("resource.name", sent.get("name"))
    action = "denied" if sent.get("denied") else "allowed"
    direction = sent.get("direction") or INGRESS
    try:
        rule = rule_of({**sent, "name": name})
    except Invalid as error:
        raise Problem.invalid(f"resource.{error.field}", error.message) from error
    body = {
        "name": name,
        "description": check_description(sent),
        "network": network,
        "direction": direction,
        "priority": rule.priority,
        "disabled": rule.disabled,
        action: [_entry(entry) for entry in sent[action]],
        "sourceTags": _tags(sent, "sourceTags"),
        "targetTags": _tags(sent, "targetTags"),
        "destinationRanges" if direction == EGRESS else "sourceRanges": _ranges(sent, direction),
    }
    return {field: value for field, value in body.items() if value not in ("", [])}


@serves("compute.firewalls.get")
async def get(call: Call) -> dict[str, Any]:
    return to_gce(call, await _found(call))


@serves("compute.firewalls.list")
async def list_(call: Call) -> dict[str, Any]:
    bodies = await Book(call.sidecar, call.owner_id).bodies()
    return await list_items(call, whole(to_gce(call, body) for body in bodies))


@serves("compute.firewalls.insert")
async def insert(call: Call) -> dict[str, Any]:
    everywhere = await locations(call.cloudstack, call.settings.names)
    network = await _network(call, everywhere)
    body = checked(call.body, network.name)
    if await Book(call.sidecar, call.owner_id).find(body["name"]):
        raise Problem.already_exists(call.resource(f"{SCOPE}/{COLLECTION}/{body['name']}"))
    body |= {"id": gce_id(str(uuid.uuid4())), "creationTimestamp": timestamp(datetime.now(UTC))}
    await _check_everywhere(call, network, everywhere, body)
    return await call.start(make, _target(body), {"body": body, **_places(call, everywhere)})


@serves("compute.firewalls.delete")
async def delete(call: Call) -> dict[str, Any]:
    body = await _found(call)
    everywhere = await locations(call.cloudstack, call.settings.names)
    return await call.start(remove, _target(body), {"body": body, **_places(call, everywhere)})


@work("firewalls.insert")
async def make(op: Op) -> None:
    """Keep the rule, then bring every backing of its network to it; taken back as a whole where one refuses."""
    body, book = op.args["body"], Book(op.sidecar, op.operation.owner)
    resource = f"projects/{op.operation.project}/{op.operation.target.path}"
    await op.decide("keep", lambda: book.add(body, resource))
    try:
        await _apply(op, "apply", body)
    except Problem:
        await op.decide("drop", lambda: book.drop(body["name"]))
        await _undone(op, _retire(op, "undo", body))
        raise


@work("firewalls.delete")
async def remove(op: Op) -> None:
    """Drop the rule, then bring every backing of its network to what is left; kept again where one refuses.

    404 where it was deleted before this began: another of its name is another rule.
    """
    body, book = op.args["body"], Book(op.sidecar, op.operation.owner)
    if not await op.decide("there", lambda: _is_there(book, body)):
        raise Problem.not_found(f"projects/{op.operation.project}/{op.operation.target.path}")
    await op.decide("drop", lambda: book.drop(body["name"]))
    try:
        await _retire(op, "apply", body)
    except Problem:
        await op.decide("keep", lambda: book.put(body))
        await _undone(op, _apply(op, "undo", body))
        raise


async def _is_there(book: Book, body: Mapping[str, Any]) -> bool:
    found = await book.find(body["name"])
    return found is not None and found["id"] == body["id"]


async def _undone(op: Op, undoing: Awaitable[None]) -> None:
    try:
        await undoing
    except Problem as problem:
        await op.warn("CLEANUP_FAILED", f"Not all that was half done could be taken back: {problem.message}")


async def _apply(op: Op, step: str, body: Mapping[str, Any]) -> None:
    network, rule = body["network"], rule_of(body)
    if op.args["groups"]:
        await security_groups.refresh(op, f"{step}-groups", network, rule=rule)
    if op.args["vpcs"]:
        await vpcs.refresh(op, f"{step}-vpcs", network, widen=op.args["widen"], names=[rule.name])


async def _retire(op: Op, step: str, body: Mapping[str, Any]) -> None:
    network, rule = body["network"], rule_of(body)
    if op.args["groups"] and not rule.disabled and rule.direction != EGRESS:
        await security_groups.refresh(op, f"{step}-groups", network, retired=[rule])
    if op.args["vpcs"]:
        await vpcs.refresh(op, f"{step}-vpcs", network, widen=op.args["widen"], names=[rule.name])


async def _found(call: Call) -> dict[str, Any]:
    name = call.params["firewall"]
    body = await Book(call.sidecar, call.owner_id).find(name)
    if body is None:
        raise Problem.not_found(call.resource(f"{SCOPE}/{COLLECTION}/{name}"))
    return body


async def _network(call: Call, everywhere: Locations) -> Network:
    text = call.body.get("network") or f"global/networks/{DEFAULT}"
    for fresh in (False, True):
        known = await read_topology(call.cloudstack, call.owner_id, everywhere, fresh=fresh)
        if found := known.network(network_named(call, text)):
            return found
    raise Problem.invalid("resource.network", f"'{text}'. The referenced network resource cannot be found.")


async def _check_everywhere(call: Call, network: Network, everywhere: Locations, body: Mapping[str, Any]) -> None:
    """400 for a zone that cannot express the rule and is used already, a warning for one that is not yet.

    Security groups count once a machine needed the network's group.
    """
    widen = call.settings.names.target_tags == WIDEN
    rule = rule_of(body)
    if widen and rule.target_tags and any(backing.kind == VPC for backing in network.backings):
        text = "Target tags mean the whole network in zones with VPCs (setting names.target_tags)."
        call.warn("FIELD_VALUE_OVERRIDEN", text)
    refusing = [backing for backing in network.backings if refusal(rule, backing, widen=widen)]
    grouped = [backing for backing in refusing if backing.kind == GROUPS]
    used = not grouped or await security_groups.is_made(call.cloudstack, network.name)
    try:
        check_expressible([rule], [one for one in refusing if used or one.kind != GROUPS], widen=widen)
    except Inexpressible as error:
        raise to_problem(error, "resource") from error
    for backing in (*grouped, *_coming(network, everywhere)):
        if reason := refusal(rule, backing, widen=widen):
            zone = backing.location.zone
            why = f"Zone '{zone}' cannot express this rule: {reason} Instances there are refused while the rule exists."
            call.warn("NOT_CRITICAL_ERROR", why)


def _coming(network: Network, everywhere: Locations) -> list[Backing]:
    """What the network will be in zones where nothing is yet: a VPC, the network `default` alone."""
    if network.name != DEFAULT:
        return []
    unused = [location for location in everywhere.all if network.backing(location) is None]
    return [Backing(VPC, location) for location in unused if location.advanced and not location.security_groups]


def _places(call: Call, everywhere: Locations) -> dict[str, bool]:
    """What the work has to look at: kinds of zones, and how they take target tags."""
    return {
        "groups": any(location.security_groups for location in everywhere.all),
        "vpcs": any(location.advanced and not location.security_groups for location in everywhere.all),
        "widen": call.settings.names.target_tags == WIDEN,
    }


def _target(body: Mapping[str, Any]) -> Target:
    return Target(SCOPE, COLLECTION, body["name"], body["id"])


def _refuse(sent: Mapping[str, Any]) -> None:
    for field, why in _REFUSED.items():
        if sent.get(field):
            raise Problem.unsupported(f"resource.{field}", why)
    if (sent.get("logConfig") or {}).get("enable") or sent.get("enableLogging"):
        raise Problem.unsupported("resource.logConfig.enable", _NO_LOG)


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    name = protocol_name(protocol_number(str(entry["IPProtocol"]), "IPProtocol"))
    ports = [str(port).strip() for port in entry.get("ports") or ()]
    return {"IPProtocol": name} | ({"ports": ports} if ports else {})


def _tags(sent: Mapping[str, Any], field: str) -> list[str]:
    tags = list(dict.fromkeys(sent.get(field) or ()))
    for index, tag in enumerate(tags):
        if not is_name(tag):
            why = f"'{tag}'. Must be a match of regex '(?:{NAME_PATTERN})'"
            raise Problem.invalid(f"resource.{field}[{index}]", why)
    return tags


def _ranges(sent: Mapping[str, Any], direction: str) -> list[str]:
    """As they were sent: Google does not write them anew. Without any source everyone is meant."""
    ranges = [text.strip() for text in sent.get("destinationRanges" if direction == EGRESS else "sourceRanges") or ()]
    return ranges or ([] if sent.get("sourceTags") else ["0.0.0.0/0"])
