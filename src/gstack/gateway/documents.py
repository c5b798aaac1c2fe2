"""Discovery documents: Google's document with this server's URLs, so that clients built from it come here.

google-api-python-client and gcutil fetch it. It needs no authorisation, as with Google; a token is not looked at.
"""

import gzip
from functools import lru_cache
from typing import Any

import falcon
import msgspec
from falcon.asgi import App, Request, Response

from gstack.config import Settings
from gstack.gateway.discovery import VERSIONS, document
from gstack.gateway.hosts import Hosts
from gstack.gateway.wire import send_json, takes_gzip

_KEPT = 8  # encoded documents kept, per host and version; about a megabyte each


def mount(app: App[Request, Response], settings: Settings) -> None:
    """Serve the documents on the app, under Google's old and new addresses."""
    documents = _Documents(Hosts(settings))
    app.add_route("/discovery/v1/apis", _Directory(Hosts(settings)))
    app.add_route("/discovery/v1/apis/compute/{version}/rest", documents)
    app.add_route("/$discovery/rest", documents)


def described(root: str, version: str) -> dict[str, Any]:
    """Return the whole document as the server at `root` (`https://localhost:5000`) gives it."""
    return document() | {
        "id": f"compute:{version}",
        "version": version,
        "rootUrl": f"{root}/",
        "baseUrl": f"{root}/compute/{version}/",
        "basePath": f"/compute/{version}/",
        "servicePath": f"compute/{version}/",
        "batchPath": f"batch/compute/{version}",
    }


class _Documents:
    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._encoded = lru_cache(_KEPT)(_encoded)

    async def on_get(self, req: Request, resp: Response, version: str = "") -> None:
        wanted = version or req.get_param("version", default="v1")
        if wanted not in VERSIONS:
            raise falcon.HTTPNotFound
        req.context.method_id = "discovery"
        raw, packed = self._encoded(_root(self._hosts, req), wanted)
        if not takes_gzip(req):
            send_json(req, resp, raw)
            return
        resp.content_type = "application/json; charset=UTF-8"
        resp.set_headers({"Content-Encoding": "gzip", "Vary": "Accept-Encoding"})
        resp.data = packed


class _Directory:
    """The list of APIs: ours under its names."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def on_get(self, req: Request, resp: Response) -> None:
        req.context.method_id = "discovery"
        items = [_entry(_root(self._hosts, req), version) for version in VERSIONS]
        answer = {"kind": "discovery#directoryList", "discoveryVersion": "v1", "items": items}
        send_json(req, resp, msgspec.json.encode(answer))


def _root(hosts: Hosts, req: Request) -> str:
    return hosts.root(req.get_header("Host") or "", req.scheme)


def _encoded(root: str, version: str) -> tuple[bytes, bytes]:
    raw = msgspec.json.encode(described(root, version))
    return raw, gzip.compress(raw, compresslevel=6, mtime=0)


def _entry(root: str, version: str) -> dict[str, Any]:
    return {
        "kind": "discovery#directoryItem",
        "id": f"compute:{version}",
        "name": "compute",
        "version": version,
        "title": "Compute Engine API",
        "discoveryRestUrl": f"{root}/discovery/v1/apis/compute/{version}/rest",
        "discoveryLink": f"./apis/compute/{version}/rest",
        "preferred": version == "v1",
    }
