"""Network interfaces of a machine, added, made the default one and removed in recorded steps."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.operations.model import Op
from gstack.resources.inventory.machines import VirtualMachine


async def nics_of(op: Op, machine_id: str) -> list[dict[str, Any]]:
    """The interfaces of a machine, each a `machines.Nic` as JSON."""
    machine = await _machine(op, machine_id)
    plain: list[dict[str, Any]] = msgspec.to_builtins(machine.nic) if machine else []
    return plain


async def _machine(op: Op, machine_id: str) -> VirtualMachine | None:
    narrowed = {"id": machine_id, "details": ("nics",)}
    found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
    return next(iter(found), None)


async def add(op: Op, step: str, machine_id: str, network_id: str, address: str = "") -> str:
    """Add an interface, with this address where one is given; return its uuid."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        machine = await _machine(op, machine_id)
        if machine is None or not any(nic.networkid == network_id for nic in machine.nic):
            return None
        plain: dict[str, Any] = msgspec.to_builtins(machine)
        return plain

    parameters = {"virtualmachineid": machine_id, "networkid": network_id, "ipaddress": address or None}
    machine = msgspec.convert(await op.run(step, "addNicToVirtualMachine", parameters, probe=there), VirtualMachine)
    return next(nic.id for nic in machine.nic if nic.networkid == network_id)


async def make_default(op: Op, step: str, machine_id: str, nic_id: str) -> None:
    """Make an interface the default one. The two change their places in CloudStack's count."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        machine = await _machine(op, machine_id)
        return {} if machine and any(nic.id == nic_id and nic.isdefault for nic in machine.nic) else None

    parameters = {"virtualmachineid": machine_id, "nicid": nic_id}
    await op.run(step, "updateDefaultNicForVirtualMachine", parameters, probe=there)


async def remove(op: Op, step: str, machine_id: str, nic_id: str) -> None:
    """Remove an interface. CloudStack refuses it for the default one, and for one with static NAT."""

    async def there(op: Op) -> Mapping[str, Any] | None:
        machine = await _machine(op, machine_id)
        return {} if machine and all(nic.id != nic_id for nic in machine.nic) else None

    parameters = {"virtualmachineid": machine_id, "nicid": nic_id}
    await op.run(step, "removeNicFromVirtualMachine", parameters, probe=there)
