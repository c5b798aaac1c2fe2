"""subnetworks <-> tiers of VPCs and shared guest networks. Each region is a single zone.

The guest network of a zone with security groups is read only, because it belongs to the cloud. CloudStack has neither
private Google access nor flow logs nor secondary ranges; they are shown as off.
"""

from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_aggregated, list_items
from gstack.resources.inventory.networks import Subnetwork, read_networks
from gstack.resources.inventory.zones import CREATED, locations_of
from gstack.resources.shared.naming import fingerprint, gce_id, timestamp_of


def to_gce(call: Call, subnetwork: Subnetwork) -> Mapping[str, Any]:
    """A Subnetwork."""
    shown: dict[str, Any] = {
        "id": gce_id(subnetwork.key),
        "name": subnetwork.name,
        "description": subnetwork.description,
        "creationTimestamp": timestamp_of(subnetwork.created) or CREATED,
        "network": call.link(f"global/networks/{subnetwork.network}"),
        "region": call.link(f"regions/{subnetwork.location.region}"),
        "selfLink": call.link(subnetwork.path),
        "ipCidrRange": subnetwork.cidr,
        "gatewayAddress": subnetwork.gateway,
        "privateIpGoogleAccess": False,
        "privateIpv6GoogleAccess": "DISABLE_GOOGLE_ACCESS",
        "enableFlowLogs": False,
        "purpose": "PRIVATE",
        "stackType": "IPV4_ONLY",
    }
    shown["fingerprint"] = fingerprint([subnetwork.key, subnetwork.cidr])
    return {field: value for field, value in shown.items() if value != ""}


@serves("compute.subnetworks.get")
async def get(call: Call) -> Mapping[str, Any]:
    zones = await locations_of(call)
    location = zones.region(call.project, call.params["region"])
    networks = await read_networks(call, zones, fresh=True)
    if found := networks.subnetwork(location.region, call.params["subnetwork"]):
        return to_gce(call, found)
    raise Problem.not_found(call.resource(f"regions/{location.region}/subnetworks/{call.params['subnetwork']}"))


@serves("compute.subnetworks.list")
async def list_(call: Call) -> Mapping[str, Any]:
    zones = await locations_of(call)
    location = zones.region(call.project, call.params["region"])
    networks = await read_networks(call, zones, fresh=True)
    inside = [one for one in networks.subnetworks if one.location.id == location.id]
    return await list_items(call, in_memory(to_gce(call, one) for one in inside))


@serves("compute.subnetworks.aggregatedList")
async def aggregated_list(call: Call) -> Mapping[str, Any]:
    zones = await locations_of(call)
    networks = await read_networks(call, zones, fresh=True)
    scopes = [f"regions/{location.region}" for location in zones.all]
    return await list_aggregated(call, in_memory(to_gce(call, one) for one in networks.subnetworks), scopes)
