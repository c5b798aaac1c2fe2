"""The firewall rules of an owner, as Google's bodies, and whether a zone can express them.

A body is kept in the sidecar as it was checked at insertion, with its network's name in `network` and no URL. The four
rules of Google's for the network `default` are there without being kept, until they are deleted: then a mark is kept.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.firewalling import acl, groups
from gstack.firewalling.rules import Inexpressible, Rule, rule_of
from gstack.resources.inventory.networks import AUTO_RANGE, DEFAULT, GROUPS, ISOLATED, VPC, Backing
from gstack.resources.shared.naming import gce_id

COLLECTION, SCOPE = "firewalls", "global"
INSIDE = {DEFAULT: frozenset({str(AUTO_RANGE)})}  # what stands for a network's own machines in a source range
_DELETED = "deleted"
_ALL_PORTS = ["0-65535"]
_INTERNAL = [
    {"IPProtocol": "tcp", "ports": _ALL_PORTS},
    {"IPProtocol": "udp", "ports": _ALL_PORTS},
    {"IPProtocol": "icmp"},
]
_ANYONE = ["0.0.0.0/0"]
_GOOGLES = (  # name, description, sources, traffic: what a new project of Google's has
    ("internal", "Allow internal traffic on the default network", [str(AUTO_RANGE)], _INTERNAL),
    ("ssh", "Allow SSH from anywhere", _ANYONE, [{"IPProtocol": "tcp", "ports": ["22"]}]),
    ("rdp", "Allow RDP from anywhere", _ANYONE, [{"IPProtocol": "tcp", "ports": ["3389"]}]),
    ("icmp", "Allow ICMP from anywhere", _ANYONE, [{"IPProtocol": "icmp"}]),
)
_BY_HAND = "its VPC was made in CloudStack, and so are its ACL lists. Change them there."
_UNFILTERED = "CloudStack filters nothing there that this server could set."
_ISOLATED = "firewalls of isolated networks are not served yet. Set the rules of its addresses in CloudStack."


class Book:
    """The sidecar's firewalls of one owner."""

    def __init__(self, sidecar: Sidecar, owner: str) -> None:
        self._sidecar = sidecar
        self._owner = owner

    async def bodies(self, network: str | None = None) -> list[dict[str, Any]]:
        """The rules, by name; of one network where it is named."""
        kept = {body["name"]: body for body in await self._sidecar.objects(self._owner, COLLECTION, SCOPE)}
        known = {body["name"]: body for body in self._defaults()} | kept
        found = [known[name] for name in sorted(known) if not known[name].get(_DELETED)]
        return [body for body in found if network in {None, body["network"]}]

    async def rules(self, network: str) -> list[Rule]:
        """The rules of a network, read for the compilers."""
        return [rule_of(body) for body in await self.bodies(network)]

    async def find(self, name: str) -> dict[str, Any] | None:
        """A rule by name or GCE id."""
        return next((body for body in await self.bodies() if name in {body["name"], body["id"]}), None)

    async def add(self, body: Mapping[str, Any], resource: str) -> None:
        """Keep a new rule; 409 where another has its name. Only for who holds the name; may be repeated."""
        found = await self.find(body["name"])
        if found and found["id"] != body["id"]:
            raise Problem.already_exists(resource)
        await self.put(body)

    async def put(self, body: Mapping[str, Any]) -> None:
        """Keep a rule."""
        await self._sidecar.put_object(self._owner, COLLECTION, SCOPE, body["name"], body)

    async def drop(self, name: str) -> None:
        """Remove a rule; of one of Google's own remember that it is gone."""
        if name in {body["name"] for body in self._defaults()}:
            await self.put({"name": name, "network": DEFAULT, _DELETED: True})
        else:
            await self._sidecar.drop_object(self._owner, COLLECTION, SCOPE, name)

    def _defaults(self) -> list[dict[str, Any]]:
        return [
            {
                "id": gce_id(f"{self._owner} firewalls default-allow-{name}"),
                "name": f"default-allow-{name}",
                "description": description,
                "network": DEFAULT,
                "direction": "INGRESS",
                "priority": groups.IMPLIED_PRIORITY,
                "sourceRanges": sources,
                "allowed": allowed,
                "disabled": False,
            }
            for name, description, sources, allowed in _GOOGLES
        ]


def refusal(rule: Rule, backing: Backing, *, widen: bool) -> str | None:
    """Why a network's backing cannot say what a rule says, or None."""
    if rule.disabled:
        return None
    if backing.kind == GROUPS:
        return groups.refusal(rule)
    if backing.kind == VPC:
        return acl.refusal(rule, widen=widen) if backing.ours else _BY_HAND
    return _ISOLATED if backing.kind == ISOLATED else _UNFILTERED


def check_expressible(rules: Iterable[Rule], backings: Iterable[Backing], *, widen: bool) -> None:
    """Raise Inexpressible for the first rule that one of these backings cannot say."""
    known = list(backings)
    for rule in rules:
        for backing in known:
            if reason := refusal(rule, backing, widen=widen):
                raise Inexpressible(rule.name, backing.location.zone, reason)


def to_problem(error: Inexpressible, field: str) -> Problem:
    """The 400 that names the zone, the rule and the reason."""
    return Problem.unsupported(field, str(error))


def widened(rules: Iterable[Rule]) -> list[Rule]:
    """The same rules for a VPC, where target tags, if they are there at all, mean the whole network."""
    return [msgspec.structs.replace(rule, target_tags=frozenset()) for rule in rules]
