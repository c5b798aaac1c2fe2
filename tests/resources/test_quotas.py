"""Quotas from CloudStack's limits. The account is an excerpt of a real CloudStack 4.23's."""

import msgspec

from gstack.resources.quotas import UNLIMITED, Usage, project_quotas, region_quotas

ACCOUNT = {
    "vmlimit": "2000",
    "vmtotal": 2,
    "iplimit": "Unlimited",
    "iptotal": 8,
    "cpulimit": "-1",
    "cputotal": 2,
    "primarystoragelimit": "2000",
    "primarystoragetotal": 54,
    "secondarystoragetotal": 20.0,
    "vpclimit": "2000",
    "vpctotal": 2,
    "state": "enabled",
    "created": "2026-11-22T13:41:34+0000",
}


def test_limits_become_quotas() -> None:
    """Limits and use come as numbers; no limit is the largest number that clients read right."""
    usage = msgspec.convert(ACCOUNT, Usage)
    quotas = {quota["metric"]: (quota["limit"], quota["usage"]) for quota in region_quotas(usage)}
    assert quotas["INSTANCES"] == (2000.0, 2.0)
    assert quotas["DISKS_TOTAL_GB"] == (2000.0, 54.0)
    assert quotas["CPUS"] == (UNLIMITED, 2.0)
    assert quotas["STATIC_ADDRESSES"] == (UNLIMITED, 8.0)


def test_networks_are_vpcs() -> None:
    """A GCE network is a VPC, so its quota is the limit of VPCs."""
    quotas = {quota["metric"]: quota["limit"] for quota in project_quotas(msgspec.convert(ACCOUNT, Usage))}
    assert quotas["NETWORKS"] == 2000.0
