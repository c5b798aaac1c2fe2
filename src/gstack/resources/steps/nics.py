"""Steps on the network interfaces of a machine: added, made the default one, removed."""

import msgspec

from gstack.operations.model import Op
from gstack.operations.recipes import reached
from gstack.resources.inventory.machines import Nic, VirtualMachine


async def nics_of(op: Op, step: str, machine_id: str) -> tuple[Nic, ...]:
    """Return the interfaces of a machine, as a recorded decision."""

    async def look() -> tuple[Nic, ...]:
        narrowed = {"id": machine_id, "details": ("nics",)}
        found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
        return found[0].nic if found else ()

    return msgspec.convert(await op.decide(step, look), tuple[Nic, ...])


async def add(op: Op, step: str, machine_id: str, network_id: str, address: str = "") -> str:
    """Add an interface in a network, with this address if one is given; return its uuid."""
    added = reached(
        "listVirtualMachines",
        VirtualMachine,
        machine_id,
        lambda machine: any(nic.networkid == network_id for nic in machine.nic),
    )
    parameters = {"virtualmachineid": machine_id, "networkid": network_id, "ipaddress": address or None}
    machine = msgspec.convert(await op.run(step, "addNicToVirtualMachine", parameters, probe=added), VirtualMachine)
    return next(nic.id for nic in machine.nic if nic.networkid == network_id)


async def make_default(op: Op, step: str, machine_id: str, nic_id: str) -> None:
    """Make an interface the default one. It swaps its device number with the default one."""
    default = reached(
        "listVirtualMachines",
        VirtualMachine,
        machine_id,
        lambda machine: any(nic.id == nic_id and nic.isdefault for nic in machine.nic),
    )
    parameters = {"virtualmachineid": machine_id, "nicid": nic_id}
    await op.run(step, "updateDefaultNicForVirtualMachine", parameters, probe=default)


async def remove(op: Op, step: str, machine_id: str, nic_id: str) -> None:
    """Remove an interface. CloudStack refuses it for the default one, and for one with static NAT."""
    removed = reached(
        "listVirtualMachines",
        VirtualMachine,
        machine_id,
        lambda machine: all(nic.id != nic_id for nic in machine.nic),
    )
    parameters = {"virtualmachineid": machine_id, "nicid": nic_id}
    await op.run(step, "removeNicFromVirtualMachine", parameters, probe=removed)
