"""The access log: one line per request, with Google's method and the request's id.

The id is the client's X-Request-Id, or a new one, and the answer carries it. Every line that is logged while the
request is served has the id and the client's address, including lines of the operation that the request began.
"""

import re
import secrets
import time
from typing import Any

import structlog
from falcon.asgi import Request, Response

_UNSAFE = re.compile(r"[^A-Za-z0-9._:/+=-]")
_LONGEST = 64  # characters of an id
_log = structlog.get_logger("gstack.access")


class AccessLog:
    """Falcon middleware. In the request's context, the endpoint sets `method_id` and error handlers set `reason`."""

    async def process_request(self, req: Request, _: Response) -> None:
        req.context.began = time.perf_counter()
        sent = (req.get_header("X-Request-Id") or "")[:_LONGEST]
        req.context.id = _UNSAFE.sub("_", sent) or secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(id=req.context.id, address=req.remote_addr)

    async def process_response(self, req: Request, resp: Response, _: Any, __: bool) -> None:
        context = req.context
        resp.set_header("X-Request-Id", context.id)
        if req.path == "/healthz":
            return
        _log.info(
            "request",
            method=getattr(context, "method_id", f"{req.method} {req.path}"),  # the query may have secrets
            status=resp.status_code,
            reason=getattr(context, "reason", None),
            message=getattr(context, "message", None),
            ms=round((time.perf_counter() - context.began) * 1000, 2),
            id=context.id,
        )
