"""What commands leave in CloudStack's list of events."""

from __future__ import annotations

import re

from gstack.sandbox.registry import Call
from gstack.sandbox.world import Row, World, new_id, now

LIMIT = 1000  # of all accounts; CloudStack keeps them for ever
# Types that do not follow from the command's name. Source: CloudStack's EventTypes.
_TYPES = {
    "associateIpAddress": "NET.IPASSIGN",
    "attachVolume": "VOLUME.ATTACH",
    "authorizeSecurityGroupEgress": "SG.AUTH.EGRESS",
    "authorizeSecurityGroupIngress": "SG.AUTH.INGRESS",
    "createTags": "CREATE_TAGS",
    "deleteTags": "DELETE_TAGS",
    "deployVirtualMachine": "VM.CREATE",
    "detachVolume": "VOLUME.DETACH",
    "disableStaticNat": "STATICNAT.DISABLE",
    "disassociateIpAddress": "NET.IPRELEASE",
    "enableStaticNat": "STATICNAT.ENABLE",
    "releaseIpAddress": "NET.IPRELEASE",
    "reserveIpAddress": "NET.IPRESERVE",
    "revokeSecurityGroupEgress": "SG.REVOKE.EGRESS",
    "revokeSecurityGroupIngress": "SG.REVOKE.INGRESS",
}
_NOUNS = {"VIRTUAL.MACHINE": "VM", "SECURITY.GROUP": "SG", "I.P.ADDRESS": "IP"}
_SILENT = ("list", "query", "get")


def type_of(command: str) -> str:
    """Return the type of a command's events: `VM.START` for startVirtualMachine."""
    if command in _TYPES:
        return _TYPES[command]
    verb, *words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", command)
    noun = ".".join(words).upper()
    return f"{_NOUNS.get(noun, noun)}.{verb.upper()}"


def note(
    world: World, call: Call, state: str, instance: tuple[str, str] | None = None, *, failed: bool = False
) -> None:
    """Note that a command was scheduled, started or completed for its owner; reading commands leave nothing."""
    if call.name.startswith(_SILENT):
        return
    kind = type_of(call.name)
    row: Row = {
        "id": new_id(),
        "username": call.user["username"],
        "accountid": call.owner["id"],
        "type": kind,
        "level": "ERROR" if failed else "INFO",
        "description": f"{'Error while ' if failed else ''}{kind.lower().replace('.', ' ')}",
        "created": now(),
        "state": state,
    }
    if instance and instance[1]:
        row |= {"resourcetype": instance[0], "resourceid": instance[1]}
        named = world.get(world.kind_of(instance[1]) or "", instance[1])
        row |= {"resourcename": named["name"]} if named and "name" in named else {}
    world.put("event", row)
    if world.count("event") > LIMIT:
        world.delete("event", world.oldest("event"))
