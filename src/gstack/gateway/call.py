"""Call, the argument of every resource function, and `serves`, which binds a function to Google's methods.

A resource function is `async def f(call: Call) -> Answer`. It reads `call.params` and `call.body`, both checked against
Google's document, talks to `call.cloudstack`, and returns a JSON-able object (dict or msgspec Struct) of the method's
response type. The endpoint adds `kind`. A mutation returns `await call.start(...)`.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

import msgspec
from falcon.asgi import Request

from gstack.auth.caller import Caller as Caller  # noqa: PLC0414  # re-exported for the gateway
from gstack.cloudstack.client import Client, CloudStack
from gstack.config import Settings
from gstack.db.sidecar import Sidecar
from gstack.errors import Problem
from gstack.gateway.links import Links as Links  # noqa: PLC0414  # re-exported as a part of Call
from gstack.gateway.operations import operation_to_gce
from gstack.operations.journal import Journal
from gstack.operations.lookup import Operations
from gstack.operations.model import (
    REQUEST,
    Draft,
    PlainWork,
    Target,
    TypedWork,
    Warned,
    WorkRequest,
    work_name,
)

UNDECLARED = "UNDECLARED_PROPERTIES"  # Google's code of the warning about an unknown field


class Owner(msgspec.Struct, frozen=True):
    """The owner of a URL's project: the caller's account, or a CloudStack project that the caller is in."""

    id: str  # uuid of the account or of the project: the `owner` of sidecar rows and operations
    name: str
    project: str | None = None  # CloudStack project uuid, None for the account itself


class Method(msgspec.Struct, frozen=True):
    """One method of Google's discovery document."""

    id: str  # compute.disks.insert
    http_method: str
    path: str  # projects/{project}/zones/{zone}/disks
    flat_path: str  # the same, except for the few paths with `{+name}`
    parameters: dict[str, Any]  # name -> its description in the document
    parameter_order: tuple[str, ...]
    request: str | None  # schema names
    response: str | None
    scopes: tuple[str, ...]

    @property
    def collection(self) -> str:
        """`disks` of `compute.disks.insert`."""
        return self.id.split(".")[1]

    @property
    def verb(self) -> str:
        """`insert` of `compute.disks.insert`."""
        return self.id.split(".")[2]


