"""The API key pairs that a user has in CloudStack: find, create, delete.

CloudStack 4.23 gives a user several pairs with names and end dates. Earlier versions know one, and creating a pair
replaces it. `listApis` tells which of the two this cloud is and what the user's role allows; no version is compared.
"""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.signing import KeyPair

SERVICE_KEY_PREFIX = "gstack key"  # names of pairs that were created for service-account keys begin with this
SIGN_IN_PREFIX = "gstack sign-in"
_COMMANDS = ("registerUserKeys", "deleteUserKeys", "listUserKeys", "getUserKeys")
_API_KEY = re.compile(r"[A-Za-z0-9_-]{86}")
_SHOWN = 12  # characters of an API key that a log or page may show


def is_api_key(text: str) -> bool:
    """Tell whether a text looks like a CloudStack API key: 64 random bytes in base64url without padding."""
    return bool(_API_KEY.fullmatch(text))


def abbreviated(client_id: str) -> str:
    """Return a client id as a log may show it: only the first characters of an API key."""
    return f"{client_id[:_SHOWN]}…" if is_api_key(client_id) else client_id


class UserClient(Protocol):
    """Sends commands to CloudStack as the user: a Client or a SessionClient."""

    async def send(self, command: str, parameters: Any = None) -> dict[str, Any]: ...  # as Client.send
    async def finish(self, command: str, job_id: str) -> dict[str, Any]: ...  # as Client.finish


class Capabilities(msgspec.Struct, frozen=True):
    """What CloudStack lets this user do with key pairs. `several`: a user can have several pairs, with names."""

    create: bool = False
    several: bool = False
    read: bool = False


class _Pair(msgspec.Struct):
    id: str = ""
    name: str = ""
    apikey: str = ""
    secretkey: str = ""
    state: str = "ENABLED"
    userid: str = ""
    created: str = ""
    enddate: str = ""
    startdate: str = ""

    @property
    def is_usable(self) -> bool:
        """Tell whether the pair is in force, and was not created for a service-account key."""
        moment = datetime.now(UTC)
        started = not self.startdate or datetime.fromisoformat(self.startdate) <= moment
        ended = bool(self.enddate) and datetime.fromisoformat(self.enddate) <= moment
        return (
            self.state.upper() == "ENABLED" and started and not ended and not self.name.startswith(SERVICE_KEY_PREFIX)
        )


async def capabilities(client: UserClient) -> Capabilities:
    """Ask CloudStack which of the commands this user has, and whether a pair can have a name."""
    create, delete, several, one = await asyncio.gather(*(_parameters(client, command) for command in _COMMANDS))
    named = create is not None and "name" in create and delete is not None and several is not None
    return Capabilities(create is not None, named, several is not None or one is not None)


async def _parameters(client: UserClient, command: str) -> set[str] | None:
    """Return the names of a command's parameters; None if this user does not have the command."""
    try:
        found = (await client.send("listApis", {"name": command})).get("api", [])
    except Refusal:
        return None
    matching = [entry for entry in found if entry["name"] == command]
    return {parameter["name"] for parameter in matching[0].get("params", [])} if matching else None


async def find_pair(client: UserClient, user_id: str, can: Capabilities) -> KeyPair | None:
    """Return a pair of the user's that is in force: the oldest one that was not created for a service-account key."""
    try:
        if can.several:
            pairs = [pair for pair in await _list(client, user_id) if pair.is_usable]
            first = min(pairs, key=lambda pair: (bool(pair.enddate), pair.created), default=None)
        else:
            answer = await client.send("getUserKeys", {"id": user_id})
            first = msgspec.convert(answer.get("userkeys", {}), _Pair)
    except Refusal:  # the role may not read pairs
        return None
    return KeyPair(first.apikey, first.secretkey) if first and first.apikey and first.secretkey else None


async def has_pair(client: UserClient, user_id: str) -> bool:
    """Tell whether the user has a pair, even one that nobody may read."""
    users = (await client.send("listUsers", {"id": user_id})).get("user", [])
    return any(user.get("apikey") for user in users)


async def create(
    client: UserClient, user_id: str, can: Capabilities, name: str, description: str = "", ends: datetime | None = None
) -> KeyPair:
    """Create a pair. Raises Refusal.

    CloudStack stores only the day of `ends`, so the pair may outlive that moment by hours.
    """
    parameters: dict[str, object] = {"id": user_id}
    if can.several:
        parameters |= {"name": name, "description": description}
        parameters |= {"enddate": f"{ends.astimezone(UTC):%Y-%m-%d}"} if ends else {}
    answer = await client.send("registerUserKeys", parameters)
    keys = await client.finish("registerUserKeys", answer["jobid"]) if "jobid" in answer else answer["userkeys"]
    pair = msgspec.convert(keys, _Pair)
    return KeyPair(pair.apikey, pair.secretkey)


async def delete(client: UserClient, user_id: str, api_key: str) -> None:
    """Delete a pair; a pair that no longer exists is not an error. Raises Refusal if CloudStack will not delete it."""
    for pair in await _list(client, user_id):
        if pair.apikey == api_key:
            answer = await client.send("deleteUserKeys", {"keypairid": pair.id})
            await client.finish("deleteUserKeys", answer["jobid"])


async def api_keys(client: UserClient, user_id: str) -> frozenset[str]:
    """Return the API keys of a user's pairs; empty if the role may not list them."""
    try:
        return frozenset(pair.apikey for pair in await _list(client, user_id))
    except Refusal:
        return frozenset()


async def find_user(client: UserClient, api_key: str) -> str:
    """Return the id of the user who has this pair, for when listUsers does not tell; empty if nobody has it."""
    return next((pair.userid for pair in await _list(client, "") if pair.apikey == api_key), "")


async def _list(client: UserClient, user_id: str) -> list[_Pair]:
    answer = await client.send("listUserKeys", {"userid": user_id} if user_id else {})
    return msgspec.convert(answer.get("userapikey", []), list[_Pair])
