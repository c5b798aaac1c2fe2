"""What there is, in CloudStack and in the gateway's database, without what differs from one run to the next.

Two runs that ended alike have equal inventories: one machine is one line, and so is whatever was left behind.
"""

import asyncio
import json
import re
from collections import Counter
from typing import Any

from fixtures.postgresql import rows
from fixtures.servers import Stack
from gstack.cloudstack.client import Client, CloudStack
from gstack.config import Settings

Inventory = Counter[str]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ENDED = {"Destroyed", "Expunging", "Expunged", "Destroy", "Destroying"}
_LISTED = {  # command: the fields that count
    "listVirtualMachines": ("displayname", "state", "serviceofferingname", "userdata", "deleteprotection", "nic"),
    "listVolumes": ("name", "type", "size", "state", "vmdisplayname", "deviceid", "diskofferingname"),
    "listPublicIpAddresses": ("state", "isstaticnat", "issourcenat", "virtualmachinedisplayname", "zonename"),
    "listSecurityGroups": ("name", "ingressrule", "egressrule"),
    "listNetworks": ("name", "type", "cidr", "state"),
    "listVPCs": ("name", "cidr", "state"),
    "listNetworkACLLists": ("name",),
    "listNetworkACLs": ("number", "protocol", "startport", "endport", "cidrlist", "action", "traffictype", "reason"),
    "listSnapshots": ("name", "state", "volumename", "intervaltype"),
    "listTemplates": ("name", "displaytext", "isready", "status", "ostypename"),
    "listFirewallRules": ("protocol", "startport", "endport", "cidrlist"),
    "listPortForwardingRules": ("publicport", "privateport", "protocol"),
    "listLoadBalancerRules": ("name", "publicport", "privateport", "algorithm"),
    "listSSHKeyPairs": ("name",),
    "listAffinityGroups": ("name",),
}
_NESTED = {
    "nic": ("networkname", "isdefault"),
    "ingressrule": ("protocol", "startport", "endport", "icmptype", "icmpcode", "cidr", "securitygroupname"),
    "egressrule": ("protocol", "startport", "endport", "icmptype", "icmpcode", "cidr", "securitygroupname"),
}
_RANDOM = (  # names with a part that an operation made up
    (re.compile(r"^ROOT-\d+$"), "ROOT"),
    (re.compile(r"^(gce-machine-.*)-[0-9a-f]{8}$"), r"\1"),
)
_FLEETING = re.compile(
    r"^(id|.*_?id|created|.*timestamp|.*[tT]imestamp|last_.*|etag|fingerprint|quotas|natIP|networkIP|ip)$"
)
_KEPT = ("kind, CAST(facts AS text) FROM facts", "collection, CAST(body AS text) FROM objects")
_HOST = re.compile(r"^https://localhost:\d+")
_NUMBER = re.compile(r"\b\d{15,20}\b")


def inventory(product: Stack) -> Inventory:
    """Take stock of the account `demo`."""
    return asyncio.run(_cloudstack(product)) + kept(product.settings)


async def _cloudstack(product: Stack) -> Inventory:
    async with CloudStack(product.settings.cloudstack.endpoint) as cloudstack:
        client = cloudstack.client(product.pair())
        listed = await asyncio.gather(*(_listed(client, command) for command in _LISTED))
        tags = await client.list_all("listTags", dict[str, Any])
        shown = {uuid for _, uuids in listed for uuid in uuids}
        found = Counter(f"tag {tag['resourcetype']} {tag['key']}={tag['value']}" for tag in tags
                        if tag["resourceid"] in shown)  # fmt: skip
    for lines, _ in listed:
        found += lines
    return found


async def _listed(client: Client, command: str) -> tuple[Inventory, set[str]]:
    narrowed = {"templatefilter": "self"} if command == "listTemplates" else {}
    found = await client.list_all(command, dict[str, Any], narrowed)
    ours = [one for one in found if _is_here(one)]
    lines = Counter(f"{command[4:]} {_line(one, _LISTED[command])}" for one in ours)
    return lines, {one["id"] for one in ours if "id" in one}


def _is_here(one: dict[str, Any]) -> bool:
    return one.get("state") not in _ENDED and one.get("vmstate") not in _ENDED and one.get("type") != "Shared"


def _line(one: dict[str, Any], fields: tuple[str, ...]) -> str:
    return json.dumps({field: _plain(field, one[field]) for field in fields if field in one}, sort_keys=True)


def _plain(field: str, value: Any) -> Any:
    if field in _NESTED:
        return sorted(_line(entry, _NESTED[field]) for entry in value)
    if isinstance(value, str):
        for pattern, instead in _RANDOM:
            value = pattern.sub(instead, value)
    return value


def kept(settings: Settings) -> Inventory:
    """What the gateway's database holds of facts and objects, and names that are held."""
    url = settings.database_url
    known = [row for table in _KEPT for row in rows(url, f"SELECT {table}")]
    plain = ((_UUID.sub("U", kind), json.dumps(steady(json.loads(body)), sort_keys=True)) for kind, body in known)
    held = Counter(f"held {name}" for (name,) in rows(url, "SELECT name FROM holds"))
    return Counter(f"kept {kind} {body}" for kind, body in plain) + held


def steady(value: Any) -> Any:
    """A value without ids, moments and addresses, which differ from one run to the next."""
    if isinstance(value, dict):
        return {_UUID.sub("U", key): steady(item) for key, item in value.items() if not _FLEETING.match(key)}
    if isinstance(value, list):
        return [steady(item) for item in value]
    if isinstance(value, str):
        return _NUMBER.sub("N", _HOST.sub("", _UUID.sub("U", value)))
    return value


def change(before: Inventory, after: Inventory) -> dict[str, int]:
    """How many of each line came (or went, below zero)."""
    changed = Inventory(after)
    changed.subtract(before)
    return {line: count for line, count in sorted(changed.items()) if count}
