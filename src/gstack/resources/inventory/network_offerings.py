"""The network offering for L2 networks, which have no router and no addresses of their own."""

import msgspec

from gstack.cloudstack.client import Client


class NetworkOffering(msgspec.Struct, frozen=True):
    """A network offering as CloudStack's listNetworkOfferings answers it."""

    id: str
    name: str = ""
    guestiptype: str = ""
    specifyvlan: bool = False


async def l2_offering(cloudstack: Client, zone_id: str) -> str:
    """The uuid of an offering for L2 networks in a zone, empty where there is none. Remembered for seconds."""
    narrowed = {"guestiptype": "L2", "state": "Enabled", "zoneid": zone_id}
    found = await cloudstack.reference("listNetworkOfferings", NetworkOffering, narrowed)
    return next((one.id for one in found if one.guestiptype == "L2" and not one.specifyvlan), "")
