"""How commands are registered, and what they get.

A module in `commands/` adds a command like this:

    @command("stopVirtualMachine", id="virtualmachine")
    def stop(call: Call) -> Job:            # before the job: an error here fails the request
        return Job("VirtualMachine", call.args["id"], queue=call.args["id"])

    @begin("stopVirtualMachine")            # optional: when the job starts, such as state Stopping
    @work("stopVirtualMachine")             # at the end of its delay; returns the jobresult
    def stopped(call: Call) -> Answer: ...

A synchronous command returns its answer. Keyword arguments of `command` say which kind of object a uuid parameter
names (`id="virtualmachine"`). An unknown object is 431; somebody else's is 531, except in lists. The kinds of common
parameters (`zoneid`, `networkid`, …) are in `catalog.ENTITIES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gstack.sandbox.errors import denied
from gstack.sandbox.settings import SandboxSettings
from gstack.sandbox.world import Row, World

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A job to start. Jobs of one `queue` run one after the other, as CloudStack serialises them by instance.

    `answer` is what the command returns at once beside `jobid`; the work of the job gets `facts` as `call.facts`.
    """

    instancetype: str | None = None
    instanceid: str | None = None
    queue: str | None = None
    answer: Answer = field(default_factory=dict)
    facts: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command.

    The catalog has checked and typed `args`. `owner` is the account that gets new objects: the caller's own or that of
    the project named by `projectid`.
    """

    world: World
    settings: SandboxSettings
    name: str
    args: dict[str, Any]
    account: Row
    user: Row
    owner: Row
    facts: Row = field(default_factory=dict)
    method: str = "POST"

    def entity(self, kind: str, parameter: str) -> Row:
        """Return the object that a given uuid parameter names (the catalog has checked that it exists)."""
        return self.world.one(kind, self.args[parameter])

    def optional(self, kind: str, parameter: str) -> Row | None:
        return self.world.get(kind, self.args.get(parameter))

    def details(self) -> dict[str, str]:
        """Return the parameter `details[0].key=value` as one map."""
        return {key: value for entry in self.args.get("details", []) for key, value in entry.items()}

    def may_use(self, row: Row) -> bool:
        """Tell whether the caller may act on an object: its own, one of its projects, or one of the system."""
        return row.get("accountid") is None or row["accountid"] in self.accounts()

    def accounts(self) -> set[str]:
        """Return the accounts for which the caller acts: its own and those of its projects."""
        own: str = self.account["id"]
        projects = self.world.find("projectmember", memberid=own)
        return {own, *(self.world.one("project", row["projectid"])["accountid"] for row in projects)}

    def require_use(self, row: Row) -> Row:
        if not self.may_use(row):
            raise denied()
        return row

    def own_rows(self, kind: str) -> list[Row]:
        """Return the objects of `kind` that a list shows: the owner's, or those of all projects for `projectid` -1."""
        if self.args.get("projectid") != "-1":
            return self.world.find(kind, accountid=self.owner["id"])
        projects = self.accounts() - {self.account["id"]}
        return [row for row in self.world.all(kind) if row.get("accountid") in projects]


CommandFunction = Callable[[Call], Answer | Job]
BeginFunction = Callable[[Call], None]
WorkFunction = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Command:
    """One implemented command."""

    name: str
    function: CommandFunction
    entities: dict[str, str]


COMMANDS: dict[str, Command] = {}
BEGINS: dict[str, BeginFunction] = {}
FAILURES: dict[str, BeginFunction] = {}
WORKS: dict[str, WorkFunction] = {}


def command(name: str, **entities: str) -> Callable[[CommandFunction], CommandFunction]:
    """Register a command by CloudStack's name; `entities`: the kinds of its uuid parameters."""

    def register(function: CommandFunction) -> CommandFunction:
        COMMANDS[name] = Command(name, function, entities)
        return function

    return register


def begin(*names: str) -> Callable[[BeginFunction], BeginFunction]:
    """Register what a job of these commands does when it starts."""

    def register(function: BeginFunction) -> BeginFunction:
        BEGINS.update(dict.fromkeys(names, function))
        return function

    return register


def failure(*names: str) -> Callable[[BeginFunction], BeginFunction]:
    """Register the clean-up for a job of these commands that fails after its beginning."""

    def register(function: BeginFunction) -> BeginFunction:
        FAILURES.update(dict.fromkeys(names, function))
        return function

    return register


def work(*names: str) -> Callable[[WorkFunction], WorkFunction]:
    """Register what a job of these commands does at the end of its delay."""

    def register(function: WorkFunction) -> WorkFunction:
        WORKS.update(dict.fromkeys(names, function))
        return function

    return register
