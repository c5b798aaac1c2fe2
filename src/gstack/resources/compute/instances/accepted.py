"""What GCE's users set by habit and CloudStack decides by itself: kept, shown again, and warned about.

instances.setScheduling, setMinCpuPlatform, setServiceAccount, updateShieldedInstanceConfig and
setShieldedInstanceIntegrityPolicy. What would have to have an effect (an end of the machine's life, a place to run) is
refused by name, as it is for a new machine (policy).
"""

from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.gateway.call import Call, serves
from gstack.operations.model import Op, work
from gstack.resources.compute.instances.subject import begin, check_stopped, takes_turns, wanted
from gstack.resources.shared import refused as policy
from gstack.resources.shared.naming import gce_id
from gstack.resources.steps.creation import write_down

_SCHEDULING = "scheduling is kept and has no effect: CloudStack restarts and moves machines by its own rules."


@serves("compute.instances.setScheduling")
async def set_scheduling(call: Call) -> dict[str, Any]:
    """Replace the scheduling options."""
    subject = await wanted(call)
    scheduling = check_scheduling(call.body, "scheduling")
    call.warn(policy.IGNORED, _SCHEDULING)
    return await begin(call, keep, subject, change("scheduling", scheduling))


@serves("compute.instances.setMinCpuPlatform")
async def set_min_cpu_platform(call: Call) -> dict[str, Any]:
    """Of a stopped machine, as on GCE."""
    subject = await wanted(call)
    check_stopped(call, subject, "its minimum CPU platform is changed")
    platform = call.body.get("minCpuPlatform") or None
    call.warn(policy.IGNORED, "minCpuPlatform is kept and has no effect: the cloud chooses its processors.")
    return await begin(call, keep, subject, change("minCpuPlatform", platform))


@serves("compute.instances.setServiceAccount")
async def set_service_account(call: Call) -> dict[str, Any]:
    """Of a stopped machine, as on GCE. Without an email there is none."""
    subject = await wanted(call)
    check_stopped(call, subject, "its service account is changed")
    call.warn(policy.IGNORED, "serviceAccounts is kept and has no effect: machines here get no tokens.")
    accounts = service_accounts(call, [call.body] if call.body.get("email") else [])
    return await begin(call, keep, subject, change("serviceAccounts", accounts))


@serves("compute.instances.updateShieldedInstanceConfig")
async def update_shielded_instance_config(call: Call) -> dict[str, Any]:
    """Of a stopped machine, as on GCE. A patch: what is not sent stays."""
    subject = await wanted(call)
    check_stopped(call, subject, "its shielded options are changed")
    before = subject.facts.get("kept", {}).get("shieldedInstanceConfig", {})
    call.warn(policy.IGNORED, "shieldedInstanceConfig is kept and has no effect: machines here are not shielded.")
    return await begin(call, keep, subject, change("shieldedInstanceConfig", {**before, **call.body}))


@serves("compute.instances.setShieldedInstanceIntegrityPolicy")
async def set_shielded_instance_integrity_policy(call: Call) -> dict[str, Any]:
    """There is no integrity policy to learn: nothing changes."""
    subject = await wanted(call)
    call.warn(policy.IGNORED, "updateAutoLearnPolicy has no effect: machines here are not shielded.")
    return await begin(call, keep, subject, {"field": "", "value": None})


def check_scheduling(sent: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The options to keep. Problem where one would need an effect, or where two exclude each other as on GCE."""
    policy.refuse(sent, policy.SCHEDULING, field)
    if sent.get("preemptible") and sent.get("automaticRestart"):
        raise Problem.invalid(f"{field}.automaticRestart", "true. A preemptible instance is not restarted.")
    if sent.get("preemptible") and sent.get("onHostMaintenance", "TERMINATE") != "TERMINATE":
        raise Problem.invalid(f"{field}.onHostMaintenance", "A preemptible instance must have TERMINATE.")
    return {name: value for name, value in sent.items() if value is not None}


def service_accounts(call: Call, sent: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Service accounts as they are shown: `default` under its own name."""
    default = f"{gce_id(call.owner_id)}-compute@developer.gserviceaccount.com"
    accounts: list[dict[str, Any]] = policy.kept({"serviceAccounts": sent}, default).get("serviceAccounts", [])
    return accounts


def change(field: str, value: Any) -> dict[str, Any]:
    """The args of the work that keeps this value; an empty one is forgotten."""
    return {"field": field, "value": value or None}


@takes_turns
@work("instances.keep")
async def keep(op: Op) -> None:
    """Write one value down beside the others that are only kept."""
    machine_id, field = op.args["machine_id"], op.args["field"]
    if not field:
        return

    async def joined() -> dict[str, Any]:
        known = (await op.sidecar.facts([machine_id])).get(machine_id, {}).get("kept", {})
        return {name: value for name, value in {**known, field: op.args["value"]}.items() if value}

    await write_down(op, "facts", machine_id, op.args["kind"], {"kept": await op.decide("joined", joined)})
