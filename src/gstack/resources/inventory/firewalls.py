"""The firewalls of an owner, and whether a zone can express them.

The sidecar stores a firewall as Google's body, in its checked form, with the name of its network in `network` and no
URL. Google's four firewalls of the network `default` exist without being stored. If one is changed, it is stored like
any other; if one is deleted, a mark is stored.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import msgspec

from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.firewalling import acl, groups
from gstack.firewalling.rules import Rule, rule_of
from gstack.resources.inventory.networks import AUTO_RANGE, DEFAULT, GROUPS, ISOLATED, VPC
from gstack.resources.inventory.zones import CREATED
from gstack.resources.shared.naming import gce_id

COLLECTION, SCOPE = "firewalls", "global"
INSIDE = {DEFAULT: frozenset({str(AUTO_RANGE)})}  # source ranges that mean the network's own machines
_DELETED = "deleted"
_ALL_PORTS = ["0-65535"]
_INTERNAL = [
    {"IPProtocol": "tcp", "ports": _ALL_PORTS},
    {"IPProtocol": "udp", "ports": _ALL_PORTS},
    {"IPProtocol": "icmp"},
]
_ANYONE = ["0.0.0.0/0"]
_GOOGLES = {  # name -> description, sources, traffic: what Google puts into a new project
    "default-allow-internal": ("Allow internal traffic on the default network", [str(AUTO_RANGE)], _INTERNAL),
    "default-allow-ssh": ("Allow SSH from anywhere", _ANYONE, [{"IPProtocol": "tcp", "ports": ["22"]}]),
    "default-allow-rdp": ("Allow RDP from anywhere", _ANYONE, [{"IPProtocol": "tcp", "ports": ["3389"]}]),
    "default-allow-icmp": ("Allow ICMP from anywhere", _ANYONE, [{"IPProtocol": "icmp"}]),
}
_BY_HAND = "its VPC was made in CloudStack, and so were its ACL lists. Change them there."
_UNFILTERED = "CloudStack has no rules there that this server could set."
_ISOLATED = "firewalls of isolated networks are not served yet. Set the rules of its addresses in CloudStack."


class Firewall(msgspec.Struct, frozen=True):
    """A firewall: Google's body, and the rule that the compilers of gstack.firewalling make of it."""

    body: dict[str, Any]
    rule: Rule

    @classmethod
    def of(cls, body: dict[str, Any]) -> Self:
        """Read a body; raise firewalling.ranges.Invalid where Google would not accept it."""
        return cls(body, rule_of(body))

    @property
    def name(self) -> str:
        """The name, unique in the project."""
        return str(self.body["name"])

    @property
    def network(self) -> str:
        """The name of the network."""
        return str(self.body["network"])


class Firewalls:
    """The firewalls of one owner, in the sidecar."""

    def __init__(self, sidecar: Sidecar, owner: str) -> None:
        self._sidecar = sidecar
        self._owner = owner

    async def bodies(self) -> list[dict[str, Any]]:
        """The bodies of all firewalls, by name."""
        stored = {body["name"]: body for body in await self._sidecar.objects(self._owner, COLLECTION, SCOPE)}
        found = {name: self._google_s(name) for name in _GOOGLES} | stored
        return [found[name] for name in sorted(found) if not found[name].get(_DELETED)]

    async def of_network(self, network: str) -> list[Firewall]:
        """The firewalls of a network, by name."""
        return [Firewall.of(body) for body in await self.bodies() if body["network"] == network]

    async def find(self, name: str) -> dict[str, Any] | None:
        """The body of a firewall, found by name or GCE id."""
        return next((body for body in await self.bodies() if name in {body["name"], body["id"]}), None)

    async def add(self, body: Mapping[str, Any], resource: str) -> None:
        """Store a new firewall; 409 if another one has its name. Lock the name first. May be repeated."""
        found = await self.find(body["name"])
        if found and found["id"] != body["id"]:
            raise Problem.already_exists(resource)
        await self.put(body)

    async def put(self, body: Mapping[str, Any]) -> None:
        """Store a firewall."""
        await self._sidecar.put_object(self._owner, COLLECTION, SCOPE, body["name"], body)

    async def drop(self, name: str) -> None:
        """Remove a firewall. For one of Google's a mark remembers that it was deleted."""
        if name in _GOOGLES:
            await self.put({"name": name, "network": DEFAULT, _DELETED: True})
        else:
            await self._sidecar.drop_object(self._owner, COLLECTION, SCOPE, name)

    def _google_s(self, name: str) -> dict[str, Any]:
        description, sources, allowed = _GOOGLES[name]
        return {
            "id": gce_id(f"{self._owner} firewalls {name}"),
            "name": name,
            "description": description,
            "creationTimestamp": CREATED,
            "network": DEFAULT,
            "direction": "INGRESS",
            "priority": groups.IMPLIED_PRIORITY,
            "sourceRanges": sources,
            "allowed": allowed,
            "disabled": False,
        }


def refusal(rule: Rule, kind: str, *, ours: bool = True, widen: bool = False) -> str | None:
    """Why a zone cannot express a rule, or None.

    `kind` and `ours` are those of the network's backing there. `widen`: in VPCs, target tags mean the whole network.
    """
    if rule.disabled:
        return None
    if kind == GROUPS:
        return groups.refusal(rule)
    if kind == VPC:
        return acl.refusal(rule, widen=widen) if ours else _BY_HAND
    return _ISOLATED if kind == ISOLATED else _UNFILTERED


def inexpressible(rule: str, zone: str, reason: str, field: str = "resource") -> Problem:
    """The 400 that names the zone, the rule and the reason."""
    return Problem.unsupported(field, f"{zone} cannot express the firewall rule '{rule}': {reason}")


def check_expressible(rules: Iterable[Rule], kind: str, zone: str, field: str = "resource", *, widen: bool) -> None:
    """400 for the first of these rules that a zone of this kind cannot express. `zone` is its name in the message."""
    for rule in rules:
        if reason := refusal(rule, kind, widen=widen):
            raise inexpressible(rule.name, zone, reason, field)


def widened(rule: Rule) -> Rule:
    """The rule as a VPC applies it: there, target tags mean the whole network, if they are accepted at all."""
    return msgspec.structs.replace(rule, target_tags=frozenset())
