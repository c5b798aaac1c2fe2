"""The one endpoint behind all of Google's methods: authorise, decode, call, encode.

`mount` puts it on a Falcon app under `/compute/{version}/`. Every method of the document has a route. A method that is
not served answers 501 with its name. The checks come in Google's order: the token (401), its scopes (403), whether the
method is served (501), the parameters and the body (400), the project (404).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import falcon
import msgspec
from falcon.asgi import App, Request, Response

from gstack.errors import ApiError, Problem
from gstack.gateway.access import AccessLog
from gstack.gateway.auditing import audited, outcome
from gstack.gateway.bodies import Body, Unknown, read_body
from gstack.gateway.call import (
    UNDECLARED,
    Call,
    Caller,
    Links,
    Method,
    Served,
    Services,
    served,
    why_unserved,
)
from gstack.gateway.discovery import VERSIONS, methods, schema
from gstack.gateway.fields import Selection, parse_fields, select
from gstack.gateway.hosts import Hosts
from gstack.gateway.kinds import with_kinds
from gstack.gateway.operations import warning_to_gce
from gstack.gateway.parameters import Query, read_parameters
from gstack.gateway.routes import Bound, routes
from gstack.gateway.wire import envelope_errors, read_limited, send_json
from gstack.gateway.zone_names import in_alias


def mount(app: App[Request, Response], services: Services, functions: Mapping[str, Served] | None = None) -> None:
    """Serve Google's API on the app, log its requests and turn all its errors into envelopes.

    `functions` are the served functions by method id. Without it, they are all that `serves` has registered, so import
    gstack.resources before. Raises ValueError for an id that Google's document does not have.
    """
    documented, functions = methods(), served() if functions is None else functions
    if unknown := functions.keys() - documented.keys():
        raise ValueError(f"no such methods in Google's document: {', '.join(sorted(unknown))}")
    app.add_middleware(AccessLog())
    envelope_errors(app)
    endpoint = Endpoint(services, functions)
    for template, verbs in routes(documented).items():
        app.add_route(f"/compute/{{version}}/{template}", _Path(endpoint, verbs))


class Endpoint:
    """Serves a request: from Falcon's request to a resource's function and back."""

    def __init__(self, services: Services, functions: Mapping[str, Served]) -> None:
        self._services = services
        self._functions = functions
        self._hosts = Hosts(services.settings)
        self._limit = services.settings.server.body_limit

    async def answer(
        self, req: Request, resp: Response, version: str, bounds: Mapping[str, Bound], segments: dict[str, str]
    ) -> None:
        """Answer a request on a path that has the methods `bounds`, by HTTP verb."""
        if version not in VERSIONS:
            raise falcon.HTTPNotFound
        verb, query, form = await self._verb_and_query(req)
        bound = _bound(bounds, verb)
        method = bound.method
        req.context.method_id = method.id
        caller = await self._services.guard(req)
        values = bound.path_values(segments)
        with audited(self._services.audit, req, method, caller, str(values.get("project", ""))) as facts:
            function = self._served(method, caller)
            selection = _selection(method, query)
            params = read_parameters(method, values, query)
            body = (
                Body({}) if form or method.request is None else read_body(method, await read_limited(req, self._limit))
            )
            root = self._hosts.root(req.get_header("Host") or "", req.scheme)
            links = Links.to_client(f"{root}/compute/{version}/", req.user_agent or "")
            call = await self._call(method, function, caller, params, body.fields, links)
            _warn_of_unknown(call, body.unknown)
            result = await self._in_the_name_sent(call, await _result(call, function))
            facts.update(outcome(result))
        _reply(req, resp, call, result, selection)

    async def _in_the_name_sent(self, call: Call, result: Any) -> Any:
        """Name the zone of the URL in the answer as the URL does, if that is its alias."""
        zone = call.params.get("zone")
        if not zone or not result:
            return result
        if isinstance(result, dict) and str(result.get("zone", "")).endswith(f"/zones/{zone}"):
            return result  # it is the name in lists. An operation is shown even while CloudStack is silent
        listed = await self._services.listed_zone(call.cloudstack, zone)
        return in_alias(msgspec.to_builtins(result), listed, zone) if listed != zone else result

    def _served(self, method: Method, caller: Caller) -> Served:
        """Return the function of a method. Problem 403 if this caller may not call it, 501 if it is not served."""
        _check_scopes(method, caller)
        function = self._functions.get(method.id)
        if function is None:
            raise Problem.not_implemented(method.id, why_unserved(method.id))
        return function

    async def _verb_and_query(self, req: Request) -> tuple[str, Query, bool]:
        """Return the intended verb, the query, and whether that came as a form, as a GET too long for a URL does."""
        override = (req.get_header("X-HTTP-Method-Override") or "").upper()
        if not override or req.method != "POST":
            return req.method, req.params, False
        if override != "GET":
            return override, req.params, False
        form = (await read_limited(req, self._limit)).decode("utf-8", "replace")
        return "GET", {**req.params, **falcon.uri.parse_query_string(form, keep_blank=True)}, True

    async def _call(
        self,
        method: Method,
        function: Served,
        caller: Caller,
        params: dict[str, Any],
        body: dict[str, Any],
        links: Links,
    ) -> Call:
        services, project = self._services, str(params.get("project", ""))
        client = services.cloudstack.client(caller.keys)
        owner = await services.resolve_owner(client, caller, project)
        if owner is None and not function.foreign:
            raise Problem.not_found(f"projects/{project}")
        return Call(
            method=method,
            caller=caller,
            project=owner.name if owner and project.isdecimal() else project,  # show the name
            owner=owner,
            params=params,
            body=body,
            cloudstack=client.in_project(owner.project) if owner else client,
            sidecar=services.sidecar,
            journal=services.journal,
            settings=services.settings,
            links=links,
        )


async def _result(call: Call, function: Served) -> dict[str, Any]:
    """Return the function's answer, or the operation that the same requestId has begun, before or meanwhile."""
    if begun := await call.repeated():
        return begun
    try:
        result: dict[str, Any] = await function.function(call)
    except ApiError:
        if begun := await call.repeated():
            return begun
        raise
    return result


