"""The API key pairs that a user has at CloudStack: found, made, deleted.

CloudStack 4.23 gives a user several pairs with names and end dates; before it there is one, and making a pair replaces
it. Which of the two it is, and what the user's role may do, `listApis` tells: no version is compared.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.signing import KeyPair

KEY_NAME = "gstack key"  # how the names of pairs begin that service-account keys stand on
SIGN_IN_NAME = "gstack sign-in"
_COMMANDS = ("registerUserKeys", "deleteUserKeys", "listUserKeys", "getUserKeys")


class Voice(Protocol):
    """Somebody who may speak to CloudStack for the user: a Client or a SessionClient."""

    async def send(self, command: str, parameters: Any = None) -> dict[str, Any]: ...  # as Client.send
    async def finish(self, command: str, job_id: str) -> dict[str, Any]: ...  # as Client.finish


class Ability(msgspec.Struct, frozen=True):
    """What CloudStack lets this user do with key pairs. `several`: pairs with names beside each other."""

    make: bool = False
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


async def ability(voice: Voice) -> Ability:
    """Ask CloudStack which of the commands there are, and whether a pair can have a name."""
    make, remove, several, one = await asyncio.gather(*(_parameters(voice, command) for command in _COMMANDS))
    named = make is not None and "name" in make and remove is not None and several is not None
    return Ability(make is not None, named, several is not None or one is not None)


async def _parameters(voice: Voice, command: str) -> set[str] | None:
    """The names of a command's parameters; None where this user has no such command."""
    try:
        found = (await voice.send("listApis", {"name": command})).get("api", [])
    except Refusal:
        return None
    known = [entry for entry in found if entry["name"] == command]
    return {parameter["name"] for parameter in known[0].get("params", [])} if known else None


async def own(voice: Voice, user_id: str, known: Ability) -> KeyPair | None:
    """Return a pair of the user's that is in force: the oldest that no service-account key stands on."""
    try:
        if known.several:
            pairs = [pair for pair in await _listed(voice, user_id) if _is_usable(pair)]
            first = min(pairs, key=lambda pair: (bool(pair.enddate), pair.created), default=None)
        else:
            answer = await voice.send("getUserKeys", {"id": user_id})
            first = msgspec.convert(answer.get("userkeys", {}), _Pair)
    except Refusal:  # the role may not read pairs
        return None
    return KeyPair(first.apikey, first.secretkey) if first and first.apikey and first.secretkey else None


def _is_usable(pair: _Pair) -> bool:
    moment = datetime.now(UTC)
    begun = not pair.startdate or datetime.fromisoformat(pair.startdate) <= moment
    ended = bool(pair.enddate) and datetime.fromisoformat(pair.enddate) <= moment
    return pair.state.upper() == "ENABLED" and begun and not ended and not pair.name.startswith(KEY_NAME)


async def has_one(voice: Voice, user_id: str) -> bool:
    """True where the user has a pair, even one that nobody may read."""
    users = (await voice.send("listUsers", {"id": user_id})).get("user", [])
    return any(user.get("apikey") for user in users)


async def make(
    voice: Voice, user_id: str, known: Ability, name: str, description: str = "", ends: datetime | None = None
) -> KeyPair:
    """Make a pair. `ends`: CloudStack keeps the day, so the pair may outlive this moment by hours. Raises Refusal."""
    sent: dict[str, object] = {"id": user_id}
    if known.several:
        sent |= {"name": name, "description": description}
        sent |= {"enddate": f"{ends.astimezone(UTC):%Y-%m-%d}"} if ends else {}
    answer = await voice.send("registerUserKeys", sent)
    made = await voice.finish("registerUserKeys", answer["jobid"]) if "jobid" in answer else answer["userkeys"]
    pair = msgspec.convert(made, _Pair)
    return KeyPair(pair.apikey, pair.secretkey)


async def delete(voice: Voice, user_id: str, api_key: str) -> None:
    """Delete one pair; one that is gone already is no error. Raises Refusal where CloudStack will not."""
    for pair in await _listed(voice, user_id):
        if pair.apikey == api_key:
            answer = await voice.send("deleteUserKeys", {"keypairid": pair.id})
            await voice.finish("deleteUserKeys", answer["jobid"])


async def api_keys(voice: Voice, user_id: str) -> frozenset[str]:
    """Return the API keys of a user's pairs; none where the role may not list them."""
    try:
        return frozenset(pair.apikey for pair in await _listed(voice, user_id))
    except Refusal:
        return frozenset()


async def user_of(voice: Voice, api_key: str) -> str:
    """Return whose pair this is, where listUsers leaves it open."""
    found = [pair.userid for pair in await _listed(voice, "") if pair.apikey == api_key]
    return found[0] if found else ""


async def _listed(voice: Voice, user_id: str) -> list[_Pair]:
    sent = {"userid": user_id} if user_id else {}
    answer = await voice.send("listUserKeys", sent)
    return msgspec.convert(answer.get("userapikey", []), list[_Pair])
