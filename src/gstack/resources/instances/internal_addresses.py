"""Fixed internal addresses: whether a client may have the one that it names."""

import ipaddress

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call
from gstack.resources.machines import VirtualMachine


class Range(msgspec.Struct, frozen=True):
    """A network's addresses, as listNetworks answers them."""

    id: str
    cidr: str = ""


async def check_address(call: Call, address: str, field: str, network_id: str | None, cidr: str = "") -> None:
    """400 for an address outside the network or one that is taken: CloudStack answers an internal error.

    `network_id` is CloudStack's, None where the network is not made yet; `cidr` is asked for where it is not given.
    """
    try:
        wanted = ipaddress.IPv4Address(address)
    except ValueError as error:
        raise Problem.invalid(field, f"'{address}'. Must be an IPv4 address.") from error
    cidr = cidr or await _cidr(call, network_id)
    if cidr and wanted not in ipaddress.ip_network(cidr, strict=False):
        raise Problem.invalid(field, f"'{address}'. Requested internal IP address is outside the subnetwork {cidr}.")
    if network_id:
        narrowed = {"networkid": network_id, "details": ("nics",)}
        there = await call.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
        if any(nic.ipaddress == address for machine in there for nic in machine.nic):
            raise Problem.invalid(field, f"IP '{address}' is already being used by another resource.")


async def _cidr(call: Call, network_id: str | None) -> str:
    if not network_id:
        return ""
    found = await call.cloudstack.list_all("listNetworks", Range, {"id": network_id})
    return found[0].cidr if found else ""
