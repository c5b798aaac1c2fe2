"""Probes of steps on machines: whether a command whose answer was lost has had its effect."""

import asyncio
from collections.abc import Mapping
from typing import Any

from gstack.operations.model import Op, Probe

_PAUSE = 1.0  # seconds between two looks at a machine that is on its way
_LOOKS = 600


def in_state(machine_id: str, state: str, *, passing: str = "") -> Probe:
    """The machine, once it is in this state; its way there is the state `passing`, which is waited for."""

    async def probe(op: Op) -> Mapping[str, Any] | None:
        for _ in range(_LOOKS):
            found = await op.cloudstack.list_all("listVirtualMachines", dict[str, Any], {"id": machine_id})
            if not found or not passing or found[0]["state"] != passing:
                break
            await asyncio.sleep(_PAUSE)
        return next((one for one in found if one["state"] == state), None)

    return probe
