"""From a decoded request to an answer: who calls, is the command theirs, are its parameters good, then the command."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gstack.sandbox import access, catalog, events, versions
from gstack.sandbox.access import Sessions
from gstack.sandbox.commands import load
from gstack.sandbox.errors import CloudStackError, internal, parameter_error, unauthorized
from gstack.sandbox.faults import FaultBoard
from gstack.sandbox.jobs import Jobs
from gstack.sandbox.machines import expunge_old
from gstack.sandbox.registry import COMMANDS, Answer, Call, Command, Job
from gstack.sandbox.seed import seed
from gstack.sandbox.settings import SandboxSettings
from gstack.sandbox.world import Row, World

_log = logging.getLogger("gstack.sandbox")
SWEEP_SECONDS = 3600.0
ENVELOPES = {  # what CloudStack wraps answers in, where it is not `<command>response`
    "resetsshkeyforvirtualmachine": "resetSSHKeyforvirtualmachineresponse",
    "restorevirtualmachine": "restorevmresponse",
    "createlbstickinesspolicy": "createLBStickinessPolicy",
    "movenetworkaclitem": "moveNetworkAclItemResponse",
    "addiptonic": "addiptovmnicresponse",
    "deletelbstickinesspolicy": "deleteLBstickinessrruleresponse",
    "updatevmaffinitygroup": "updatevirtualmachineresponse",
    "updatenetworkaclitem": "createnetworkaclresponse",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its HTTP status; `cookies` are to be set (an empty value: unset). A str body goes out as it is."""

    status: int
    body: Answer | str
    cookies: Mapping[str, str] = field(default_factory=dict)


