"""CloudStack asked directly, as the account `demo`."""

import asyncio
from typing import Any

from fixtures.servers import Stack
from gstack.cloudstack.client import CloudStack


def ask(product: Stack, command: str, **parameters: Any) -> dict[str, Any]:
    """Send one command, and wait for its job."""
    return asyncio.run(_asked(product, command, parameters))


async def _asked(product: Stack, command: str, parameters: dict[str, Any]) -> dict[str, Any]:
    async with CloudStack(product.settings.cloudstack.endpoint) as cloudstack:
        client = cloudstack.client(product.pair())
        answer = await client.send(command, parameters)
        return await client.finish(command, answer["jobid"]) if "jobid" in answer else answer
