"""networks <-> VPCs, isolated, shared and L2 networks. The network `default` always exists.

A GCE network is global and CloudStack's are zonal, so all VPCs of one name are one network. An isolated network is
shown as a legacy network, with an `IPv4Range`. CloudStack has neither routing modes nor an MTU per network.
"""

from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import in_memory, list_items
from gstack.resources.inventory.networks import DEFAULT, Network, Networks, read_networks
from gstack.resources.inventory.zones import CREATED, locations_of
from gstack.resources.shared.naming import gce_id, timestamp_of


def to_gce(call: Call, network: Network, networks: Networks) -> Mapping[str, Any]:
    """A Network."""
    shown: dict[str, Any] = {
        "id": gce_id(network.key),
        "name": network.name,
        "description": network.description,
        "creationTimestamp": timestamp_of(network.created) or CREATED,
        "selfLink": call.link(network.path),
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL",
    }
    if network.legacy_range:
        shown |= {"IPv4Range": network.legacy_range, "gatewayIPv4": network.legacy_gateway}
    else:
        shown |= {"routingConfig": {"routingMode": "REGIONAL"}, "autoCreateSubnetworks": network.name == DEFAULT}
        shown["subnetworks"] = [call.link(one.path) for one in networks.subnetworks_of(network)]
    return {field: value for field, value in shown.items() if value not in ("", [])}


@serves("compute.networks.get")
async def get(call: Call) -> Mapping[str, Any]:
    networks = await _read(call)
    if found := networks.network(call.params["network"]):
        return to_gce(call, found, networks)
    raise Problem.not_found(call.resource(f"global/networks/{call.params['network']}"))


@serves("compute.networks.list")
async def list_(call: Call) -> Mapping[str, Any]:
    networks = await _read(call)
    return await list_items(call, in_memory(to_gce(call, network, networks) for network in networks.all))


async def _read(call: Call) -> Networks:
    return await read_networks(call, await locations_of(call), fresh=True)
