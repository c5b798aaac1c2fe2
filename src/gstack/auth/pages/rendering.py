"""Rendering: plain HTML without scripts, and nothing loaded from elsewhere. Jinja2 escapes every value."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import falcon.asgi
import structlog
from authlib.oauth2.base import OAuth2Error
from jinja2 import Environment, PackageLoader, StrictUndefined

from gstack.errors import ApiError

_log = structlog.get_logger("gstack.pages")
_LOADER = PackageLoader("gstack.auth.pages")
_TEMPLATES = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


class _File:
    """A static file. Its name changes with its content, so that browsers may cache it for ever."""

    def __init__(self, name: str, media: str) -> None:
        self.text = _TEMPLATES.get_template(name).render()
        self.media = media
        stem, _, extension = name.rpartition(".")
        self.path = f"/pages/{stem}-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}.{extension}"


_STYLE = _File("style.css", "text/css; charset=utf-8")
_ICON = _File("icon.svg", "image/svg+xml")
FILES = {file.path: file for file in (_STYLE, _ICON)}

HEADERS = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ERROR_TITLES = {
    403: "This is not allowed",
    404: "This does not exist",
    429: "Too many tries",
    500: "Something went wrong",
    503: "The cloud does not answer",
}
_OTHER_ERROR = "This request cannot be granted"


def _content_security_policy(form_target: str = "") -> str:
    """Return the policy of a page. Browsers apply `form-action` to the redirect that a form leads to as well."""
    form_action = f"'self' {form_target}".strip()
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action {form_action}; frame-ancestors 'none'"
    )


def show(
    response: falcon.asgi.Response, template: str, title: str, status: int = 200, form_target: str = "", **facts: Any
) -> None:
    """Answer with a page. `form_target` is another origin that its forms may lead to."""
    response.status = status
    response.set_headers(HEADERS | {"Content-Security-Policy": _content_security_policy(form_target)})
    response.content_type = "text/html; charset=utf-8"
    paths = {"style": _STYLE.path, "icon": _ICON.path}
    response.text = _TEMPLATES.get_template(template).render(title=title, **paths, **facts)


def show_error(response: falcon.asgi.Response, error: str, message: str, status: int = 400) -> None:
    """Answer with a page that says what is wrong and what to do. `error` is RFC 6749's or Google's word for it."""
    show(response, "error.html", _ERROR_TITLES.get(status, _OTHER_ERROR), status, error=error, message=message)


def redirect(response: falcon.asgi.Response, path: str) -> None:
    """Send the browser to the next page after a form."""
    response.set_headers(HEADERS | {"Content-Security-Policy": _content_security_policy()})
    response.status = 303
    response.location = path


async def answer(response: falcon.asgi.Response, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work of a page. Every error becomes a page too."""
    try:
        await work()
    except OAuth2Error as error:
        show_error(response, error.error, error.get_error_description(), error.status_code)
    except ApiError as problem:
        _log.info("page refused", status=problem.status, why=problem.internal or problem.message)
        show_error(response, problem.reason, problem.message, problem.status)
        if "Retry-After" in problem.headers:
            response.set_header("Retry-After", problem.headers["Retry-After"])
    except Exception:  # noqa: BLE001  # people get a page, whatever it is
        _log.exception("a page failed")
        show_error(response, "backendError", "This server failed. The error was recorded. Try again later.", 500)


class FileEndpoint:
    """GET the style sheet or the icon."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        file = FILES[request.path]
        response.set_headers(HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"})
        response.delete_header("Pragma")
        response.content_type, response.text = file.media, file.text
