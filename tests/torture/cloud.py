"""The cloud behind the gateway: asked directly as the account `demo`, and one that can be killed."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

from fixtures.mortal import free_port
from fixtures.servers import Stack
from gstack.cloudstack.client import CloudStack
from gstack.sandbox.server import spawn
from gstack.sandbox.settings import load_or_create_keys


def ask(product: Stack, command: str, **parameters: Any) -> dict[str, Any]:
    """Send one command, and wait for its job."""
    return asyncio.run(_asked(product, command, parameters))


async def _asked(product: Stack, command: str, parameters: dict[str, Any]) -> dict[str, Any]:
    async with CloudStack(product.settings.cloudstack.endpoint) as cloudstack:
        client = cloudstack.client(product.pair())
        answer = await client.send(command, parameters)
        return await client.finish(command, answer["jobid"]) if "jobid" in answer else answer


class Cloud:
    """A sandbox in a process of its own, with its state in a file, that can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home, self._port = home, free_port()
        self.accounts = {account.name: account for account in load_or_create_keys(home)}
        self._process, self.url = self._spawned()

    def restart(self) -> None:
        """Kill -9, and start anew on the same state and port."""
        self._end(signal.SIGKILL)
        self._process, self.url = self._spawned()

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        assert self._process.stdin
        self._process.send_signal(number)
        self._process.wait(30)
        self._process.stdin.close()

    def _spawned(self) -> tuple[subprocess.Popen[bytes], str]:
        return spawn(self.home, "--port", str(self._port), "--job-delay", "0.5")
