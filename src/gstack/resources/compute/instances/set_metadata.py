"""instances.setMetadata: the items in the sidecar, and the machine's user-data document made anew from them.

CloudStack takes new user data while a machine runs, and gives it to the guest when that asks: cloud-init does at every
boot. What it does with it then is cloud-init's: keys are put in place at a machine's first boot alone, and the
operation warns of that. User data cannot be removed, so a machine that had some and is to have none gets an empty
`#cloud-config`.

The document is made inside the work, when nobody else may change the machine, from the project's metadata as they are
then, and is sent where it is not the one that the machine has: the fact `told` is the digest of that. So what changed
in the project's metadata meanwhile reaches the machine with its next setMetadata, and not before.
"""

import base64
from collections.abc import Mapping
from typing import Any

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources.compute.instances.subject import begin, takes_turns, wanted
from gstack.resources.compute.instances.user_data import told, unserved_keys, user_data
from gstack.resources.inventory import projects
from gstack.resources.shared import refused as policy
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_fingerprint
from gstack.resources.steps.creation import write_down

_NOTHING = b"#cloud-config\n{}\n"
_KEYS = ("ssh-keys", "sshKeys", "block-project-ssh-keys")


@serves("compute.instances.setMetadata")
async def set_metadata(call: Call) -> dict[str, Any]:
    """Replace the items. 412 when a fingerprint was sent and is old; gcutil sends none."""
    subject = await wanted(call)
    items, sent = check_metadata(call.body, "metadata"), call.body.get("fingerprint", "")
    check_fingerprint(sent, subject.facts.get("metadata", {}))
    warn(call, subject.facts.get("metadata", {}), items)
    return await begin(call, write_metadata, subject, await change(call, items, sent))


async def change(call: Call, items: Mapping[str, str], sent: str = "") -> dict[str, Any]:
    """The args of the work that gives a machine these items; 400 where they cannot be told to it."""
    user_data(items, await projects.common_metadata(call.sidecar, call.owner_id))
    return {"items": dict(items), "fingerprint": sent}


def warn(call: Call, before: Mapping[str, str], items: Mapping[str, str]) -> None:
    """Warn of items that have no effect, or not yet."""
    for key in unserved_keys(items):
        if items[key] != before.get(key):
            call.warn(
                policy.IGNORED, f"The metadata key '{key}' is kept and has no effect: nothing in the guest reads it."
            )
    if any(items.get(key) != before.get(key) for key in _KEYS):
        text = "The guest puts keys in place at its first boot. A machine that has booted keeps the keys that it has."
        call.warn(policy.IGNORED, text)


@takes_turns
@work("instances.setMetadata")
async def write_metadata(op: Op) -> None:
    """Look at the fingerprint once more, now that nobody else may write; tell CloudStack; write the items down."""
    machine_id, items = op.args["machine_id"], op.args["items"]
    document = await op.decide("check", lambda: _to_tell(op))
    facts = {"metadata": items}
    if document is not None:
        parameters = {"id": machine_id, "userdata": document or base64.b64encode(_NOTHING).decode()}
        await op.run("user-data", "updateVirtualMachine", parameters, probe=harmless)
        facts["told"] = told(document)
    await write_down(op, "facts", machine_id, op.args["kind"], facts)


async def _to_tell(op: Op) -> str | None:
    """The document in base64, None where the machine has it already. 412 where somebody else was faster."""
    machine_id, items = op.args["machine_id"], op.args["items"]
    facts = (await op.sidecar.facts([machine_id])).get(machine_id, {})
    check_fingerprint(op.args["fingerprint"], facts.get("metadata", {}))
    document = user_data(items, await projects.common_metadata(op.sidecar, op.operation.owner))
    encoded = base64.b64encode(document).decode()
    return None if told(encoded) == facts.get("told", _told_before(facts)) else encoded


def _told_before(facts: Mapping[str, Any]) -> str:
    """What is said of a machine without the fact: CloudStack's own keep theirs until there is something to tell."""
    return "" if "metadata" in facts else told("")
