"""imageFamilyViews: the image that a family stands for in one zone, or anywhere (`zones/-`), as gcloud asks for it."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.resources.images import newest, to_gce


@serves("compute.imageFamilyViews.get", foreign=True)
async def get(call: Call) -> Any:
    """Answer the newest image of the family that is ready in the zone, else the newest anywhere."""
    return {"image": to_gce(await newest(call, call.params["family"], call.params["zone"]))}
