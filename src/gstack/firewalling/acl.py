"""GCE firewall rules as a VPC's network ACL list. Pure.

An ACL item has a number, which is unique in its list over ingress and egress. The matching item with the lowest number
decides. GCE allows many rules at one priority, where deny comes before allow, and one rule becomes several items:

    number = priority * 32760 + slot + 1, deny slots 0..16379, allow slots 16380..32759

So the items of priority 65535 end at 2,146,959,360. Two explicit items with higher numbers end every list: allow all
egress and deny all ingress, which GCE implies. We do not rely on CloudStack's defaults.

An item's `reason` is `gce:<name of its rule>`. This marks the items that belong to us, and lets us read the rules back
without a database. The hash of the rule's name gives the slot, so that two rules can be added at the same time. If the
slot is in use, the next free one is taken.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence

import msgspec

from gstack.firewalling.ranges import ANYWHERE
from gstack.firewalling.rules import INGRESS, Command, Inexpressible, Rule, bounds, first_refusal, traffic

SLOTS = 32760
HALF = SLOTS // 2
OURS = "gce:"
LAST = 2**31 - 1


class Item(msgspec.Struct, frozen=True):
    """An ACL item. `first` and `last` are ports for tcp and udp, type and code for icmp, otherwise 0."""

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
        """Everything but the slot and the id. Items with equal content are the same item of the same rule."""
        priority = (self.number - 1) // SLOTS
        return self.direction, self.action, self.protocol, self.first, self.last, self.cidrs, self.reason, priority


TAIL = (
    Item("Egress", "Allow", "all", 0, 0, (ANYWHERE,), "GCE's implied rule: allow all egress", LAST - 1),
    Item("Ingress", "Deny", "all", 0, 0, (ANYWHERE,), "GCE's implied rule: deny all ingress", LAST),
)


def refusal(rule: Rule, *, widen: bool = False) -> str | None:
    """Return why an ACL list cannot express a rule, or None. With `widen`, target tags mean the whole network."""
    if rule.source_tags:
        return "a VPC cannot tell machines apart by source tags. Use source ranges."
    if rule.target_tags and not widen:
        hint = 'or let the server\'s setting names.target_tags be "subnetwork", which widens them.'
        return f"a VPC filters whole subnetworks, not machines with a target tag. Leave the target tags out, {hint}"
    return first_refusal(rule.flows)


def items(rules: Iterable[Rule]) -> list[Item]:
    """Return the items of these rules, each with its preferred number; `difference` moves it if that is taken."""
    return [item for rule in rules if not rule.disabled for item in _items(rule)]


def difference(desired: Iterable[Item], current: Sequence[Item], names: Collection[str] | None = None) -> list[Command]:
    """Return the commands that turn the current items of these rules into the desired ones.

    `names` None means all rules. The commands lack `aclid`, which the caller adds. Additions come first. Items that no
    rule of ours made are never touched. Raises Inexpressible where a priority is full.
    """
    surplus = [item for item in current if _ours(item, names)]
    missing: list[Item] = []
    for item in desired:
        twin = next((one for one in surplus if one.content == item.content), None)
        if twin is None:
            missing.append(item)
        else:
            surplus.remove(twin)
    taken = {item.number for item in current}
    creations = [_creation(item, taken) for item in missing if _ours(item, names)]
    ends = [_creation(item, set()) for item in TAIL if item.number not in taken]
    return [*ends, *creations, *(Command("deleteNetworkACL", {"id": item.id}) for item in surplus)]


def rule_name(item: Item) -> str:
    """Return the name of the GCE rule that an item belongs to. It is empty for items that no rule of ours made."""
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


def _creation(item: Item, taken: set[int]) -> Command:
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
    return Command("createNetworkACL", parameters)


def _free(item: Item, taken: set[int]) -> int:
    """Return the first free number, from the item's own on and around in its half of the priority."""
    start = (item.number - 1) // HALF * HALF + 1
    for step in range(HALF):
        number = start + (item.number - start + step) % HALF
        if number not in taken:
            return number
    raise Inexpressible(rule_name(item), "", f"an ACL list holds {HALF} items at one priority, and this one is full.")


def _ours(item: Item, names: Collection[str] | None) -> bool:
    name = rule_name(item)
    return bool(name) and (names is None or name in names)
