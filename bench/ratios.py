"""What the gateway costs, as ratios measured in one run: machines differ and are noisy, ratios less so.

    .venv/bin/python bench/ratios.py [--machines 10000] [--rounds 300]

Starts `gstack serve` on a fresh sandbox in a temporary home, measures on loopback, ends by itself. Interleaved rounds:
A B A B …; the median of each is compared. Printed: the worker's CPU per request against that of `/healthz`, the latency
of a get against the same CloudStack calls made directly, and a whole list against decoding and encoding alone.
"""

import argparse
import asyncio
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from gstack import logs
from gstack.cloudstack.client import CloudStack, KeyPair
from gstack.resources.inventory.machines import VirtualMachine
from gstack.resources.inventory.volumes import Volume

ZONE = "Sandbox-simulator"
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A `gstack serve` of our own on a sandbox with many machines."""

    def __init__(self, home: Path, machines: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.home = home
        self._populate(machines)
        environment = {**os.environ, "GSTACK_HOME": str(home), "GSTACK_SERVER_LOG_LEVEL": "warning"}
        command = [Path(sys.executable).with_name("gstack"), "serve", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
        assert self.process.stdout  # noqa: S101  # asked for above
        while "is ready" not in self.process.stdout.readline():
            if self.process.poll() is not None:
                raise SystemExit("gstack serve did not start")

    def _populate(self, machines: int) -> None:
        from gstack.sandbox.dispatch import Sandbox  # noqa: PLC0415  # only for the moment
        from gstack.sandbox.populate import populate  # noqa: PLC0415
        from gstack.sandbox.settings import SandboxSettings, load_or_create_keys  # noqa: PLC0415

        settings = SandboxSettings(load_or_create_keys(self.home), database=str(self.home / "sandbox.db"))
        sandbox = Sandbox(settings)
        populate(sandbox.world, "demo", machines, ZONE)
        sandbox.world.close()

    @property
    def keys(self) -> KeyPair:
        demo = json.loads((self.home / "sandbox.json").read_text())[0]
        return KeyPair(demo["api_key"], demo["secret_key"])

    def worker_seconds(self) -> float:
        """CPU seconds of the worker processes so far."""
        children = subprocess.run(  # noqa: S603  # our own process id
            ["pgrep", "-P", str(self.process.pid)],  # noqa: S607  # everywhere on Linux
            capture_output=True, text=True, check=False,
        ).stdout.split()  # fmt: skip
        return sum(_cpu(pid) for pid in children if b"sandbox" not in Path(f"/proc/{pid}/cmdline").read_bytes())


def _cpu(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def main(machines: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), machines)
        try:
            await measure(server, machines, rounds)
        finally:
            server.process.terminate()
            server.process.wait(60)


async def measure(server: Server, machines: int, rounds: int) -> None:
    context = ssl.create_default_context(cafile=str(server.home / "tls" / "ca.pem"))
    base = f"https://localhost:{server.port}"
    endpoint = (server.home / "sandbox.url").read_text()
    form = {
        "grant_type": "client_credentials",
        "client_id": server.keys.api_key,
        "client_secret": server.keys.secret_key,
    }
    async with (
        aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(ssl=context)) as session,
        CloudStack(endpoint) as cloudstack,
    ):
        async with session.post("/oauth2/token", data=form) as answer:
            session.headers["Authorization"] = f"Bearer {(await answer.json())['access_token']}"
        path = f"/compute/v1/projects/demo/zones/{ZONE}"
        await cpu(server, session, path, rounds)
        await latency(session, cloudstack.client(server.keys), path, rounds)
        await whole_list(session, cloudstack.client(server.keys), path, machines)


async def read(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path) as answer:
        answer.raise_for_status()
        return await answer.read()


async def cpu(server: Server, session: aiohttp.ClientSession, path: str, rounds: int) -> None:
    """CPU of the workers for a zones.get against `/healthz`."""
    spent: dict[str, float] = {}
    for target in ("/healthz", path, "/healthz", path):
        before = server.worker_seconds()
        for _ in range(rounds * 4):
            await read(session, target)
        spent[target] = spent.get(target, 0) + server.worker_seconds() - before
    print(f"CPU of a get / CPU of /healthz: {spent[path] / max(spent['/healthz'], 1 / TICKS):.2f}")


async def latency(session: aiohttp.ClientSession, client: Any, path: str, rounds: int) -> None:
    """instances.get against its two CloudStack calls made directly, side by side."""
    machine = (await client.page("listVirtualMachines", VirtualMachine, 1, 1))[0][0]

    async def direct() -> None:
        await asyncio.gather(
            client.list_all("listVirtualMachines", VirtualMachine, {"id": machine.id}),
            client.list_all("listVolumes", Volume, {"virtualmachineid": machine.id}),
        )

    async def through() -> None:
        await read(session, f"{path}/instances/{machine.name}")

    ours, theirs = await interleaved(through, direct, rounds)
    print(
        f"latency of instances.get / its CloudStack calls: {ours / theirs:.2f} "
        f"({ours * 1e3:.1f} / {theirs * 1e3:.1f} ms)"
    )


async def interleaved(
    one: Callable[[], Awaitable[None]], two: Callable[[], Awaitable[None]], rounds: int
) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for times_of, action in zip(times, (one, two), strict=True):
            began = time.perf_counter()
            await action()
            times_of.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


async def whole_list(session: aiohttp.ClientSession, client: Any, path: str, machines: int) -> None:
    """All machines through the gateway against fetching, decoding and encoding them alone."""
    began = time.perf_counter()
    count, token = 0, ""
    while True:
        page = msgspec.json.decode(await read(session, f"{path}/instances{token and f'?pageToken={token}'}"))
        count += len(page["items"])
        if "nextPageToken" not in page:
            break
        token = page["nextPageToken"]
    ours = time.perf_counter() - began
    began = time.perf_counter()
    found = await client.list_all("listVirtualMachines", VirtualMachine)
    found_volumes = await client.list_all("listVolumes", Volume)
    msgspec.json.encode(found)
    msgspec.json.encode(found_volumes)
    theirs = time.perf_counter() - began
    print(
        f"whole list of {count} of {machines} / the same from CloudStack alone: {ours / theirs:.2f} "
        f"({ours:.2f} / {theirs:.2f} s)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    logs.configure("warning")
    asyncio.run(main(options.machines, options.rounds))
