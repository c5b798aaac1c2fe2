"""A user's session at CloudStack: sign-in with name and password, then calls with cookies instead of a signature.

Only the sign-in pages use it, until they have found or created a key pair. Source: CloudStack's `login`, which answers
a session key in its body and sets the session cookie. Every call needs both.
"""

from collections.abc import Mapping
from typing import Any, TypeVar, overload
from urllib.parse import urlencode

import msgspec

from gstack.cloudstack.client import CloudStack, decoded, finished, opened
from gstack.cloudstack.errors import NO_PERMISSION, Refusal
from gstack.cloudstack.signing import flatten
from gstack.errors import ApiError, Problem

T = TypeVar("T")
_ROOT = "root"
_SECOND_FACTOR = "CloudStack wants a second factor for this user, which this server cannot ask for."


class Session(msgspec.Struct, frozen=True):
    """Who signed in, and the secrets of the session, which `repr` does not show."""

    user_id: str
    user_name: str
    account: str
    session_key: str
    cookies: dict[str, str]

    def __repr__(self) -> str:
        return f"Session({self.user_name})"


class _SignedIn(msgspec.Struct):
    userid: str
    username: str
    account: str
    sessionkey: str
    is2faenabled: str | bool = "false"  # CloudStack writes texts here, and booleans elsewhere
    is2faverified: str | bool = "true"

    @property
    def wants_second_factor(self) -> bool:
        return _is_true(self.is2faenabled) and not _is_true(self.is2faverified)


def _is_true(value: str | bool) -> bool:  # a value of CloudStack's, whatever its type
    return str(value).lower() == "true"


class TwoFactorError(Problem):
    """403: the password was right, but CloudStack wants a second factor, which the sign-in pages do not ask for."""


async def login(cloudstack: CloudStack, username: str, password: str, domain: str) -> Session:
    """Sign in. `domain` is a path (`/`, `customers/acme`).

    Raises Problem 401 if CloudStack does not accept user, password and domain; TwoFactorError; Unreachable.
    """
    sent = {"command": "login", "username": username, "password": password, "domain": domain_path(domain)}
    status, body, cookies = await cloudstack.exchange("login", urlencode(sent | {"response": "json"}))
    try:
        signed_in: _SignedIn = decoded("login", opened("login", status, body), _SignedIn)
    except Refusal as refusal:
        if refusal.error_code in {401, NO_PERMISSION}:
            raise Problem.unauthorized("CloudStack does not accept this user, password and domain.") from refusal
        raise
    session = Session(signed_in.userid, signed_in.username, signed_in.account, signed_in.sessionkey, cookies)
    if signed_in.wants_second_factor:
        await SessionClient(cloudstack, session).logout()
        raise TwoFactorError(403, "forbidden", _SECOND_FACTOR)
    return session


def domain_path(text: str) -> str:
    """Return a domain in the form of CloudStack's `login`: `acme/x`, `/acme/x/` and `ROOT/acme/x` are `/acme/x`."""
    parts = [part for part in text.strip().split("/") if part]
    if parts and parts[0].lower() == _ROOT:
        parts = parts[1:]
    return "/" + "/".join(parts)


class SessionClient:
    """Calls CloudStack with a session. `send` and `finish` are those of cloudstack.client.Client."""

    def __init__(self, cloudstack: CloudStack, session: Session) -> None:
        self._cloudstack = cloudstack
        self._session = session

    @overload
    async def send(self, command: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]: ...
    @overload
    async def send(self, command: str, parameters: Mapping[str, object] | None, into: type[T]) -> T: ...
    async def send(
        self, command: str, parameters: Mapping[str, object] | None = None, into: Any = dict[str, Any]
    ) -> Any:
        """Call a command and return what is inside its `…response`. Raises Refusal or Unreachable."""
        flat = flatten({"command": command, **(parameters or {})})
        sent = {**flat, "response": "json", "sessionkey": self._session.session_key}
        status, body, _ = await self._cloudstack.exchange(command, urlencode(sent), self._session.cookies)
        return decoded(command, opened(command, status, body), into)

    async def finish(self, command: str, job_id: str, *, pause: float = 0.2) -> dict[str, Any]:
        """Wait for a job. Raises Refusal if it failed."""
        return await finished(lambda job: self.send("queryAsyncJobResult", {"jobid": job}), command, job_id, pause)

    async def logout(self) -> None:
        """End the session. It is no error if the session has ended already or CloudStack does not answer."""
        try:
            await self.send("logout")
        except ApiError:
            return
