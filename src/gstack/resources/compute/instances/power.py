"""instances.start, stop and reset <-> startVirtualMachine, stopVirtualMachine and rebootVirtualMachine.

What is already so is a DONE operation, as on GCE; a machine on its way to another state is a 400. `noGracefulShutdown`
is CloudStack's `forced`: the power is cut where the guest does not stop. CloudStack says when a machine changed its
state last, but not when before: start and stop write down the moment that they end, for lastStopTimestamp of a
running machine and lastStartTimestamp of a stopped one. A machine keeps its external address while it is stopped. A
reset whose answer was lost is sent again.
"""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources.compute.instances.subject import begin, check_running, check_settled, wanted
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.steps.creation import write_down
from gstack.resources.steps.probes import in_state

_STOPPED = {"Stopped", "Shutdown"}


@serves("compute.instances.start")
async def start(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_settled(call, subject)
    return await begin(call, power_on, subject, {})


@serves("compute.instances.stop")
async def stop(call: Call) -> dict[str, Any]:
    """`discardLocalSsd` asks for nothing: there are no local SSDs."""
    subject = await wanted(call)
    check_settled(call, subject)
    return await begin(call, power_off, subject, {"forced": bool(call.params.get("noGracefulShutdown"))})


@serves("compute.instances.reset")
async def reset(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_running(call, subject)
    return await begin(call, reboot, subject, {})


@work("instances.start")
async def power_on(op: Op) -> None:
    """Start the machine, unless it runs."""
    machine_id = op.args["machine_id"]
    before = await op.decide("look", lambda: _look(op))
    if before["state"] == "Running":
        return
    started = in_state(machine_id, "Running", passing="Starting")
    await op.run("start", "startVirtualMachine", {"id": machine_id}, probe=started)
    await write_down(op, "facts", machine_id, op.args["kind"], {"last_stop": before["since"]})


@work("instances.stop")
async def power_off(op: Op) -> None:
    """Stop the machine, unless it is stopped."""
    machine_id = op.args["machine_id"]
    before = await op.decide("look", lambda: _look(op))
    if before["state"] in _STOPPED:
        return
    parameters = {"id": machine_id, "forced": True if op.args.get("forced") else None}
    stopped = in_state(machine_id, "Stopped", passing="Stopping")
    await op.run("stop", "stopVirtualMachine", parameters, probe=stopped)
    await write_down(op, "facts", machine_id, op.args["kind"], {"last_start": before["since"]})


@work("instances.reset")
async def reboot(op: Op) -> None:
    """Reboot the machine."""
    await op.run("reboot", "rebootVirtualMachine", {"id": op.args["machine_id"]}, probe=harmless)


async def _look(op: Op) -> dict[str, str]:
    """The machine's state, and since when it is in it."""
    narrowed = {"id": op.args["machine_id"], "details": ("min",)}
    found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
    machine = next(iter(found), VirtualMachine(op.args["machine_id"]))
    return {"state": machine.state, "since": machine.lastupdated or machine.created}
