"""projects <-> a CloudStack account, or a CloudStack project that the caller is in.

Quotas come from the resource limits. The metadata that all instances share has no place in CloudStack: it is an
object of the sidecar, `{"items": {key: value}}`, and instances read it with `common_metadata` when they are deployed.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from gstack.db.sidecar import Sidecar
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Target, work
from gstack.resources import metadata
from gstack.resources.metadata import check_metadata
from gstack.resources.naming import check_fingerprint, gce_id, timestamp_of
from gstack.resources.quotas import Usage, project_quotas, usage_of

_METADATA = ("projects", "global", "commonInstanceMetadata")  # collection, scope and name in the sidecar


async def common_metadata(sidecar: Sidecar, owner_id: str) -> dict[str, str]:
    """The metadata that all instances of this owner share."""
    kept = await sidecar.object(owner_id, *_METADATA)
    return dict(kept["items"]) if kept else {}


def to_gce(call: Call, usage: Usage, shared: Mapping[str, str]) -> dict[str, Any]:
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
        "defaultNetworkTier": "PREMIUM",
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        "selfLink": call.link(""),
    }
    return {key: value for key, value in shown.items() if value != ""}


@serves("compute.projects.get")
async def get(call: Call) -> Any:
    usage, shared = await asyncio.gather(usage_of(call), common_metadata(call.sidecar, call.owner_id))
    return to_gce(call, usage, shared)


@serves("compute.projects.setCommonInstanceMetadata")
async def set_common_instance_metadata(call: Call) -> Any:
    """Replace the shared metadata. 412 when a fingerprint was sent and somebody else was faster; gcutil sends none."""
    items = check_metadata(call.body, "metadata")
    sent = call.body.get("fingerprint")
    check_fingerprint(sent, await common_metadata(call.sidecar, call.owner_id))
    target = Target("global", "projects", call.project, gce_id(call.owner_id))
    return await call.start(write_common_metadata, target, {"items": items, "fingerprint": sent or ""})


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
