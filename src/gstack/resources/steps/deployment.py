"""How a machine comes to run, and how one is found again where nobody heard the answer of its deployment."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.operations.model import Op
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.volumes import ROOT, Volume

_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds between two looks at a machine whose deployment nobody told the end of
_IDLE_LOOKS = 15  # a machine that stands still for so long has lost its job: start it


async def machine_called(op: Op, zone_id: str, host: str, display: str) -> Mapping[str, Any] | None:
    """Find a machine by host name and displayname, as a deployment's job would have answered it."""
    narrowed = {"zoneid": zone_id, "name": host}
    found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], narrowed)
    return next((one for one in found if one.get("displayname") == display), None)


async def started(op: Op, machine: VirtualMachine) -> VirtualMachine:
    """Return the machine once it runs. It does already, unless the answer of its deployment was lost."""
    if machine.state == "Running":
        return machine
    found = await op.decide("started", lambda: _settled(op, machine.id))
    if found["state"] == "Stopped":
        started = await op.run("start", "startVirtualMachine", {"id": machine.id}, probe=_running(machine.id))
        return msgspec.convert(started, VirtualMachine)
    if found["state"] != "Running":
        raise Problem.exhausted(f"CloudStack could not start the machine (state {found['state']}).")
    return msgspec.convert(found, VirtualMachine)


async def root_of(op: Op, machine_id: str) -> str:
    """The uuid of a machine's root volume."""

    async def look() -> str:
        narrowed = {"virtualmachineid": machine_id, "type": ROOT}
        return (await op.cloudstack.list_all("listVolumes", Volume, narrowed))[0].id

    return await op.decide("root", look)


async def failed_machines(op: Op, zone_id: str, hosts: Iterable[str], display: str) -> list[str]:
    """The uuids of what failed deployments left: machines of these names in the state Error, and no others."""

    async def look() -> list[str]:
        found = [await machine_called(op, zone_id, host, display) for host in sorted(hosts)]
        return [str(one["id"]) for one in found if one and one.get("state") == "Error"]

    return await op.decide("undo-failed", look)


async def _settled(op: Op, machine_id: str) -> dict[str, Any]:
    """Look until the machine runs, has failed, or stands still. The first of an image may start for many minutes."""
    idle, pause = 0, _PAUSE
    while True:
        listed = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], {"id": machine_id})
        found = listed[0] if listed else {"state": "Gone"}
        idle = idle + 1 if found["state"] == "Stopped" else 0
        if found["state"] not in {"Starting", "Stopped"} or idle > _IDLE_LOOKS:
            return found
        await asyncio.sleep(pause)
        pause = pause if idle else min(pause * 1.2, _LONGEST_PAUSE)


def _running(machine_id: str) -> Any:
    async def probe(op: Op) -> Mapping[str, Any] | None:
        found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], {"id": machine_id})
        return next((one for one in found if one["state"] == "Running"), None)

    return probe
