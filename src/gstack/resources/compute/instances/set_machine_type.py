"""instances.setMachineType <-> changeServiceForVirtualMachine: of a stopped machine, to a fixed or a custom type."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, Probe, work
from gstack.resources.compute.instances.subject import Subject, begin, check_stopped, wanted
from gstack.resources.inventory import service_offerings
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.service_offerings import MachineChoice
from gstack.resources.shared.references import last_name
from gstack.resources.steps.creation import write_down


@serves("compute.instances.setMachineType")
async def set_machine_type(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    check_stopped(call, subject, "its machine type is changed")
    text = call.body.get("machineType")
    if not text:
        raise Problem.required("machineType")
    return await begin(call, resize, subject, await change(call, subject, text, "machineType"))


async def change(call: Call, subject: Subject, text: str, field: str) -> dict[str, Any]:
    """The args of the work that gives the machine this type."""
    choice = await service_offerings.choose(call, text, field, subject.location)
    return {"choice": msgspec.to_builtins(choice), "machine_type": last_name(text)}


@work("instances.setMachineType")
async def resize(op: Op) -> None:
    """Give the machine another service offering, and keep the name by which it was asked for."""
    choice = msgspec.convert(op.args["choice"], MachineChoice)
    sizes = {"cpuNumber": choice.cpu, "memory": choice.memory_mb, "cpuSpeed": choice.cpu_speed}
    parameters = {
        "id": op.args["machine_id"],
        "serviceofferingid": choice.offering_id,
        "details": {name: size for name, size in sizes.items() if size is not None} or None,
    }
    machine_id = op.args["machine_id"]
    await op.run("resize", "changeServiceForVirtualMachine", parameters, probe=_has(machine_id, choice))
    await write_down(op, "facts", machine_id, op.args["kind"], {"machine_type": op.args["machine_type"]})


def _has(machine_id: str, choice: MachineChoice) -> Probe:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        narrowed = {"id": machine_id, "details": ("servoff",)}
        found = await op.cloudstack.list_all("listVirtualMachines", VirtualMachine, narrowed)
        fits = (one for one in found if one.serviceofferingid == choice.offering_id and _sized(one, choice))
        return next(({"id": one.id} for one in fits), None)

    return probe


def _sized(machine: VirtualMachine, choice: MachineChoice) -> bool:
    return choice.cpu in {None, machine.cpunumber} and choice.memory_mb in {None, machine.memory}
