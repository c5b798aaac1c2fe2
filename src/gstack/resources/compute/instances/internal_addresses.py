"""Fixed internal addresses: whether a client may have the one that it names."""

import ipaddress

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.inventory.machines import VirtualMachine

_SMALLEST = 8  # addresses of a subnetwork that has any to give, as Google counts (a /29)


class Range(msgspec.Struct, frozen=True):
    """A network's addresses, as listNetworks answers them."""

    id: str
    cidr: str = ""


async def check_address(call: Call, address: str, field: str, network_id: str | None, cidr: str = "") -> None:
    """400 for an address outside the network, one that is reserved, or taken: CloudStack answers an internal error.

    `network_id` is CloudStack's, None where the network is not made yet; `cidr` is asked for where it is not given.
    """
    try:
        wanted = ipaddress.IPv4Address(address)
    except ValueError as error:
        raise Problem.invalid(field, f"'{address}'. Must be an IPv4 address.") from error
    cidr = cidr or await _cidr(call, network_id)
    if cidr:
        _check_within(wanted, ipaddress.IPv4Network(cidr, strict=False), field)
    if network_id:
        narrowed = {"networkid": network_id, "details": ("nics",)}
        there = await call.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
        if any(nic.ipaddress == address for machine in there for nic in machine.nic):
            raise Problem.invalid(field, f"IP '{address}' is already being used by another resource.")


def _check_within(wanted: ipaddress.IPv4Address, network: ipaddress.IPv4Network, field: str) -> None:
    """Google keeps the first two and the last two addresses of a subnetwork; the second is CloudStack's gateway."""
    if wanted not in network:
        raise Problem.invalid(field, f"'{wanted}'. Requested internal IP address is outside the subnetwork {network}.")
    if network.num_addresses < _SMALLEST or wanted in {network[0], network[1], network[-2], network[-1]}:
        raise Problem.invalid(field, f"'{wanted}'. The first two and the last two addresses of {network} are reserved.")


async def _cidr(call: Call, network_id: str | None) -> str:
    if not network_id:
        return ""
    found = await call.cloudstack.list_all("listNetworks", Range, {"id": network_id})
    return found[0].cidr if found else ""
