"""Steps on CloudStack's virtual machines: deployed, started, stopped, renamed, destroyed; and how one is found again.

An answer may be lost while CloudStack still works on the machine. A probe therefore waits for a machine that is on its
way to the state in question.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.errors import Problem
from gstack.operations.model import Op, Probe, harmless
from gstack.operations.recipes import gone
from gstack.resources.inventory.machines import GONE, VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume

_NAME_TAKEN = "already exists in the network domain"  # CloudStack's text, measured; its code 431 means any bad value
_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds between two looks at a machine
_LOOKS = 600  # at a machine on its way to another state
_IDLE_LOOKS = 15  # a machine that does not change for so many looks has lost its job


# Power


async def start(op: Op, step: str, machine_id: str) -> VirtualMachine:
    """Start a machine; return it as it runs."""
    probe = in_state(machine_id, "Running", passing="Starting")
    return msgspec.convert(await op.run(step, "startVirtualMachine", {"id": machine_id}, probe=probe), VirtualMachine)


async def stop(op: Op, step: str, machine_id: str, *, forced: bool = True) -> None:
    """Stop a machine. `forced` cuts the power if the guest does not stop."""
    parameters = {"id": machine_id, "forced": True if forced else None}
    probe = in_state(machine_id, "Stopped", passing="Stopping")
    await op.run(step, "stopVirtualMachine", parameters, probe=probe)


def in_state(machine_id: str, state: str, *, passing: str = "") -> Probe:
    """Return a probe: the machine once it is in this state. While it is in the state `passing`, the probe waits."""

    async def probe(op: Op) -> Mapping[str, Any] | None:
        for _ in range(_LOOKS):
            found = await _by_id(op, machine_id)
            if not found or not passing or found["state"] != passing:
                break
            await asyncio.sleep(_PAUSE)
        return found if found and found["state"] == state else None

    return probe


# Deployment


async def deploy(op: Op, parameters: Mapping[str, object], hosts: Sequence[str]) -> VirtualMachine:
    """Deploy a machine under the first of these host names that CloudStack takes.

    `parameters` are those of deployVirtualMachine without the name.
    """
    zone_id, display = str(parameters["zoneid"]), str(parameters["displayname"])

    async def deploy_as(host: str) -> VirtualMachine:
        async def probe(op: Op) -> Mapping[str, Any] | None:
            return await find(op, zone_id, host, display)

        named = {**parameters, "name": host}
        answer = await op.run(f"deploy-{host}", "deployVirtualMachine", named, probe=probe)
        return msgspec.convert(answer, VirtualMachine)

    *first, last = hosts
    for host in first:
        try:
            return await deploy_as(host)
        except Refusal as refusal:
            if _NAME_TAKEN not in refusal.error_text:
                raise
    return await deploy_as(last)


async def find(op: Op, zone_id: str, host: str, display: str) -> Mapping[str, Any] | None:
    """Find a machine by host name and displayname, as a deployment's job would have answered it."""
    narrowed = {"zoneid": zone_id, "name": host}
    found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], narrowed)
    return next((one for one in found if one.get("displayname") == display), None)


async def running(op: Op, machine: VirtualMachine) -> VirtualMachine:
    """Return a deployed machine once it runs. It does already, unless the answer of its deployment was lost.

    The first machine of an image may take many minutes to start.
    """
    if machine.state == "Running":
        return machine
    found = await op.decide("started", lambda: _settled(op, machine.id))
    if found["state"] == "Stopped":
        return await start(op, "start", machine.id)
    if found["state"] != "Running":
        raise Problem.exhausted(f"CloudStack could not start the machine (state {found['state']}).")
    return msgspec.convert(found, VirtualMachine)


async def _settled(op: Op, machine_id: str) -> dict[str, Any]:
    """Look until the machine runs, has failed, or no longer changes."""
    idle, pause = 0, _PAUSE
    while True:
        found = await _by_id(op, machine_id) or {"state": "Gone"}
        idle = idle + 1 if found["state"] == "Stopped" else 0
        if found["state"] not in {"Starting", "Stopped"} or idle > _IDLE_LOOKS:
            return found
        await asyncio.sleep(pause)
        pause = pause if idle else min(pause * 1.2, _LONGEST_PAUSE)


async def root_of(op: Op, machine_id: str) -> str:
    """The uuid of a machine's root volume."""

    async def look() -> str:
        narrowed = {"virtualmachineid": machine_id, "type": ROOT}
        return (await op.cloudstack.list_all("listVolumes", Volume, narrowed))[0].id

    return await op.decide("root", look)


async def failed_machines(op: Op, zone_id: str, hosts: Iterable[str], display: str) -> list[str]:
    """The uuids of what failed deployments left: machines of these names in the state Error, and no others."""

    async def look() -> list[str]:
        found = [await find(op, zone_id, host, display) for host in sorted(hosts)]
        return [str(one["id"]) for one in found if one and one.get("state") == "Error"]

    return await op.decide("undo-failed", look)


# Name and end


async def rename(op: Op, step: str, machine_id: str, host: str, display: str) -> None:
    """Give a machine another host name and displayname."""
    parameters = {"id": machine_id, "name": host, "displayname": display}
    await op.run(step, "updateVirtualMachine", parameters, probe=harmless)


async def may_expunge(op: Op) -> bool:
    """Whether the account may expunge machines, which frees at once what a destroyed machine keeps for a day."""
    answer = await op.cloudstack.send("listCapabilities")
    return bool(answer.get("capability", {}).get("allowuserexpungerecovervm"))


async def destroy(op: Op, step: str, machine_id: str, *, expunge: bool, volume_ids: Sequence[str] = ()) -> None:
    """Destroy a machine, and these data volumes with it."""
    parameters = {"id": machine_id, "volumeids": volume_ids or None, "expunge": True if expunge else None}
    probe = gone("listVirtualMachines", VirtualMachine, machine_id, lambda one: one.state not in GONE)
    await op.run(step, "destroyVirtualMachine", parameters, probe=probe)


async def discard(op: Op, step: str, machine_id: str) -> None:
    """Destroy a machine that holds nothing that is needed again before CloudStack expunges it."""
    expunge = await op.decide(f"{step}-look", lambda: may_expunge(op))
    await destroy(op, f"{step}-destroy", machine_id, expunge=expunge)


async def _by_id(op: Op, machine_id: str) -> dict[str, Any] | None:
    found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], {"id": machine_id})
    return next(iter(found), None)
