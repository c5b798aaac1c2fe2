"""instances.setMetadata: the items are kept in the sidecar, and reach the guest as CloudStack's user data.

shared/user_data.py makes the document. CloudStack accepts new user data while a machine runs, and cloud-init reads it
at every boot. But cloud-init installs keys only at the first boot, so the operation warns. CloudStack cannot remove
user data, so a machine that should have none gets an empty `#cloud-config`. Under the lock, the work makes the document
from the project's current metadata, and sends it if it has changed. The fact `told` is the digest of the machine's
present document. A change of the project's metadata reaches a machine with its next setMetadata.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, harmless, work
from gstack.resources.compute.instances.target import Instance, begin, find_instance, queued
from gstack.resources.inventory import projects
from gstack.resources.shared import refused
from gstack.resources.shared.metadata import check_metadata
from gstack.resources.shared.naming import check_fingerprint
from gstack.resources.shared.user_data import (
    KEYS,
    NOTHING,
    digest,
    keys_without_effect,
    user_data,
    without_effect,
)


class Metadata(msgspec.Struct, frozen=True):
    """The items to set; an empty fingerprint is not compared."""

    machine_id: str
    kind: str
    items: dict[str, str]
    fingerprint: str = ""


@serves("compute.instances.setMetadata")
async def set_metadata(call: Call) -> dict[str, Any]:
    """Replace the items. 412 when a fingerprint was sent and is old; gcutil sends none."""
    instance = await find_instance(call)
    items, sent = check_metadata(call.body, "metadata"), call.body.get("fingerprint", "")
    before = instance.facts.get("metadata", {})
    check_fingerprint(sent, before)
    warn(call, before, items)
    return await begin(call, write_metadata, instance, await metadata_request(call, instance, items, sent))


async def metadata_request(call: Call, instance: Instance, items: Mapping[str, str], fingerprint: str = "") -> Metadata:
    """The request that gives an instance these items; 400 where no document can be made of them."""
    user_data(items, await projects.common_metadata(call.sidecar, call.owner_id))
    return Metadata(instance.machine.id, instance.kind, dict(items), fingerprint)


def warn(call: Call, before: Mapping[str, str], items: Mapping[str, str]) -> None:
    """Warn of items that have no effect, or not yet."""
    for key in keys_without_effect(items):
        if items[key] != before.get(key):
            call.warn(refused.IGNORED, without_effect(key))
    if any(items.get(key) != before.get(key) for key in KEYS):
        text = "The guest installs SSH keys only at its first boot. A machine that has booted keeps its present keys."
        call.warn(refused.IGNORED, text)


@queued
@work("instances.setMetadata", Metadata)
async def write_metadata(op: Op, request: Metadata) -> None:
    """Compare the fingerprint once more under the lock, send the document, keep the items."""
    document = await op.decide("check", lambda: _new_document(op, request))
    facts: dict[str, Any] = {"metadata": request.items}
    if document is not None:
        parameters = {"id": request.machine_id, "userdata": document or base64.b64encode(NOTHING).decode()}
        await op.run("user-data", "updateVirtualMachine", parameters, probe=harmless)
        facts["told"] = digest(document)
    await op.keep("facts", request.machine_id, request.kind, facts)


async def _new_document(op: Op, request: Metadata) -> str | None:
    """The document in base64; None if the machine already has it. 412 if somebody else was faster."""
    facts = (await op.sidecar.facts([request.machine_id])).get(request.machine_id, {})
    check_fingerprint(request.fingerprint, facts.get("metadata", {}))
    document = user_data(request.items, await projects.common_metadata(op.sidecar, op.operation.owner))
    encoded = base64.b64encode(document).decode()
    # Without the fact: a machine that was made in CloudStack keeps its user data until there is something to tell.
    before = facts.get("told", "" if "metadata" in facts else digest(""))
    return None if digest(encoded) == before else encoded
