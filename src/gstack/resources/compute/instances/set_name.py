"""instances.setName <-> updateVirtualMachine name and displayname, of a stopped machine.

The guest's host name follows at its next start, as on GCE. CloudStack's host name is the new name where the network
has it free, else `<name>-<4 characters>`, as for a new machine. The disks keep their names: those that had none but
their machine's are written down under it first.
"""

from typing import Any

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources.compute.instances.lookup import parts_of
from gstack.resources.compute.instances.subject import Subject, begin, check_stopped, wanted
from gstack.resources.inventory import machines, volumes
from gstack.resources.shared.naming import check_name, suffix
from gstack.resources.steps.creation import write_down


@serves("compute.instances.setName")
async def set_name(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    name = check_name("name", call.body.get("name"))
    current = call.body.get("currentName")
    if not current:
        raise Problem.required("currentName")
    if current != subject.found.name:
        raise Problem.invalid("currentName", f"'{current}'. The instance is called '{subject.found.name}'.")
    check_stopped(call, subject, "it is renamed")
    await _check_free(call, subject, name)
    parts = await parts_of(call, subject.machine.id)
    args = {
        "new_name": name,
        "host": subject.machine.name,
        "display": subject.machine.displayname,
        "marked": subject.location.security_groups,
        "disks": {part.volume.id: part.name for part in parts if "name" not in part.facts},
        "disk_kind": volumes.kind(subject.location.id),
    }
    return await begin(call, rename, subject, args, holds=(f"{subject.scope}/instances/{name}",))


async def _check_free(call: Call, subject: Subject, name: str) -> None:
    """409 where the zone has an instance of the new name, or one is being made."""
    path = f"{subject.scope}/instances/{name}"
    if name == subject.found.name:
        return
    there = await machines.find(call.cloudstack, call.sidecar, call.owner_id, subject.location, name)
    if there or await call.operations.holder(call.owner_id, path):
        raise Problem.already_exists(call.resource(path))


@work("instances.setName")
async def rename(op: Op) -> None:
    """Rename the machine in CloudStack, and what is known of it here."""
    args = op.args
    if args["new_name"] == args["name"]:
        return
    for index, (uuid, name) in enumerate(args["disks"].items()):
        await write_down(op, f"disk-{index}", uuid, args["disk_kind"], {"name": name})
    await _rename(op)
    await write_down(op, "facts", args["machine_id"], args["kind"], {"name": args["new_name"]})


async def _rename(op: Op) -> None:
    """Under the first host name that CloudStack takes. It says nothing of a name that is taken but that it cannot."""
    marked = machines.marked(op.args["new_name"], suffix(op.operation.id))
    if not op.args["marked"]:
        try:
            await _call_it(op, "plain", op.args["new_name"])
        except Refusal:
            pass
        else:
            return
    await _call_it(op, "marked", marked)


async def _call_it(op: Op, step: str, host: str) -> None:
    parameters = {"id": op.args["machine_id"], "name": host, "displayname": op.args["new_name"]}
    await op.run(f"rename-{step}", "updateVirtualMachine", parameters, probe=harmless)
