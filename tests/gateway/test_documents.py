"""Discovery documents."""

import gzip
import json
from collections.abc import Callable

import pytest
from falcon.testing import TestClient
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build_from_document

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
