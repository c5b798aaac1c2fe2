"""Whether a request may have the internal address that it names."""

from ipaddress import IPv4Network

import msgspec

from gstack.errors import Problem
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.reader import Reader
from gstack.resources.shared.instance_properties import check_ipv4

_SMALLEST = 8  # addresses of a subnetwork that can have instances, as Google counts (a /29)


class _Network(msgspec.Struct, frozen=True):
    id: str
    cidr: str = ""


async def check_internal_address(
    reader: Reader, address: str, field: str, network_id: str | None, cidr: str = ""
) -> None:
    """400 for an address that is outside the network, reserved or taken. CloudStack answers an internal error to these.

    `network_id` is CloudStack's, None where the network does not exist yet. An empty `cidr` is looked up. Google keeps
    the first two and the last two addresses of a subnetwork; the second is CloudStack's gateway.
    """
    wanted = check_ipv4(address, field)
    if not cidr and network_id:
        found = await reader.cloudstack.list_all("listNetworks", _Network, {"id": network_id})
        cidr = found[0].cidr if found else ""
    if cidr:
        network = IPv4Network(cidr, strict=False)
        if wanted not in network:
            why = f"Requested internal IP address is outside the subnetwork {network}."
            raise Problem.invalid(field, f"'{wanted}'. {why}")
        if network.num_addresses < _SMALLEST or wanted in {network[0], network[1], network[-2], network[-1]}:
            why = f"The first two and the last two addresses of {network} are reserved."
            raise Problem.invalid(field, f"'{wanted}'. {why}")
    if network_id:
        narrowed = {"networkid": network_id, "details": ("nics",)}
        machines = await reader.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
        if any(nic.ipaddress == address for machine in machines for nic in machine.nic):
            raise Problem.invalid(field, f"IP '{address}' is already being used by another resource.")
