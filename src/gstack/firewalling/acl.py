"""A VPC's network ACL list: what a GCE network's rules are in a zone with VPCs. Pure.

An ACL item has a number, unique in its list over ingress and egress, and the first that matches decides. GCE has many
rules at one priority, deny before allow, and one rule becomes several items:

    number = priority * 32760 + slot + 1, deny slots 0..16379, allow slots 16380..32759

so the items of priority 65535 end at 2,146,959,360, below the two explicit items at the end of every list: allow all
egress, deny all ingress (GCE's implied rules; CloudStack's own defaults are never leant on). An item's `reason` names
its rule, `gce:<name>`: that is how items are known as ours, and how they are read back without a database. A slot
comes from the rule's name, and the next free one is taken where it is in use, so that two rules can be added at once.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence

import msgspec

from gstack.firewalling.ranges import ANYWHERE
from gstack.firewalling.rules import INGRESS, Call, Inexpressible, Rule, bounds, first_refusal, traffic

SLOTS = 32760
HALF = SLOTS // 2
OURS = "gce:"
LAST = 2**31 - 1


class Item(msgspec.Struct, frozen=True):
    """What an ACL item says. `first` and `last` are ports of tcp and udp, type and code of icmp, else 0."""

    direction: str  # Ingress | Egress
    action: str  # Allow | Deny
    protocol: str
    first: int
    last: int
    cidrs: tuple[str, ...]
    reason: str
    number: int = 0
    id: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """What two items have in common that say the same for the same rule at the same priority."""
        place = (self.number - 1) // SLOTS
        return self.direction, self.action, self.protocol, self.first, self.last, self.cidrs, self.reason, place


TAIL = (
    Item("Egress", "Allow", "all", 0, 0, (ANYWHERE,), "GCE's implied rule: allow all egress", LAST - 1),
    Item("Ingress", "Deny", "all", 0, 0, (ANYWHERE,), "GCE's implied rule: deny all ingress", LAST),
)


def refusal(rule: Rule, *, widen: bool = False) -> str | None:
    """Why an ACL list cannot say what this rule says, or None. `widen`: target tags mean the whole network."""
    if rule.source_tags:
        return "a VPC cannot tell machines apart by source tags. Use source ranges."
    if rule.target_tags and not widen:
        hint = 'or let the server\'s setting names.target_tags be "subnetwork", which widens them.'
        return f"a VPC filters whole subnetworks, not machines with a target tag. Leave the target tags out, {hint}"
    return first_refusal(rule.flows)


def items(rules: Iterable[Rule]) -> list[Item]:
    """The items of these rules; their numbers are the first ones that each would like to have."""
    return [item for rule in rules if not rule.disabled for item in _items(rule)]


def difference(wanted: Iterable[Item], there: Sequence[Item], names: Collection[str] | None = None) -> list[Call]:
    """The calls that make the items of these rules (None: of all rules) what is wanted, `aclid` left to the caller.

    Additions come first. Items that are not ours are never touched. Inexpressible where a priority is full.
    """
    surplus = [item for item in there if _ours(item, names)]
    missing: list[Item] = []
    for item in wanted:
        twin = next((one for one in surplus if one.content == item.content), None)
        if twin is None:
            missing.append(item)
        else:
            surplus.remove(twin)
    taken = {item.number for item in there}
    creations = [_creation(item, taken) for item in missing if _ours(item, names)]
    ends = [_creation(item, set()) for item in TAIL if item.number not in taken]
    return [*ends, *creations, *(Call("deleteNetworkACL", {"id": item.id}) for item in surplus)]


def rule_name(item: Item) -> str:
    """The GCE rule whose item this is; empty for items that are not ours."""
    return item.reason.removeprefix(OURS) if item.reason.startswith(OURS) else ""


def _items(rule: Rule) -> list[Item]:
    direction = "Ingress" if rule.direction == INGRESS else "Egress"
    action = "Allow" if rule.allow else "Deny"
    number = _number(rule)
    shapes = map(traffic, rule.flows)
    return [Item(direction, action, *shape, rule.ranges, f"{OURS}{rule.name}", number) for shape in shapes]


def _number(rule: Rule) -> int:
    spread = int.from_bytes(hashlib.sha256(rule.name.encode()).digest()[:4], "big") % HALF
    return rule.priority * SLOTS + (HALF if rule.allow else 0) + spread + 1


def _creation(item: Item, taken: set[int]) -> Call:
    number = _free(item, taken)
    taken.add(number)
    parameters: dict[str, object] = {
        "protocol": item.protocol,
        "cidrlist": ",".join(item.cidrs),
        "traffictype": item.direction,
        "action": item.action,
        "number": number,
        "reason": item.reason,
        **bounds(item.protocol, item.first, item.last),
    }
    return Call("createNetworkACL", parameters)


def _free(item: Item, taken: set[int]) -> int:
    """The first free number from the item's own on, around its half of the priority."""
    start = (item.number - 1) // HALF * HALF + 1
    for step in range(HALF):
        number = start + (item.number - start + step) % HALF
        if number not in taken:
            return number
    raise Inexpressible(rule_name(item), "", f"an ACL list holds {HALF} items at one priority, and this one is full.")


def _ours(item: Item, names: Collection[str] | None) -> bool:
    name = rule_name(item)
    return bool(name) and (names is None or name in names)
