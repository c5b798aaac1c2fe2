"""projects: a CloudStack account, or a CloudStack project that the caller is in.

Quotas are the resource limits. CloudStack has no place for metadata that all instances share: the sidecar keeps it. It
reaches a machine at its deployment and at its next instances.setMetadata; setCommonInstanceMetadata changes no existing
machine, since that would take one call for each. The default network tier is kept and shown without effect, since a
CloudStack cloud has one kind of address. There is no shared VPC: projects share no networks.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_items
from gstack.operations.model import Op, Target, work
from gstack.resources.inventory.projects import (
    METADATA,
    PREMIUM,
    STANDARD,
    TIER,
    common_metadata,
    default_account,
    default_tier,
)
from gstack.resources.inventory.quotas import Usage, project_quotas, usage_of
from gstack.resources.shared import metadata
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_fingerprint, gce_id, timestamp_of


class DefaultTier(msgspec.Struct, frozen=True):
    """The network tier to keep: PREMIUM or STANDARD."""

    tier: str


class CommonMetadata(msgspec.Struct, frozen=True):
    """The shared metadata to keep. `fingerprint` is that of the client, empty if it sent none."""

    items: dict[str, str]
    fingerprint: str


def to_gce(call: Call, usage: Usage, shared: Mapping[str, str], tier: str) -> dict[str, Any]:
    """A Project. The default service account is named as Google names it; it stands for the caller's own keys."""
    number = gce_id(call.owner_id)
    shown = {
        "kind": "compute#project",
        "id": number,
        "name": call.project,
        "description": usage.displaytext,
        "creationTimestamp": timestamp_of(usage.created),
        "commonInstanceMetadata": metadata.to_gce(shared),
        "quotas": project_quotas(usage),
        "defaultServiceAccount": default_account(call.owner_id),
        "defaultNetworkTier": tier,
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        "selfLink": call.link(""),
    }
    return {key: value for key, value in shown.items() if value != ""}


@serves("compute.projects.get")
async def get(call: Call) -> Any:
    usage, shared, tier = await asyncio.gather(
        usage_of(call), common_metadata(call.sidecar, call.owner_id), default_tier(call.sidecar, call.owner_id)
    )
    return to_gce(call, usage, shared, tier)


@serves("compute.projects.getXpnHost")
async def get_xpn_host(_call: Call) -> Any:
    """An empty Project: Google's answer where no host project shares its network."""
    return {}


@serves("compute.projects.getXpnResources")
async def get_xpn_resources(_call: Call) -> Any:
    """Empty: no other project uses this project's network."""
    return {}


@serves("compute.projects.listXpnHosts")
async def list_xpn_hosts(call: Call) -> Any:
    return await list_items(call, in_memory([]))


@serves("compute.projects.setDefaultNetworkTier")
async def set_default_network_tier(call: Call) -> Any:
    """Keep the tier. `get` shows it; it has no other effect."""
    tier = call.body.get("networkTier")
    if not tier:
        raise Problem.required("networkTier")
    if tier not in {PREMIUM, STANDARD}:
        raise Problem.unsupported("networkTier", f"'{tier}'. Send {PREMIUM} or {STANDARD}.")
    if tier != PREMIUM:
        text = "The default network tier is kept and has no effect: this cloud has one kind of address."
        call.warn("FIELD_VALUE_OVERRIDEN", text)
    return await call.start(write_default_tier, _target(call), DefaultTier(tier))


@work("projects.setDefaultNetworkTier", DefaultTier)
async def write_default_tier(op: Op, request: DefaultTier) -> None:
    async def write() -> bool:
        await op.sidecar.put_object(op.operation.owner, *TIER, {"tier": request.tier})
        return True

    await op.decide("write", write)


@serves("compute.projects.setCommonInstanceMetadata")
async def set_common_instance_metadata(call: Call) -> Any:
    """Replace the shared metadata. Existing machines get it at their next instances.setMetadata.

    412 when the fingerprint that was sent is not the current one; gcutil sends none.
    """
    items = check_metadata(call.body, "metadata")
    sent = call.body.get("fingerprint")
    check_fingerprint(sent, await common_metadata(call.sidecar, call.owner_id))
    return await call.start(write_common_metadata, _target(call), CommonMetadata(items, sent or ""))


@work("projects.setCommonInstanceMetadata", CommonMetadata)
async def write_common_metadata(op: Op, request: CommonMetadata) -> None:
    """Check the fingerprint again under the lock, and write."""

    async def write() -> bool:
        owner = op.operation.owner
        current = await common_metadata(op.sidecar, owner)
        if current != request.items:
            check_fingerprint(request.fingerprint, current)
        await op.sidecar.put_object(owner, *METADATA, {"items": request.items})
        return True

    await op.decide("write", write)


def _target(call: Call) -> Target:
    return Target("global", "projects", call.project, gce_id(call.owner_id))
