"""Who calls: by signature or by session, and for which project."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from gstack.sandbox import signing
from gstack.sandbox.errors import CloudStackError, denied, unauthorized
from gstack.sandbox.world import Row, World

ROLE = "User"
SESSION_SECONDS = 1800


@dataclass(slots=True)
class Session:
    """A sign-in with user name and password; it ends with the process, as in CloudStack."""

    userid: str
    key: str
    ends: float
    verified: bool = True  # False while CloudStack waits for a second factor


class Sessions:
    """The sessions of this process, by cookie."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def open(self, userid: str, *, verified: bool = True) -> tuple[str, Session]:
        cookie = secrets.token_hex(16)
        session = Session(userid, secrets.token_urlsafe(20), _seconds() + SESSION_SECONDS, verified)
        self._sessions[cookie] = session
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        session = self._sessions.get(cookie)
        if session is None or session.ends < _seconds():
            return None
        session.ends = _seconds() + SESSION_SECONDS
        return session

    def close(self, cookie: str) -> bool:
        return self._sessions.pop(cookie, None) is not None


def _seconds() -> float:
    return datetime.now(UTC).timestamp()


def caller(world: World, sessions: Sessions, sent: Mapping[str, str], cookies: Mapping[str, str]) -> Row:
    """Return the user who calls; raise 401 if that cannot be told."""
    names = {key.lower(): value for key, value in sent.items()}
    if "apikey" in names:
        return _by_key(world, sent, names["apikey"])
    cookie = cookies.get("JSESSIONID", "")
    session = sessions.find(cookie)
    if session is None:
        raise unauthorized()
    given = names.get("sessionkey") or cookies.get("sessionkey", "")
    if not compare_digest(given.encode(), session.key.encode()):
        sessions.close(cookie)  # as recorded: a wrong session key ends the session
        raise unauthorized("unable to verify user credentials")
    if not session.verified:
        raise unauthorized("unable to verify two factor authentication code")
    return world.one("user", session.userid)


def _by_key(world: World, sent: Mapping[str, str], api_key: str) -> Row:
    pair = world.first("userkey", apikey=api_key)
    if pair is None or _ended(pair):
        raise unauthorized()
    signing.check(sent, pair["secretkey"])
    return world.one("user", pair["userid"])


def _ended(pair: Row) -> bool:
    end = pair.get("enddate")
    return end is not None and datetime.strptime(end, "%Y-%m-%dT%H:%M:%S%z") < datetime.now(UTC)


def owner(world: World, account: Row, args: Mapping[str, Any], command: str) -> Row:
    """Return the account that a call is for: the caller's own, or that of the project named by `projectid`."""
    projectid = args.get("projectid")
    if projectid is None or projectid == "-1":
        _check_account(account, args.get("account"))
        return account
    if world.first("projectmember", projectid=projectid, memberid=account["id"]) is None:
        raise CloudStackError(
            432,
            f"The API [{command}] does not exist or is not available for this account/user in project [{projectid}].",
        )
    return world.one("account", world.one("project", projectid)["accountid"])


def _check_account(account: Row, name: str | None) -> None:
    if name is not None and name.lower() != account["name"].lower():
        raise denied(f"Account {account['name']} does not have permission to operate with account {name}")
