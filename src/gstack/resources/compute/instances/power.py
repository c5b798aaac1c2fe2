"""instances.start, stop and reset <-> startVirtualMachine, stopVirtualMachine and rebootVirtualMachine.

If the machine is already in the wanted state, the operation is DONE, as on GCE. 400 while the machine is changing its
state. `noGracefulShutdown` is CloudStack's `forced`: it cuts the power if the guest does not stop. CloudStack tells
only when a machine last changed its state. So start and stop store the moment before it: lastStopTimestamp of a running
machine, lastStartTimestamp of a stopped one. A stopped machine keeps its external address. If the answer to a reset is
lost, the reset is sent again.
"""

from typing import Any

import msgspec

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources.compute.instances.target import begin, check_running, check_settled, find_instance
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.steps import machines

_STOPPED = {"Stopped", "Shutdown"}


class Power(msgspec.Struct, frozen=True):
    """A machine to start, stop or reset; `kind` is the sidecar's kind of its row."""

    machine_id: str
    kind: str
    forced: bool = False


@serves("compute.instances.start")
async def start(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_settled(call, instance)
    return await begin(call, power_on, instance, Power(instance.machine.id, instance.kind))


@serves("compute.instances.stop")
async def stop(call: Call) -> dict[str, Any]:
    """`discardLocalSsd` has no effect: there are no local SSDs."""
    instance = await find_instance(call)
    check_settled(call, instance)
    forced = bool(call.params.get("noGracefulShutdown"))
    return await begin(call, power_off, instance, Power(instance.machine.id, instance.kind, forced))


@serves("compute.instances.reset")
async def reset(call: Call) -> dict[str, Any]:
    instance = await find_instance(call)
    check_running(call, instance)
    return await begin(call, reboot, instance, Power(instance.machine.id, instance.kind))


@work("instances.start", Power)
async def power_on(op: Op, request: Power) -> None:
    """Start the machine, unless it runs."""
    state, since = await op.decide("look", lambda: _look(op, request.machine_id))
    if state != "Running":
        await machines.start(op, "start", request.machine_id)
        await op.keep("facts", request.machine_id, request.kind, {"last_stop": since})


@work("instances.stop", Power)
async def power_off(op: Op, request: Power) -> None:
    """Stop the machine, unless it is stopped."""
    state, since = await op.decide("look", lambda: _look(op, request.machine_id))
    if state not in _STOPPED:
        await machines.stop(op, "stop", request.machine_id, forced=request.forced)
        await op.keep("facts", request.machine_id, request.kind, {"last_start": since})


@work("instances.reset", Power)
async def reboot(op: Op, request: Power) -> None:
    """Reboot the machine."""
    await op.run("reboot", "rebootVirtualMachine", {"id": request.machine_id}, probe=harmless)


async def _look(op: Op, machine_id: str) -> tuple[str, str]:
    """The machine's state, and since when it has had it."""
    narrowed = {"id": machine_id, "details": ("min",)}
    found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
    machine = next(iter(found), VirtualMachine(machine_id))
    return machine.state, machine.lastupdated or machine.created
