"""Waiting for a CloudStack that does not answer: an operation never fails for that.

`Patience` paces the waiting of one operation and tells when silence begins and ends; `PatientClient` is what work
functions and probes read with: its reads come back with an answer or a Refusal, however long it takes.
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from gstack.cloudstack.client import Client, CloudStack, KeyPair, Refusal, Unreachable

_LONGEST = 15.0  # seconds between two tries
_READS = ("list", "get", "query", "find")  # commands that may be repeated without looking


class Patience:
    """The pauses of one operation: each twice as long as the one before, until CloudStack answers."""

    def __init__(
        self, first: float, pause: Callable[[float], Awaitable[None]], tell: Callable[[bool], Awaitable[None]]
    ) -> None:
        self._first = self._next = first
        self._pause = pause
        self._tell = tell

    async def silence(self) -> None:
        """CloudStack did not answer: tell it, and wait before the next try."""
        await self._tell(True)
        await self._pause(self._next)
        self._next = min(_LONGEST, self._next * 2)

    async def answer(self) -> None:
        """CloudStack answered."""
        self._next = self._first
        await self._tell(False)


class PatientClient(Client):
    """A Client whose reads wait for CloudStack. Its other commands raise Unreachable: send them by `Op.run`."""

    def __init__(self, cloudstack: CloudStack, keys: KeyPair, project: str | None, patience: Patience) -> None:
        super().__init__(cloudstack, keys, project)
        self._patience = patience

    def in_project(self, project: str | None) -> "PatientClient":
        """The same in another CloudStack project (None: in the account itself)."""
        return PatientClient(self._cloudstack, self._keys, project, self._patience)

    async def _answer(self, command: str, parameters: Mapping[str, object]) -> msgspec.Raw:
        while True:
            try:
                answer = await super()._answer(command, parameters)
            except Unreachable:
                if not command.startswith(_READS):
                    raise
                await self._patience.silence()
            except Refusal:
                await self._patience.answer()
                raise
            else:
                await self._patience.answer()
                return answer
