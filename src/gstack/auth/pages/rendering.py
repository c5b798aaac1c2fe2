"""Pages: plain HTML, no script, nothing loaded from elsewhere. Every value is escaped by Jinja2."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import falcon.asgi
import structlog
from authlib.oauth2.base import OAuth2Error
from jinja2 import Environment, PackageLoader, StrictUndefined

from gstack.errors import ApiError

_log = structlog.get_logger("gstack.pages")
_TEMPLATES = PackageLoader("gstack.auth.pages")
_PAGES = Environment(loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


class _File:
    """A file of ours beside the pages; its name changes with its content, so browsers may keep it."""

    def __init__(self, name: str, media: str) -> None:
        self.text = _PAGES.get_template(name).render()
        self.media = media
        stem, _, end = name.rpartition(".")
        self.path = f"/pages/{stem}-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}.{end}"


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
_TITLES = {
    403: "This is not allowed",
    404: "This is not here",
    429: "Too many tries",
    500: "This went wrong",
    503: "The cloud does not answer",
}
_OTHER = "This request cannot be granted"


def policy(form_target: str = "") -> str:
    """Return the Content-Security-Policy of a page. Browsers hold a form's redirect to `form-action` too."""
    form_action = f"'self' {form_target}".strip()
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action {form_action}; frame-ancestors 'none'"
    )


def show(
    response: falcon.asgi.Response, template: str, title: str, status: int = 200, form_target: str = "", **facts: Any
) -> None:
    """Answer with a page. `form_target` is where, but for ourselves, its forms may lead."""
    response.status = status
    response.set_headers(HEADERS | {"Content-Security-Policy": policy(form_target)})
    response.content_type = "text/html; charset=utf-8"
    paths = {"style": _STYLE.path, "icon": _ICON.path}
    response.text = _PAGES.get_template(template).render(title=title, **paths, **facts)


def show_error(response: falcon.asgi.Response, error: str, message: str, status: int = 400) -> None:
    """Answer with a page that says what is wrong and what to do. `error` is a word of RFC 6749 or of Google's."""
    show(response, "error.html", _TITLES.get(status, _OTHER), status, error=error, message=message)


def lead(response: falcon.asgi.Response, path: str) -> None:
    """Answer a form with the way to the next page."""
    response.set_headers(HEADERS | {"Content-Security-Policy": policy()})
    response.status = 303
    response.location = path


async def lead_home(_endpoint: object, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
    """`on_get` of where forms are sent to: who opens its address from the browser's history comes to the start page."""
    lead(response, "/")


async def answer(response: falcon.asgi.Response, work: Callable[[], Awaitable[None]]) -> None:
    """Do what a page asks for; every error is a page."""
    try:
        await work()
    except OAuth2Error as error:
        show_error(response, error.error, error.get_error_description(), error.status_code)
    except ApiError as problem:
        _log.info("page refused", status=problem.status, why=problem.internal or problem.message)
        show_error(response, problem.reason, problem.message, problem.status)
        if "Retry-After" in problem.headers:
            response.set_header("Retry-After", problem.headers["Retry-After"])
    except Exception:  # noqa: BLE001  # whatever it is, people get a page
        _log.exception("a page failed")
        show_error(response, "backendError", "This server failed. It was recorded; try again later.", 500)


class FileEndpoint:
    """GET the style sheet or the icon."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        file = FILES[request.path]
        response.set_headers(HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"})
        response.delete_header("Pragma")
        response.content_type, response.text = file.media, file.text
