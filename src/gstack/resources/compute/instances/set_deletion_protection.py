"""instances.setDeletionProtection <-> updateVirtualMachine deleteprotection."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources.compute.instances.subject import begin, takes_turns, wanted


@serves("compute.instances.setDeletionProtection")
async def set_deletion_protection(call: Call) -> dict[str, Any]:
    """Without the parameter the machine is protected: Google's default."""
    subject = await wanted(call)
    protected = call.params.get("deletionProtection")
    return await begin(call, protect, subject, {"protected": True if protected is None else bool(protected)})


@takes_turns
@work("instances.setDeletionProtection")
async def protect(op: Op) -> None:
    """Protect the machine, or end its protection."""
    parameters = {"id": op.args["machine_id"], "deleteprotection": op.args["protected"]}
    await op.run("protect", "updateVirtualMachine", parameters, probe=harmless)
