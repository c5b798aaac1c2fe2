"""instances.setLabels <-> the machine's resource tags, changed as a whole (resources/tagging.py)."""

from typing import Any

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.subject import begin, takes_turns, wanted
from gstack.resources.shared.naming import check_fingerprint, check_labels, tags_to_labels
from gstack.resources.steps.tags import change

_TYPE = "UserVm"  # what CloudStack's tags call a machine


@serves("compute.instances.setLabels")
async def set_labels(call: Call) -> dict[str, Any]:
    subject = await wanted(call)
    labels, sent = check_labels(call.body.get("labels"), "labels"), call.body.get("labelFingerprint", "")
    check_fingerprint(sent, tags_to_labels(subject.machine.tags))
    return await begin(call, relabel, subject, {"labels": labels, "fingerprint": sent})


@takes_turns
@work("instances.setLabels")
async def relabel(op: Op) -> None:
    """Bring the machine's tags to these labels. 412 when somebody else was faster."""
    args = op.args
    await change(op, "labels", _TYPE, args["machine_id"], labels=args["labels"], sent=args["fingerprint"])
