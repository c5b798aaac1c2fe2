"""Discovery documents: Google's document with this server's URLs, so that clients built from it come here.

google-api-python-client and gcutil fetch it. As with Google, it needs no authorisation, and a token is ignored.

Only a few fields at its beginning differ between hosts and versions. The rest, about a megabyte, is encoded and
compressed once for all answers, and each answer is sent in pieces, so that many clients that read slowly cost little.
"""

import hashlib
import struct
import zlib
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import falcon
import msgspec
from falcon.asgi import App, Request, Response

from gstack.config import Settings
from gstack.gateway.discovery import VERSIONS, document
from gstack.gateway.hosts import Hosts
from gstack.gateway.wire import send_json, takes_gzip

_PIECE = 65_536  # bytes
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no name, no time


def mount(app: App[Request, Response], settings: Settings) -> None:
    """Serve the documents on the app, under Google's old and new addresses."""
    documents = _Documents(Hosts(settings))
    app.add_route("/discovery/v1/apis", _Directory(Hosts(settings)))
    app.add_route("/discovery/v1/apis/compute/{version}/rest", documents)
    app.add_route("/$discovery/rest", documents)


def described(root: str, version: str) -> dict[str, Any]:
    """Return the fields of the document that differ between hosts. `root` is such as `https://localhost:5000`."""
    return {
        "id": f"compute:{version}",
        "version": version,
        "rootUrl": f"{root}/",
        "baseUrl": f"{root}/compute/{version}/",
        "basePath": f"/compute/{version}/",
        "servicePath": f"compute/{version}/",
        "batchPath": f"batch/compute/{version}",
    }


class _Rest(msgspec.Struct, frozen=True):
    """The end of the document, which all hosts share: the encoded JSON behind the fields of `described`."""

    raw: bytes
    deflated: bytes
    digest: bytes


@cache
def _rest() -> _Rest:
    fields = {name: value for name, value in document().items() if name not in described("", "")}
    raw = b"," + msgspec.json.encode(fields)[1:]
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return _Rest(raw, packer.compress(raw) + packer.flush(), hashlib.sha256(raw).digest())


class _Documents:
    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def on_get(self, req: Request, resp: Response, version: str = "") -> None:
        requested = version or req.get_param("version", default="v1")
        if requested not in VERSIONS:
            raise falcon.HTTPNotFound
        req.context.method_id = "discovery"
        begin, rest = msgspec.json.encode(described(_root(self._hosts, req), requested))[:-1], _rest()
        tag = f'W/"{hashlib.sha256(begin + rest.digest).hexdigest()[:32]}"'  # weak: the same with and without gzip
        resp.set_headers({"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"})
        if tag in (req.get_header("If-None-Match") or ""):
            resp.status = falcon.HTTP_NOT_MODIFIED
            return
        resp.content_type = "application/json; charset=UTF-8"
        pieces = [begin, rest.raw]
        if takes_gzip(req):
            resp.set_header("Content-Encoding", "gzip")
            pieces = _packed(begin, rest)
        resp.content_length = sum(map(len, pieces))
        resp.stream = _in_pieces(pieces)


def _packed(begin: bytes, rest: _Rest) -> list[bytes]:
    """Return one gzip member of both parts. Only the beginning is compressed for this answer."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    head = packer.compress(begin) + packer.flush(zlib.Z_SYNC_FLUSH)  # ends on a byte, so that the rest can follow
    checksum = zlib.crc32(rest.raw, zlib.crc32(begin))
    return [_GZIP_HEADER + head, rest.deflated, struct.pack("<II", checksum, len(begin) + len(rest.raw))]


async def _in_pieces(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        for start in range(0, len(part), _PIECE):
            yield part[start : start + _PIECE]


class _Directory:
    """The list of APIs: this one under each of its names."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def on_get(self, req: Request, resp: Response) -> None:
        req.context.method_id = "discovery"
        items = [_entry(_root(self._hosts, req), version) for version in VERSIONS]
        answer = {"kind": "discovery#directoryList", "discoveryVersion": "v1", "items": items}
        send_json(req, resp, msgspec.json.encode(answer))


def _root(hosts: Hosts, req: Request) -> str:
    return hosts.root(req.get_header("Host") or "", req.scheme)


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
