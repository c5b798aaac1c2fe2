"""projects <-> a CloudStack account, or a CloudStack project that the caller is in.

Quotas come from the resource limits. The metadata that all instances share has no place in CloudStack: it is an
object of the sidecar, `{"items": {key: value}}`. It reaches a machine when that is deployed, and at its next
instances.setMetadata: setCommonInstanceMetadata changes no machine that is there, which would be a call for each.
So is the default network tier, which is kept and shown: a CloudStack cloud has one kind of address. No project shares
its network with others here, and so there are no hosts of shared VPCs.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.gateway.call import Call, serves, unserved
from gstack.gateway.listing import list_items, whole
from gstack.operations.model import Op, Target, work
from gstack.resources.inventory.quotas import Usage, project_quotas, usage_of
from gstack.resources.shared import metadata
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_fingerprint, gce_id, timestamp_of

_METADATA = ("projects", "global", "commonInstanceMetadata")  # collection, scope and name in the sidecar
_TIER = ("projects", "global", "defaultNetworkTier")
PREMIUM, STANDARD = "PREMIUM", "STANDARD"

unserved(
    "compute.projects.moveInstance",
    "compute.projects.moveDisk",
    why="CloudStack's volumes stay in their zone. Make an image of the disk: it is in every zone, and starts there.",
)


async def common_metadata(sidecar: Sidecar, owner_id: str) -> dict[str, str]:
    """The metadata that all instances of this owner share."""
    kept = await sidecar.object(owner_id, *_METADATA)
    return dict(kept["items"]) if kept else {}


async def default_tier(sidecar: Sidecar, owner_id: str) -> str:
    """The network tier that the owner chose: PREMIUM, as with Google, where nobody did."""
    kept = await sidecar.object(owner_id, *_TIER)
    return str(kept["tier"]) if kept else PREMIUM


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
        "defaultServiceAccount": f"{number}-compute@developer.gserviceaccount.com",
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
    """Google's answer for a project that uses nobody's network: a Project without any field."""
    return {}


@serves("compute.projects.getXpnResources")
async def get_xpn_resources(_call: Call) -> Any:
    """No project uses this one's network."""
    return {}


@serves("compute.projects.listXpnHosts")
async def list_xpn_hosts(call: Call) -> Any:
    return await list_items(call, whole([]))


@serves("compute.projects.setDefaultNetworkTier")
async def set_default_network_tier(call: Call) -> Any:
    """Keep the tier, which is shown by `get` and changes nothing."""
    tier = call.body.get("networkTier")
    if not tier:
        raise Problem.required("networkTier")
    if tier not in {PREMIUM, STANDARD}:
        raise Problem.unsupported("networkTier", f"'{tier}'. Send {PREMIUM} or {STANDARD}.")
    if tier != PREMIUM:
        text = "The default network tier is kept and has no effect: this cloud has one kind of address."
        call.warn("FIELD_VALUE_OVERRIDEN", text)
    return await call.start(write_default_tier, _target(call), {"tier": tier})


@work("projects.setDefaultNetworkTier")
async def write_default_tier(op: Op) -> None:
    """Keep the tier."""

    async def write() -> bool:
        await op.sidecar.put_object(op.operation.owner, *_TIER, {"tier": op.args["tier"]})
        return True

    await op.decide("write", write)


@serves("compute.projects.setCommonInstanceMetadata")
async def set_common_instance_metadata(call: Call) -> Any:
    """Replace the shared metadata, for machines to come and for others at their next setMetadata.

    412 when a fingerprint was sent and somebody else was faster; gcutil sends none.
    """
    items = check_metadata(call.body, "metadata")
    sent = call.body.get("fingerprint")
    check_fingerprint(sent, await common_metadata(call.sidecar, call.owner_id))
    return await call.start(write_common_metadata, _target(call), {"items": items, "fingerprint": sent or ""})


@work("projects.setCommonInstanceMetadata")
async def write_common_metadata(op: Op) -> None:
    """Look at the fingerprint once more, now that nobody else may write, and write."""

    async def write() -> bool:
        owner, items = op.operation.owner, op.args["items"]
        current = await common_metadata(op.sidecar, owner)
        if current != items:
            check_fingerprint(op.args["fingerprint"], current)
        await op.sidecar.put_object(owner, *_METADATA, {"items": items})
        return True

    await op.decide("write", write)


def _target(call: Call) -> Target:
    return Target("global", "projects", call.project, gce_id(call.owner_id))
