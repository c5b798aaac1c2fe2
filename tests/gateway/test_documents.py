"""Discovery documents."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from falcon.asgi import App, Request, Response
from falcon.testing import TestClient, create_scope
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build_from_document

from gstack.gateway import documents
from gstack.gateway.call import Services

Gateway = Callable[..., TestClient]


@pytest.mark.parametrize("version", ["v1", "beta", "alpha", "v1beta16"])
@pytest.mark.parametrize("path", ["/discovery/v1/apis/compute/{}/rest", "/$discovery/rest?version={}"])
def test_the_document_names_this_server(gateway: Gateway, path: str, version: str) -> None:
    """Every URL is the one that was asked, without a token, and leads back here."""
    client = gateway({}, token="")
    found = client.simulate_get(path.format(version), host="localhost", port=5000, protocol="https").json
    assert found["rootUrl"] == "https://localhost:5000/"
    assert found["baseUrl"] == f"https://localhost:5000/compute/{version}/"
    assert (found["servicePath"], found["batchPath"]) == (f"compute/{version}/", f"batch/compute/{version}")
    assert (found["version"], found["name"]) == (version, "compute")
    assert "mtlsRootUrl" not in found


def test_the_document_has_all_methods_and_schemas(gateway: Gateway) -> None:
    """Clients built from it know every method, and names that CloudStack may own pass their checks."""
    found = gateway({}).simulate_get("/discovery/v1/apis/compute/v1/rest", host="localhost", port=5000).json
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth's
    service = build_from_document(found, credentials=anonymous)
    request = service.instances().get(project="brogand93@darrenbrogan.ie", zone="Sandbox-simulator", instance="VM 1")
    assert request.uri.startswith("https://localhost:5000/compute/v1/projects/")
    assert len(found["schemas"]) > 1000


def test_the_document_is_packed_for_clients_that_take_it(gateway: Gateway) -> None:
    """It is large; gzip makes it small, and it is the same."""
    client = gateway({})
    path = "/discovery/v1/apis/compute/v1/rest"
    packed = client.simulate_get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.content)) == client.simulate_get(path).json


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_an_unchanged_document_is_not_sent_again(gateway: Gateway, encoding: str) -> None:
    """The ETag is of the content: a client that has the document gets 304, another host or version has another tag."""
    client, headers = gateway({}), {"Accept-Encoding": encoding}
    path = "/discovery/v1/apis/compute/v1/rest"
    first = client.simulate_get(path, host="localhost", headers=headers)
    assert int(first.headers["content-length"]) == len(first.content)
    again = client.simulate_get(path, host="localhost", headers=headers | {"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    for other in ({"path": path, "host": "gce.example.com"}, {"path": path.replace("v1/rest", "beta/rest")}):
        answer = client.simulate_get(**{"host": "localhost"} | other, headers={"If-None-Match": first.headers["etag"]})
        assert answer.status_code == 200


def test_a_document_is_sent_in_pieces(services: Services) -> None:
    """No answer holds a megabyte at once, so clients that read slowly cost the server little."""
    app: App[Request, Response] = App()
    documents.mount(app, services.settings)
    for encoding in (b"identity", b"gzip"):
        sizes = asyncio.run(pieces(app, encoding))
        assert max(sizes) <= 65_536
        assert sum(sizes) > 50_000


async def pieces(app: Any, encoding: bytes) -> list[int]:
    """The sizes of the pieces in which an app sends the document."""
    sizes: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sizes.append(len(event.get("body", b"")))

    path = "/discovery/v1/apis/compute/v1/rest"
    scope = create_scope(path=path, headers={"Accept-Encoding": encoding.decode()})
    await app(scope, receive, send)
    return sizes


def test_hosts_have_documents_of_their_own(gateway: Gateway) -> None:
    """What one host was told is not told to another; unknown hosts get the public URL."""
    client = gateway({})
    roots = [
        client.simulate_get("/discovery/v1/apis/compute/v1/rest", host=host, protocol="https").json["rootUrl"]
        for host in ("gce.example.com", "compute.googleapis.com", "evil.com")
    ]
    assert roots == ["https://gce.example.com/", "https://www.googleapis.com/", "https://localhost:5000/"]


@pytest.mark.parametrize("path", ["/discovery/v1/apis/compute/v2/rest", "/discovery/v1/apis/storage/v1/rest"])
def test_other_documents_are_not_found(gateway: Gateway, path: str) -> None:
    """Only Compute is here."""
    result = gateway({}).simulate_get(path)
    assert (result.status_code, result.json["error"]["code"]) == (404, 404)


def test_the_directory_lists_the_versions(gateway: Gateway) -> None:
    """`apis` tells where each version's document is; v1 is preferred."""
    items = gateway({}).simulate_get("/discovery/v1/apis", host="localhost", port=5000).json["items"]
    assert {item["id"] for item in items} == {"compute:v1", "compute:beta", "compute:alpha", "compute:v1beta16"}
    assert [item["version"] for item in items if item["preferred"]] == ["v1"]
    assert items[0]["discoveryRestUrl"] == "https://localhost:5000/discovery/v1/apis/compute/v1/rest"
