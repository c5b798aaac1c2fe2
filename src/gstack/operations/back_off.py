"""Waiting while CloudStack does not answer. An operation never fails for that: it goes on when CloudStack answers.

`BackOff` paces the tries of one operation and reports when silence begins and ends. `RetryingClient` is what works and
probes read with: its reads return an answer or raise a Refusal, however long that takes.
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from gstack.cloudstack.client import Client, CloudStack, KeyPair, Refusal, Unreachable

_LONGEST = 15.0  # seconds between two tries
_READS = ("list", "get", "query", "find")  # commands that may be repeated without a look at their effect


class BackOff:
    """The pauses of one operation. Each is twice as long as the one before, until CloudStack answers.

    `first` is the first pause in seconds; `report` is called with True when CloudStack is silent and with False when it
    answers.
    """

    def __init__(
        self, first: float, pause: Callable[[float], Awaitable[None]], report: Callable[[bool], Awaitable[None]]
    ) -> None:
        self._first = self._next = first
        self._pause = pause
        self._report = report

    async def wait(self) -> None:
        """Wait before the next try, because CloudStack did not answer."""
        await self._report(True)
        await self._pause(self._next)
        self._next = min(_LONGEST, self._next * 2)

    async def reset(self) -> None:
        """Start again with the first pause, because CloudStack answered."""
        self._next = self._first
        await self._report(False)


class RetryingClient(Client):
    """A Client whose reads wait for an answer. Its other commands raise Unreachable: send those by `Op.run`."""

    def __init__(self, cloudstack: CloudStack, keys: KeyPair, project: str | None, back_off: BackOff) -> None:
        super().__init__(cloudstack, keys, project)
        self._back_off = back_off

    def in_project(self, project: str | None) -> "RetryingClient":
        """Return the same client for another CloudStack project, or for the account itself (None)."""
        return RetryingClient(self._cloudstack, self._keys, project, self._back_off)

    async def _answer(self, command: str, parameters: Mapping[str, object]) -> msgspec.Raw:
        while True:
            try:
                answer = await super()._answer(command, parameters)
            except Unreachable:
                if not command.startswith(_READS):
                    raise
                await self._back_off.wait()
            except Refusal:
                await self._back_off.reset()
                raise
            else:
                await self._back_off.reset()
                return answer
