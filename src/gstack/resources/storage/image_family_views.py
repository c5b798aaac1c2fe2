"""imageFamilyViews: the image that a family stands for in one zone, or anywhere (`zones/-`), as gcloud asks for it."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.resources.storage.images import newest, render


@serves("compute.imageFamilyViews.get", foreign=True)
async def get(call: Call) -> Any:
    """Answer the newest image of the family that is ready in the zone, else the newest anywhere."""
    image = await newest(call, call.params["family"], call.params["zone"])
    return {"image": (await render(call, [image]))[0]}