class _Path:
    """A Falcon resource: a path of the document with its verbs, and with POST, which may carry a long GET."""

    def __init__(self, endpoint: Endpoint, bounds: Mapping[str, Bound]) -> None:
        self._endpoint = endpoint
        self._bounds = bounds
        for verb in {"POST", *bounds}:
            setattr(self, f"on_{verb.lower()}", self._answer)

    async def _answer(self, req: Request, resp: Response, version: str, **segments: str) -> None:
        await self._endpoint.answer(req, resp, version, self._bounds, segments)


def _bound(bounds: Mapping[str, Bound], verb: str) -> Bound:
    if verb not in bounds:
        raise falcon.HTTPMethodNotAllowed(sorted(bounds))
    return bounds[verb]


def _check_scopes(method: Method, caller: Caller) -> None:
    if caller.scopes and caller.scopes.isdisjoint(method.scopes):
        message = "Request had insufficient authentication scopes."
        raise Problem.forbidden(message, "insufficientPermissions")


def _selection(method: Method, query: Query) -> Selection:
    if (alt := _last(query, "alt")) not in {"", "json"}:
        raise Problem.invalid("alt", f"'{alt}'. This server answers only JSON. Send alt=json, or leave it out.")
    return parse_fields(_last(query, "fields"), method.response)


def _last(query: Query, name: str) -> str:
    sent = query.get(name, "")
    return sent if isinstance(sent, str) else sent[-1]


def _warn_of_unknown(call: Call, unknown: Iterable[Unknown]) -> None:
    """Tell the client which fields were ignored. The operation, or the list, carries the warnings."""
    for field in unknown:
        hint = f" Did you mean '{field.similar}'?" if field.similar else ""
        call.warn(UNDECLARED, f"The unknown field '{field.path}' was ignored.{hint}", field=field.path)


def _reply(req: Request, resp: Response, call: Call, result: Any, selection: Selection) -> None:
    if call.method.response is None:
        resp.status = 204
        return
    whole = with_kinds(call.method.response, _with_warning(call, result))
    raw = msgspec.json.encode(select(whole, selection))
    pretty = req.get_param("prettyPrint", default="").lower() == "true"
    send_json(req, resp, msgspec.json.format(raw) if pretty else raw)


def _with_warning(call: Call, result: Any) -> Any:
    """Add the first warning of a read to an answer that has a field for it, as lists have."""
    if not call.warnings or "warning" not in schema(call.method.response or "").get("properties", {}):
        return result
    return {"warning": warning_to_gce(call.warnings[0]), **result}


__all__ = ["Endpoint", "Services", "mount"]
