"""CloudStack's security groups, as listSecurityGroups answers them."""

import asyncio
from collections.abc import Sequence

import msgspec

from gstack.cloudstack.client import Client


class SecurityGroupRule(msgspec.Struct, frozen=True):
    """One rule of a group. Ports, type and code are absent where the protocol has none."""

    ruleid: str = ""
    protocol: str = ""
    startport: int = 0
    endport: int = 0
    icmptype: int = 0
    icmpcode: int = 0
    cidr: str = ""
    securitygroupname: str = ""


class SecurityGroup(msgspec.Struct, frozen=True):
    """A group. `account` is absent in CloudStack projects."""

    id: str
    name: str = ""
    account: str = ""
    ingressrule: tuple[SecurityGroupRule, ...] = ()
    egressrule: tuple[SecurityGroupRule, ...] = ()


def network_group(network: str) -> str:
    """The name of a network's group: one for all zones with security groups."""
    return f"gce-network-{network}"


async def read_groups(cloudstack: Client, names: Sequence[str] = ()) -> list[SecurityGroup]:
    """Read the groups of these names, each in a call of its own; all groups where no name is given."""
    queries: list[dict[str, str]] = [{"securitygroupname": name} for name in names] or [{}]
    found = await asyncio.gather(*(cloudstack.list_all("listSecurityGroups", SecurityGroup, one) for one in queries))
    return [group for groups in found for group in groups if not names or group.name in names]
