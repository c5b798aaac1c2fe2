"""Pages: plain HTML, no script, nothing loaded from anywhere. Every value is escaped by Jinja2."""

import base64
import hashlib
from typing import Any

import falcon.asgi
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_PAGES = Environment(loader=PackageLoader("gstack.auth"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_STYLE = _PAGES.get_template("style.css").render()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}


def show(response: falcon.asgi.Response, template: str, title: str, status: int = 200, **facts: Any) -> None:
    """Answer with a page."""
    response.status = status
    response.set_headers(HEADERS)
    response.content_type = "text/html; charset=utf-8"
    style = Markup(_STYLE)  # noqa: S704  # our own file, whose hash the policy names
    response.text = _PAGES.get_template(template).render(title=title, style=style, **facts)


def show_error(response: falcon.asgi.Response, error: str, message: str, status: int = 400) -> None:
    """Answer with a page that says what is wrong and what to do. `error` is a word of RFC 6749."""
    show(response, "error.html", "This request cannot be granted", status, error=error, message=message)
