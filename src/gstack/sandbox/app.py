"""The sandbox as an ASGI application: `/client/api` speaks CloudStack, `/faults` sets the fault switches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import falcon
import falcon.asgi
import msgspec

from gstack.sandbox.dispatch import Reply, Sandbox
from gstack.sandbox.faults import Fault, FaultBoard
from gstack.sandbox.settings import SandboxSettings
from gstack.sandbox.xml import to_xml

API_PATH = "/client/api"
BODY_LIMIT = 1024 * 1024  # CloudStack answers a form near 1 MB with an HTML 404
PROMISED = 100  # bytes of an answer that is broken off after the first
FLUSH_SECONDS = 0.02
LOOPBACK = ("127.0.0.1", "::1", "localhost", "")


def create_app(settings: SandboxSettings) -> Any:
    """Return the ASGI application of one sandbox."""
    return application(Sandbox(settings))


def application(sandbox: Sandbox) -> Any:
    """Return the ASGI application of an existing sandbox."""
    app = falcon.asgi.App(middleware=_Lifespan(sandbox))
    app.add_route(API_PATH, _Api(sandbox))
    app.add_route("/faults", _Faults(sandbox.faults))
    return app


class _Lifespan:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002  # falcon's
        self._sandbox.start()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002  # falcon's
        await self._sandbox.stop()


class _Api:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await self._serve(request, response, _pairs(request.query_string))

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        body = await request.stream.read(BODY_LIMIT + 1)
        if len(body) >= BODY_LIMIT:
            await request.stream.exhaust()
            response.status, response.content_type = 404, "text/html;charset=utf-8"
            response.text = "<html><body><h2>HTTP ERROR 404 Not Found</h2></body></html>"
            return
        form = _pairs(body.decode("utf-8", "replace"))
        await self._serve(request, response, _pairs(request.query_string) | form)

    async def _serve(self, request: falcon.asgi.Request, response: falcon.asgi.Response, sent: dict[str, str]) -> None:
        self._sandbox.start()
        names = {key.lower(): value for key, value in sent.items()}
        command = names.get("command", "")
        fault = self._sandbox.faults.hit(command, "slow", "error", "drop", "lost")
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "error":
            response.status, response.text = fault.status, "The fault switches of the sandbox answer this."
            return
        if fault and fault.kind == "drop":
            _break_off(response)
            return
        reply = self._sandbox.answer(sent, request.cookies, request.method)
        _render(reply, response, names.get("response", "xml"))
        if fault and fault.kind == "lost":
            _break_off(response)


class _Faults:
    def __init__(self, board: FaultBoard) -> None:
        self._board = board

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        _from_here_only(request)
        _give(response, msgspec.json.encode(self._board.all()))

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        _from_here_only(request)
        try:
            fault = msgspec.json.decode(await request.stream.read(), type=Fault)
        except msgspec.MsgspecError as error:
            raise falcon.HTTPBadRequest(title="This is no fault rule.", description=str(error)) from None
        self._board.add(fault)
        _give(response, msgspec.json.encode(fault))

    async def on_delete(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        _from_here_only(request)
        self._board.clear()
        response.status = 204


def _from_here_only(request: falcon.asgi.Request) -> None:
    if request.remote_addr not in LOOPBACK:
        raise falcon.HTTPForbidden(description="Fault switches are set from the sandbox's own machine only.")


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _give(response: falcon.asgi.Response, data: bytes) -> None:
    response.content_type = "application/json;charset=UTF-8"
    response.data = data


def _render(reply: Reply, response: falcon.asgi.Response, form: str) -> None:
    response.status = reply.status
    for name, value in reply.cookies.items():
        if value:
            response.set_cookie(name, value, path="/client", secure=False, http_only=True)
        else:
            response.unset_cookie(name, path="/client")
    if isinstance(reply.body, str):
        response.content_type, response.text = "text/plain;charset=UTF-8", reply.body
    elif form.lower() == "json":
        _give(response, msgspec.json.encode(reply.body))
    else:
        response.content_type, response.text = "text/xml;charset=UTF-8", to_xml(reply.body)


def _break_off(response: falcon.asgi.Response) -> None:
    """Announce more bytes than are sent, so that the server closes the connection in the middle of the answer."""
    response.status, response.data, response.text = 200, None, None
    response.set_stream(_broken(), PROMISED)


async def _broken() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.sleep(FLUSH_SECONDS)
    raise ConnectionAbortedError("the fault switches break this connection off")