@dataclass(slots=True)
class Call:
    """A request, authorised and decoded. `owner` is None only if `serves(…, foreign=True)` allows it."""

    method: Method
    caller: Caller
    project: str
    owner: Owner | None
    params: dict[str, Any]
    body: dict[str, Any]
    cloudstack: Client
    sidecar: Sidecar
    journal: Journal
    settings: Settings
    links: Links
    warnings: list[Warned] = field(default_factory=list)
    request: str = ""  # digest of the request, if it has a requestId

    @property
    def owner_id(self) -> str:
        """The owner's id. A method that is `foreign` may not have one."""
        if self.owner is None:
            raise RuntimeError(f"{self.method.id} is served for foreign projects and has no owner")
        return self.owner.id

    @property
    def operations(self) -> Operations:
        """Where to read the operations that were started."""
        return self.journal.operations

    def link(self, path: str, project: str = "") -> str:
        """Return the URL of `zones/z/disks/d` in this call's project, or in another."""
        return self.links.project(project or self.project, path)

    def resource(self, path: str) -> str:
        """Return the relative name that Problems use: `projects/p/zones/z/disks/d`."""
        return f"projects/{self.project}/{path}"

    def warn(self, code: str, message: str, **data: str) -> None:
        """Add a warning to the answer or the operation, for example about what could not be mapped exactly."""
        self.warnings.append(Warned(code, message, data))

    async def repeated(self) -> dict[str, Any] | None:
        """Return the operation that this same request has already begun, so that it does not meet its own effects.

        Raises 409 if its requestId began a different request. Parameters and body tell, as sent, before any default.
        """
        request_id = str(self.params.get("requestId", ""))
        if not request_id or self.owner is None:
            return None
        if not self.request:  # the second time, defaults may have been added to the body
            sent = msgspec.json.encode((self.params, self.body), order="deterministic")
            self.request = hashlib.sha256(sent).hexdigest()
        earlier = await self.operations.of_request(self.owner_id, self.method.id, request_id)
        if earlier and earlier.args.get(REQUEST) != self.request:
            raise Problem.id_reused()
        return operation_to_gce(earlier, self.links) if earlier else None

    @overload
    async def start(
        self,
        function: PlainWork,
        target: Target,
        *,
        holds: tuple[str, ...] = (),
        operation_type: str = "",
    ) -> dict[str, Any]: ...
    @overload
    async def start(
        self,
        function: TypedWork[WorkRequest],
        target: Target,
        request: WorkRequest,
        *,
        holds: tuple[str, ...] = (),
        operation_type: str = "",
    ) -> dict[str, Any]: ...
    async def start(
        self,
        function: Callable[..., Awaitable[None]],
        target: Target,
        request: object = None,
        *,
        holds: tuple[str, ...] = (),
        operation_type: str = "",
    ) -> dict[str, Any]:
        """Journal a mutation and begin it; return Google's Operation as it is after a few seconds.

        The journal stores `request` as JSON until the operation ends; it must not contain absolute URLs of this server.
        The operation holds its target; `holds` names what else nobody may change meanwhile.
        """
        args: dict[str, Any] = {} if request is None else msgspec.to_builtins(request)
        draft = Draft(
            work=work_name(function),
            owner=self.owner_id,
            project=self.project,
            method=self.method.id,
            operation_type=operation_type or self.method.verb,
            target=target,
            user=self.caller.user,
            credential=self.caller.credential,
            cloudstack_project=self.cloudstack.project,
            args=args | ({REQUEST: self.request} if self.request else {}),
            holds=(target.path or "project", *holds),
            request_id=str(self.params.get("requestId", "")),
            warnings=tuple(self.warnings),
        )
        return operation_to_gce(await self.journal.start(draft), self.links)


Guard = Callable[[Request], Awaitable[Caller]]  # raises 401
Audit = Callable[..., None]  # audit("mutation", who=…, what=…, …)
ListedZone = Callable[[Client, str], Awaitable[str]]  # the name in lists of the zone with this alias, or the same name
ResolveOwner = Callable[[Client, Caller, str], Awaitable[Owner | None]]  # of a URL's project; None: not the caller's


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a Call that do not come with the request. The app passes them to the gateway."""

    settings: Settings
    cloudstack: CloudStack
    sidecar: Sidecar
    journal: Journal
    guard: Guard
    resolve_owner: ResolveOwner
    listed_zone: ListedZone
    audit: Audit


Function = Callable[[Call], Awaitable[Any]]


class Served(msgspec.Struct, frozen=True):
    """A served function. `foreign` ones are also called for projects that are not the caller's."""

    function: Function
    foreign: bool = False


_SERVED: dict[str, Served] = {}


def serves(*method_ids: str, foreign: bool = False) -> Callable[[Function], Function]:
    """Bind a function to methods of Google's document, which defines path, verb, parameters and types."""

    def register(function: Function) -> Function:
        for method_id in method_ids:
            if method_id in _SERVED:
                raise ValueError(f"{method_id} is served twice")  # a fault of ours, found at import
            _SERVED[method_id] = Served(function, foreign)
        return function

    return register


_UNSERVED: dict[str, str] = {}


def unserved(*patterns: str, why: str) -> None:
    """Register why methods of Google's document are not served, and what to do instead, for their answer 501.

    A pattern is a method id, or `compute.regionDisks.*` for all methods of a collection that are not served.
    """
    _UNSERVED.update(dict.fromkeys(patterns, why))


def why_unserved(method_id: str) -> str:
    """Return the reason that `unserved` registered, or an empty string."""
    return _UNSERVED.get(method_id) or _UNSERVED.get(f"{method_id.rpartition('.')[0]}.*", "")


def served() -> Mapping[str, Served]:
    """Return all served methods. Importing gstack.resources registers them."""
    return _SERVED
