"""CloudStack's resource limits, and how much of them an account uses.

Every command that makes or grows something asks `require` first. The limits are our operator's choice: as wide as a
developer's machine may want them, but for disks and machines without end; an account row's `limits` go before them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gstack.sandbox.errors import limit_reached
from gstack.sandbox.world import Row, World

GIB = 1024**3
GONE = ("Destroyed", "Expunging", "Error")
UNLIMITED = -1


class Limit(NamedTuple):
    """One kind of limit: CloudStack's number and names, the maximum of an account and that of a project."""

    name: str
    field: str
    account: int
    project: int
    used: Callable[[World, str], float]


def _rows(kind: str) -> Callable[[World, str], float]:
    return lambda world, account: len(world.find(kind, accountid=account))


def _machines(world: World, account: str) -> list[Row]:
    return [row for row in world.find("virtualmachine", accountid=account) if row["state"] not in GONE]


def _machine_count(world: World, account: str) -> float:
    return len(_machines(world, account))


def _processors(world: World, account: str) -> float:
    return sum(int(row["cpunumber"]) for row in _machines(world, account))


def _memory(world: World, account: str) -> float:
    return sum(int(row["memory"]) for row in _machines(world, account))


def _storage(world: World, account: str) -> float:
    return sum(int(row["size"]) for row in world.find("volume", accountid=account)) // GIB


def _secondary(world: World, account: str) -> float:
    snapshots = sum(int(row["physicalsize"]) for row in world.find("snapshot", accountid=account))
    return (snapshots + sum(int(row["size"]) for row in world.find("template", accountid=account))) / GIB


def _networks(world: World, account: str) -> float:
    return sum(1 for row in world.find("network", accountid=account) if not row.get("vpcid"))


def _projects(world: World, account: str) -> float:
    return len(world.find("projectmember", memberid=account, role="Admin"))


def _none(_world: World, _account: str) -> float:
    return 0


# In CloudStack's order: the place in this list is the number that it calls `resourcetype`.
LIMITS = (
    Limit("user_vm", "vm", 2000, 20, _machine_count),
    Limit("public_ip", "ip", 2000, 20, _rows("publicip")),
    Limit("volume", "volume", 2000, 20, _rows("volume")),
    Limit("snapshot", "snapshot", 2000, 20, _rows("snapshot")),
    Limit("template", "template", 2000, 20, _rows("template")),
    Limit("project", "project", 10, 10, _projects),
    Limit("network", "network", 2000, 20, _networks),
    Limit("vpc", "vpc", 2000, 20, _rows("vpc")),
    Limit("cpu", "cpu", 2000, 40, _processors),
    Limit("memory", "memory", 4_000_000, 40_960, _memory),
    Limit("primary_storage", "primarystorage", 200_000, 20_000, _storage),
    Limit("secondary_storage", "secondarystorage", 200_000, 20_000, _secondary),
    Limit("backup", "backup", 20, 20, _none),
    Limit("backup_storage", "backupstorage", 400, 400, _none),
    Limit("bucket", "bucket", 20, 20, _none),
    Limit("object_storage", "objectstorage", 400, 400, _none),
    Limit("gpu", "gpu", 20, 20, _none),
)

BY_NAME = {limit.name: limit for limit in LIMITS}


def maximum(limit: Limit, account: Row) -> int:
    """Return how much an account, or a project's account, may have of one kind; -1: no end."""
    usual = limit.project if "projectid" in account else limit.account
    return int(account.get("limits", {}).get(limit.name, usual))


def require(world: World, account: Row, **wanted: float) -> None:
    """Raise 535 where an account would have more than it may: `require(world, owner, volume=1, primary_storage=10)`.

    The kinds are CloudStack's names of resource types; storage is counted in GB, memory in MB.
    """
    for name, amount in wanted.items():
        limit = BY_NAME[name]
        most, used = maximum(limit, account), limit.used(world, account["id"])
        if amount > 0 and most != UNLIMITED and used + amount > most:
            raise limit_reached(
                f"Maximum amount of resources of Type = '{name}' for Account Name = {account['name']} in Domain Id = "
                f"{account['domainid']} is exceeded: Account Resource Limit = {most}, Current Account Resource "
                f"Amount = {used:g}, Requested Resource Amount = {amount:g}."
            )


def totals(world: World, account: Row, *, project: bool = False) -> dict[str, Any]:
    """Return `<field>limit`, `<field>total` and `<field>available` of every limit."""
    shown: dict[str, Any] = {}
    for limit in LIMITS:
        if project and limit.field == "project":
            continue
        most, total = maximum(limit, account), limit.used(world, account["id"])
        number = float(total) if limit.field == "secondarystorage" else int(total)
        shown |= {
            f"{limit.field}limit": _shown(most, most),
            f"{limit.field}total": number,
            f"{limit.field}available": _shown(most, most - number),
        }
    machines = _machines(world, account["id"])
    running = sum(1 for row in machines if row["state"] == "Running")
    return {**shown, "vmstopped": len(machines) - running, "vmrunning": running}


def _shown(most: int, number: float) -> str:
    return "Unlimited" if most == UNLIMITED else str(number)