class Sandbox:
    """One CloudStack: its world, its jobs, its sessions and its fault switches."""

    def __init__(self, settings: SandboxSettings) -> None:
        load()
        self.settings = settings
        self.world = World(settings.database)
        self.faults = FaultBoard()
        self.jobs = Jobs(self.world, settings)
        self.jobs.fault_of = self.faults.job_fault
        self._sessions = Sessions()
        self._started = False
        self._next_sweep = 0.0
        seed(self.world, settings)

    def start(self) -> None:
        """Resume pending jobs, and expunge old machines now and then; needs a running event loop.

        It is called before each request: a server without ASGI's lifespan events never calls it otherwise.
        """
        if not self._started:
            self._started = True
            self.jobs.resume()
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_SECONDS
            expunge_old(self.world)

    async def stop(self) -> None:
        """End the running jobs' tasks (they are resumed at the next start) and close the database."""
        await self.jobs.stop()
        self.world.close()

    def answer(self, sent: Mapping[str, str], cookies: Mapping[str, str], method: str) -> Reply:
        """Answer one API call. Nothing is raised: a refusal is an answer too."""
        name = next((value for key, value in sent.items() if key.lower() == "command"), "")
        if name.lower() == "login":
            return self._login(sent, method)
        if name.lower() == "logout":
            return self._logout(cookies)
        entry = catalog.entries(self.settings.cloudstack_version).get(name)
        envelope = ENVELOPES.get(name.lower(), f"{name.lower()}response") if entry else "errorresponse"
        try:
            body = self._call(name, entry, sent, cookies, method)
        except CloudStackError as error:
            shown = "errorresponse" if error.code == 432 else envelope  # noqa: PLR2004  # as recorded
            return Reply(error.code, {shown: error.body()})
        except Exception:  # noqa: BLE001  # a fault of ours is an answer too, and logged
            _log.exception("the sandbox failed in %s", name)
            return Reply(530, {envelope: internal().body()})
        return Reply(200, {envelope: versions.as_of(self.settings.cloudstack_version, body)})

    def _call(
        self, name: str, entry: catalog.Entry | None, sent: Mapping[str, str], cookies: Mapping[str, str], method: str
    ) -> Answer:
        user = access.caller(self.world, self._sessions, sent, cookies)
        account = self.world.one("account", user["accountid"])
        if name in catalog.BEYOND_ROLE:
            raise CloudStackError(
                432, f"The API [{name}] does not exist or is not available for the account {account['name']}."
            )
        if entry is None:
            raise unauthorized()
        command = COMMANDS.get(name)
        if command is None:
            catalog.read(entry, sent, self.world, {})
            raise CloudStackError(530, f"The sandbox does not have CloudStack's command {entry.name}.", 4250)
        with self.world.transaction():
            result = self._run(command, entry, user, account, sent, method)
        if isinstance(result, CloudStackError):
            raise result
        return result

    def _run(
        self, command: Command, entry: catalog.Entry, user: Row, account: Row, sent: Mapping[str, str], method: str
    ) -> Answer | CloudStackError:
        args = catalog.read(entry, sent, self.world, command.entities)
        catalog.check_pages(entry, args, self.settings.page_maximum)
        owner = access.owner(self.world, account, args, entry.name)
        call = Call(self.world, self.settings, entry.name, args, account, user, owner, method=method)
        _check_entities(call, command)
        try:
            result = command.function(call)
        except CloudStackError as error:
            if error.keeps:
                return error  # no exception: the transaction ends well
            raise
        if isinstance(result, Job):
            return self.jobs.submit(call, result)
        events.note(self.world, call, "Completed")
        return result

    def _login(self, sent: Mapping[str, str], method: str) -> Reply:
        if method != "POST":
            return Reply(405, "Please use HTTP POST to authenticate using this API")
        try:
            user = _authenticated(self.world, {key.lower(): value for key, value in sent.items()})
        except CloudStackError as error:
            return Reply(error.code, {"loginresponse": error.body()})
        second = any(keys.two_factor for keys in self.settings.accounts if keys.name == user["username"])
        cookie, session = self._sessions.open(user["id"], verified=not second)
        shown = _signed_in(user, self.world.one("account", user["accountid"]), session.key)
        factor = {"is2faenabled": "true", "is2faverified": "false", "providerfor2fa": "totp"} if second else {}
        reply = {"loginresponse": {**shown, **factor}}
        return Reply(200, reply, {"JSESSIONID": cookie, "sessionkey": session.key})

    def _logout(self, cookies: Mapping[str, str]) -> Reply:
        if not self._sessions.close(cookies.get("JSESSIONID", "")):
            error = parameter_error("Session not found for the logout process.")
            return Reply(error.code, {"logoutresponse": error.body()})
        return Reply(200, {"logoutresponse": {"description": "success"}}, {"JSESSIONID": "", "sessionkey": ""})


def _check_entities(call: Call, command: Command) -> None:
    """Raise 531 if a named object of a command that is no list belongs to somebody else."""
    if call.name.startswith(("list", "query", "get")):
        return
    for parameter, kind in command.entities.items():
        value = call.args.get(parameter)
        for identity in value if isinstance(value, list) else [value]:
            row = call.world.get(kind, identity)
            if row is not None:
                call.require_use(row)


def _authenticated(world: World, sent: Mapping[str, str]) -> Row:
    path = f"/{sent.get('domain', '').strip('/')}/".replace("//", "/")
    if path not in ("/", "/ROOT/"):
        raise CloudStackError(531, f"Unable to find the domain from the path {path}", None)
    name = sent.get("username", "")
    user = world.first("user", username=name)
    if user is None or not sent.get("password") or user["password"] != sent["password"]:
        text = f"Failed to authenticate user {name} in domain 1; please provide valid credentials"
        raise CloudStackError(531, text, None)
    return user


def _signed_in(user: Row, account: Row, key: str) -> dict[str, Any]:
    return {
        "username": user["username"],
        "userid": user["id"],
        "domainid": account["domainid"],
        "timeout": access.SESSION_SECONDS,
        "account": account["name"],
        "firstname": user["firstname"],
        "lastname": user["lastname"],
        "type": "0",
        "timezone": "UTC",
        "timezoneoffset": "0.0",
        "registered": "false",
        "sessionkey": key,
        "is2faenabled": "false",
        "is2faverified": "true",
        "issuerfor2fa": "CloudStack",
    }
