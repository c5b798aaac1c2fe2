"""A CloudStack project, and what the sidecar keeps for the project of a URL: shared metadata and the network tier."""

import msgspec

from gstack.db.sidecar import Sidecar
from gstack.resources.shared.naming import gce_id

METADATA = ("projects", "global", "commonInstanceMetadata")  # collection, scope and name in the sidecar
TIER = ("projects", "global", "defaultNetworkTier")
PREMIUM, STANDARD = "PREMIUM", "STANDARD"


class CloudStackProject(msgspec.Struct, frozen=True):
    """A project as CloudStack's listProjects answers it."""

    id: str
    name: str
    state: str = "Active"


async def common_metadata(sidecar: Sidecar, owner_id: str) -> dict[str, str]:
    """The metadata that all instances of this owner share."""
    stored = await sidecar.object(owner_id, *METADATA)
    return dict(stored["items"]) if stored else {}


async def default_tier(sidecar: Sidecar, owner_id: str) -> str:
    """The network tier that the owner chose, or Google's default, PREMIUM."""
    stored = await sidecar.object(owner_id, *TIER)
    return str(stored["tier"]) if stored else PREMIUM


def default_account(owner_id: str) -> str:
    """The email of a project's default service account, in Google's form. It stands for the caller's own keys."""
    return f"{gce_id(owner_id)}-compute@developer.gserviceaccount.com"
