"""Quotas: CloudStack's resource limits and usage, from listAccounts or listProjects.

An unlimited resource (`Unlimited` or -1) shows the limit 2^53, the largest integer that every client reads exactly.
"""

from typing import Any

import msgspec

from gstack.resources.inventory.reader import Reader

UNLIMITED = float(2**53)
Number = int | float | str


class Usage(msgspec.Struct, frozen=True):
    """Limits and usage of an account or a project. Limits are strings in CloudStack; storage is in GB, memory in MB."""

    created: str = ""
    displaytext: str = ""
    vmlimit: Number = -1
    vmtotal: Number = 0
    iplimit: Number = -1
    iptotal: Number = 0
    volumelimit: Number = -1
    volumetotal: Number = 0
    snapshotlimit: Number = -1
    snapshottotal: Number = 0
    templatelimit: Number = -1
    templatetotal: Number = 0
    networklimit: Number = -1
    networktotal: Number = 0
    vpclimit: Number = -1
    vpctotal: Number = 0
    cpulimit: Number = -1
    cputotal: Number = 0
    primarystoragelimit: Number = -1
    primarystoragetotal: Number = 0


# Google's metric -> the beginning of CloudStack's two fields
PROJECT_METRICS = {
    "SNAPSHOTS": "snapshot",
    "NETWORKS": "vpc",
    "SUBNETWORKS": "network",
    "IMAGES": "template",
    "STATIC_ADDRESSES": "ip",
    "IN_USE_ADDRESSES": "ip",
    "CPUS_ALL_REGIONS": "cpu",
}
REGION_METRICS = {
    "CPUS": "cpu",
    "DISKS_TOTAL_GB": "primarystorage",
    "STATIC_ADDRESSES": "ip",
    "IN_USE_ADDRESSES": "ip",
    "INSTANCES": "vm",
}


async def usage_of(reader: Reader) -> Usage:
    """Limits and usage of the owner: one CloudStack call."""
    cloudstack = reader.cloudstack.in_project(None)
    if reader.owner is None:
        return Usage()
    command = "listProjects" if reader.owner.project else "listAccounts"
    found = await cloudstack.list_all(command, Usage, {"id": reader.owner.id})
    return next(iter(found), Usage())


def project_quotas(usage: Usage) -> list[dict[str, Any]]:
    """Quotas that Google keeps for a whole project."""
    return _quotas(usage, PROJECT_METRICS)


def region_quotas(usage: Usage) -> list[dict[str, Any]]:
    """Quotas that Google keeps for a region."""
    return _quotas(usage, REGION_METRICS)


def _quotas(usage: Usage, metrics: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "metric": metric,
            "limit": _limit(getattr(usage, f"{field}limit")),
            "usage": float(getattr(usage, f"{field}total")),
        }
        for metric, field in metrics.items()
    ]


def _limit(limit: Number) -> float:
    number = -1.0 if str(limit).lower() == "unlimited" else float(limit)
    return UNLIMITED if number < 0 else number
