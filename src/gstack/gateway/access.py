"""The access log: one line per request, with the method of Google's that answered and the client's request id."""

import re
import time
from typing import Any

import structlog
from falcon.asgi import Request, Response

_UNSAFE = re.compile(r"[^A-Za-z0-9._:/+=-]")
_log = structlog.get_logger("gstack.access")


class AccessLog:
    """Falcon middleware. The endpoint leaves `method_id`, error handlers leave `reason` in the request's context."""

    async def process_request(self, req: Request, _: Response) -> None:
        req.context.began = time.perf_counter()

    async def process_response(self, req: Request, resp: Response, _: Any, __: bool) -> None:
        if req.path == "/healthz":
            return
        context = req.context
        _log.info(
            "request",
            method=getattr(context, "method_id", f"{req.method} {req.path}"),  # never the query: it may hold secrets
            status=resp.status_code,
            reason=getattr(context, "reason", None),
            ms=round((time.perf_counter() - getattr(context, "began", time.perf_counter())) * 1000, 2),
            id=_UNSAFE.sub("_", (req.get_header("X-Request-Id") or "")[:64]) or None,
        )
