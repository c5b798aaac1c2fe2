"""CloudStack's offerings of VPCs and networks, and which of them this server uses."""

from collections.abc import Mapping

import msgspec

from gstack.cloudstack.client import Client
from gstack.errors import Problem

_ROUTER = "VpcVirtualRouter"
_NEEDED = {"Dhcp", "Dns", "UserData", "SourceNat", "StaticNat", "NetworkACL"}


class Provider(msgspec.Struct, frozen=True):
    """What provides a service, for example a virtual router."""

    name: str


class OfferedService(msgspec.Struct, frozen=True):
    """A service of an offering."""

    name: str
    provider: tuple[Provider, ...] = ()


class NetworkOffering(msgspec.Struct, frozen=True):
    """An offering, as listVPCOfferings or listNetworkOfferings answers it."""

    id: str
    name: str = ""
    isdefault: bool = False
    conservemode: bool = False
    guestiptype: str = ""
    specifyvlan: bool = False
    service: tuple[OfferedService, ...] = ()

    @property
    def fits_vpcs(self) -> bool:
        """Whether a VPC's virtual router provides all services that instances need."""
        by_router = {one.name for one in self.service if _ROUTER in {provider.name for provider in one.provider}}
        return by_router >= _NEEDED


async def vpc_offering(cloudstack: Client) -> str:
    """The id of the offering for new VPCs. Problem 400 where the cloud has none that fits."""
    return await _best(cloudstack, "listVPCOfferings", {"state": "Enabled"})


async def tier_offering(cloudstack: Client) -> str:
    """The id of the offering for new tiers of a VPC. Problem 400 where the cloud has none that fits."""
    return await _best(
        cloudstack, "listNetworkOfferings", {"forvpc": True, "state": "Enabled", "guestiptype": "Isolated"}
    )


async def l2_offering(cloudstack: Client, zone_id: str) -> str:
    """The id of an offering for L2 networks in a zone; empty where there is none. Remembered for seconds."""
    narrowed = {"guestiptype": "L2", "state": "Enabled", "zoneid": zone_id}
    found = await cloudstack.reference("listNetworkOfferings", NetworkOffering, narrowed)
    return next((one.id for one in found if one.guestiptype == "L2" and not one.specifyvlan), "")


async def _best(cloudstack: Client, command: str, parameters: Mapping[str, object]) -> str:
    """Of the offerings that fit, preferably the cloud's default one, and one with many services."""
    fitting = [one for one in await cloudstack.reference(command, NetworkOffering, parameters) if one.fits_vpcs]
    if not fitting:
        services = ", ".join(sorted(_NEEDED))
        raise Problem.unsupported("resource", f"this cloud offers no network of a VPC with {services} ({command}).")
    best = max(fitting, key=lambda one: (one.isdefault, one.conservemode, len(one.service), one.name.startswith("Def")))
    return best.id
