"""A work inside another: one operation may do the works of several methods, each with step names of its own.

    await set_labels(Nested(op, "labels"), SetLabels(...))

Its steps are steps of the outer operation, under a prefix. Only the outer work shows progress.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from gstack.cloudstack.client import Client
from gstack.db.sidecar import Sidecar
from gstack.operations.model import Op, Operation, Probe

T = TypeVar("T")


class Nested:
    """Implements model.Op inside another Op."""

    def __init__(self, outer: Op, prefix: str) -> None:
        self.operation: Operation = outer.operation  # for its owner and id; what it shows changes in the outer Op
        self.cloudstack: Client = outer.cloudstack
        self.sidecar: Sidecar = outer.sidecar
        self._outer = outer
        self._prefix = prefix

    async def run(self, step: str, command: str, parameters: Mapping[str, object], *, probe: Probe) -> dict[str, Any]:
        """Do a step of the outer operation."""
        return await self._outer.run(f"{self._prefix}-{step}", command, parameters, probe=probe)

    async def decide(self, step: str, make: Callable[[], Awaitable[T]]) -> T:
        """Record a decision in the outer operation."""
        return await self._outer.decide(f"{self._prefix}-{step}", make)

    async def keep(self, step: str, uuid: str, kind: str, facts: Mapping[str, Any]) -> None:
        """Write facts in a step of the outer operation."""
        await self._outer.keep(f"{self._prefix}-{step}", uuid, kind, facts)

    async def forget(self, step: str, *uuids: str) -> None:
        """Drop rows in a step of the outer operation."""
        await self._outer.forget(f"{self._prefix}-{step}", *uuids)

    async def progress(self, percent: int, message: str = "") -> None:
        """Do nothing: the progress of a part says little about the whole."""

    async def warn(self, code: str, message: str, **data: str) -> None:
        """Add a warning to the outer operation."""
        await self._outer.warn(code, message, **data)

    async def target(self, gce_id: str) -> None:
        """Do nothing: the outer operation has its own target."""
