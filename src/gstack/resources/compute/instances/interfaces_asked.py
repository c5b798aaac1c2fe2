"""The network interfaces of a new instance: each `networkInterfaces[n]` of the body, checked. Sends nothing.

The first is CloudStack's default NIC. Each is in a network of its own, as on Google's. In zones with security groups a
machine has the one interface of the guest network, whose address is the external one too. CloudStack gives a machine
one static NAT, so one interface has an external address: an ephemeral one, or one that the account holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.compute.instances import reserved_addresses
from gstack.resources.compute.instances.internal_addresses import check_address
from gstack.resources.compute.instances.plan import External, Interface
from gstack.resources.compute.instances.to_gce import EXTERNAL_NAME
from gstack.resources.inventory import placements as backings
from gstack.resources.inventory.networks import ISOLATED, VPC
from gstack.resources.inventory.placements import Placement
from gstack.resources.inventory.zones import Location
from gstack.resources.shared import refused as policy

_FIELD = "resource.networkInterfaces"
_ACCESS = {name: why for name, why in policy.ACCESS.items() if name != "natIP"}
_MOST = 8  # Google's limit


class Asked(msgspec.Struct, frozen=True):
    """All interfaces. `external` is the name of the one access config, empty where there is none."""

    interfaces: tuple[Interface, ...]
    external: str = ""
    address: External = External()
    hold: tuple[str, ...] = ()


async def interfaces_asked(call: Call, location: Location) -> Asked:
    """Return where the interfaces go, and what external address the machine has."""
    sent = call.body.get("networkInterfaces")
    if not sent:
        raise Problem.invalid(_FIELD, "''. At least one network interface is required.")
    _check_count(sent, location)
    configs = [_config(one, f"{_FIELD}[{index}]") for index, one in enumerate(sent)]
    interfaces = [await _interface(call, location, one, f"{_FIELD}[{index}]") for index, one in enumerate(sent)]
    _check_distinct([one.placement for one in interfaces])
    given = [index for index, config in enumerate(configs) if config is not None]
    if not given:
        return Asked(tuple(interfaces))
    if len(given) > 1:
        why = "CloudStack gives a machine one external address. Send accessConfigs for one interface."
        raise Problem.unsupported(f"{_FIELD}[{given[1]}].accessConfigs", why)
    index = given[0]
    config = configs[index] or {}
    address, hold = await _external(call, location, interfaces[index].placement, config, index)
    return Asked(tuple(interfaces), str(config.get("name") or EXTERNAL_NAME), address, hold)


def _check_count(sent: Sequence[Mapping[str, Any]], location: Location) -> None:
    if len(sent) > _MOST:
        raise Problem.invalid(_FIELD, f"an instance has at most {_MOST} network interfaces, {len(sent)} were sent.")
    if len(sent) > 1 and location.security_groups:
        why = f"in zone '{location.zone}', which has security groups, CloudStack gives a machine one interface."
        raise Problem.unsupported(f"{_FIELD}[1]", why)


def _config(sent: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    """The access config of an interface, or None."""
    configs: Sequence[Mapping[str, Any]] = sent.get("accessConfigs") or []
    if len(configs) > 1:
        raise Problem.invalid(f"{field}.accessConfigs", "At most one access config currently supported.")
    for config in configs:
        policy.refuse(config, _ACCESS, f"{field}.accessConfigs[0]")
        return config
    return None


async def _interface(call: Call, location: Location, sent: Mapping[str, Any], field: str) -> Interface:
    policy.refuse(sent, policy.INTERFACE, field)
    placement = await backings.place(call, location, sent.get("network"), sent.get("subnetwork"), field)
    address = sent.get("networkIP", "")
    if address:
        await check_address(call, address, f"{field}.networkIP", placement.network_id, placement.cidr)
    return Interface(placement, address)


def _check_distinct(placements: Sequence[Placement]) -> None:
    for index, one in enumerate(placements):
        if one.network in {other.network for other in placements[:index]}:
            why = f"'{one.network_path}'. Networks must be distinct for the network interfaces of an instance."
            raise Problem.invalid(f"{_FIELD}[{index}].network", why)


async def _external(
    call: Call, location: Location, placement: Placement, config: Mapping[str, Any], index: int
) -> tuple[External, tuple[str, ...]]:
    """The external address, and the name to hold while one of the account's own is given to the machine."""
    wish, field = config.get("natIP", ""), f"{_FIELD}[{index}].accessConfigs[0].natIP"
    if not wish:
        return External(index), ()
    if location.security_groups:
        why = "in this zone the guest address itself is the external address. CloudStack has no other one to give."
        raise Problem.unsupported(field, why)
    if placement.kind not in {VPC, ISOLATED}:
        raise Problem.unsupported(field, "CloudStack has no static NAT in this network.")
    place = {"vpcid": placement.vpc_id} if placement.vpc_id else {"networkid": placement.network_id}
    found = await reserved_addresses.find(call, location, place, wish, field)
    return External(index, found.id, found.bring), (found.hold,)
