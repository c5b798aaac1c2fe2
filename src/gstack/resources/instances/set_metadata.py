"""instances.setMetadata: the items in the sidecar, and the machine's user-data document made anew from them.

CloudStack takes new user data while a machine runs, and gives it to the guest when that asks: cloud-init does at every
boot. What it does with it then is cloud-init's: keys are put in place at a machine's first boot alone, and the
operation warns of that. User data cannot be removed, so a machine that had some and is to have none gets an empty
`#cloud-config`.
"""

import base64
from collections.abc import Mapping
from typing import Any

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources import projects
from gstack.resources.instances import policy
from gstack.resources.instances.creation import write_down
from gstack.resources.instances.subject import Subject, begin, takes_turns, wanted
from gstack.resources.instances.user_data import unserved_keys, user_data
from gstack.resources.metadata import check_metadata
from gstack.resources.naming import check_fingerprint

_NOTHING = b"#cloud-config\n{}\n"
_KEYS = ("ssh-keys", "sshKeys", "block-project-ssh-keys")


@serves("compute.instances.setMetadata")
async def set_metadata(call: Call) -> dict[str, Any]:
    """Replace the items. 412 when a fingerprint was sent and is old; gcutil sends none."""
    subject = await wanted(call)
    items, sent = check_metadata(call.body, "metadata"), call.body.get("fingerprint", "")
    check_fingerprint(sent, subject.facts.get("metadata", {}))
    warn(call, subject.facts.get("metadata", {}), items)
    return await begin(call, write_metadata, subject, await change(call, subject, items, sent))


async def change(call: Call, subject: Subject, items: Mapping[str, str], sent: str = "") -> dict[str, Any]:
    """The args of the work that gives the machine these items."""
    before = subject.facts.get("metadata", {})
    shared = await projects.common_metadata(call.sidecar, call.owner_id)
    old, new = user_data(before, shared), user_data(items, shared)
    document = base64.b64encode(new or _NOTHING).decode() if new != old else ""
    return {"items": dict(items), "fingerprint": sent, "user_data": document}


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
    await op.decide("check", lambda: _check(op))
    if op.args["user_data"]:
        parameters = {"id": machine_id, "userdata": op.args["user_data"]}
        await op.run("user-data", "updateVirtualMachine", parameters, probe=harmless)
    await write_down(op, "facts", machine_id, op.args["kind"], {"metadata": items})


async def _check(op: Op) -> bool:
    machine_id = op.args["machine_id"]
    current = (await op.sidecar.facts([machine_id])).get(machine_id, {}).get("metadata", {})
    check_fingerprint(op.args["fingerprint"], current)
    return True
