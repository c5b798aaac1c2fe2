"""networks <-> VPCs, isolated, shared and L2 networks; `default` is always there (networking/topology.py).

A GCE network is global, CloudStack's are zonal: the VPCs of one name are one network. An isolated network is shown as
a legacy network, with an `IPv4Range`. CloudStack keeps no routing modes and no MTU per network of Google's kind.
"""

from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.gateway.listing import list_items, whole
from gstack.resources.inventory.networks import DEFAULT, Network, Topology, read_topology
from gstack.resources.inventory.zones import CREATED, locations
from gstack.resources.shared.naming import gce_id, timestamp_of


def to_gce(call: Call, network: Network, known: Topology) -> Mapping[str, Any]:
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
        return _said(shown)
    links = [call.link(one.path) for one in known.subnetworks_of(network)]
    shown |= {"routingConfig": {"routingMode": "REGIONAL"}} | ({"subnetworks": links} if links else {})
    return _said({**shown, "autoCreateSubnetworks": network.name == DEFAULT})


def _said(shown: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in shown.items() if value != ""}


async def _topology(call: Call) -> Topology:
    everywhere = await locations(call.cloudstack, call.settings.names)
    return await read_topology(call.cloudstack, call.owner_id, everywhere, fresh=True)


@serves("compute.networks.get")
async def get(call: Call) -> Mapping[str, Any]:
    known = await _topology(call)
    if found := known.network(call.params["network"]):
        return to_gce(call, found, known)
    raise Problem.not_found(call.resource(f"global/networks/{call.params['network']}"))


@serves("compute.networks.list")
async def list_(call: Call) -> Mapping[str, Any]:
    known = await _topology(call)
    return await list_items(call, whole(to_gce(call, network, known) for network in known.networks))
