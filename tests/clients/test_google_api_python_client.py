"""google-api-python-client, with the discovery document fetched from the server."""

from typing import Any

import google_auth_httplib2
import httplib2
import pytest
from google.oauth2 import service_account
from googleapiclient.discovery import build

from fixtures.servers import Stack

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture
def compute(product: Stack) -> Any:
    """The client as its documentation builds it, pointed at our discovery document."""
    credentials = service_account.Credentials.from_service_account_info(product.service_key(), scopes=[SCOPE])
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(ca_certs=str(product.app.authority)))
    credentials.refresh(_requests(product))
    url = f"{product.app.url}/discovery/v1/apis/{{api}}/{{apiVersion}}/rest"
    return build("compute", "v1", http=http, discoveryServiceUrl=url, static_discovery=False)


def _requests(product: Stack) -> Any:
    """google-auth's transport that trusts our authority; the token comes from our token endpoint."""
    import google.auth.transport.requests  # noqa: PLC0415
    import requests  # noqa: PLC0415

    session = requests.Session()
    session.verify = str(product.app.authority)
    return google.auth.transport.requests.Request(session)


def test_methods_come_from_our_document(compute: Any) -> None:
    """A raw CloudStack zone name passes the client's own pattern check, since the document relaxes it."""
    zone = compute.zones().get(project="demo", zone="Sandbox-simulator").execute()
    assert zone["name"] == "Sandbox-simulator"
    assert compute.projects().get(project="demo").execute()["name"] == "demo"


def test_a_rule_and_its_pages(compute: Any) -> None:
    """Insert, wait, list with list_next, delete."""
    body = {"name": "api-rule", "allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]}
    operation = compute.firewalls().insert(project="demo", body=body).execute()
    compute.globalOperations().wait(project="demo", operation=operation["name"]).execute()
    request, names = compute.firewalls().list(project="demo", maxResults=1), []
    while request is not None:
        answer = request.execute()
        names += [rule["name"] for rule in answer.get("items", [])]
        request = compute.firewalls().list_next(request, answer)
    assert "api-rule" in names
    assert len(names) == len(set(names))
    operation = compute.firewalls().delete(project="demo", firewall="api-rule").execute()
    compute.globalOperations().wait(project="demo", operation=operation["name"]).execute()


def test_batch(compute: Any) -> None:
    """A batch goes to our batch path; an error in one part is that part's alone."""
    answers: dict[str, Any] = {}

    def collect(name: str, answer: Any, error: Any) -> None:
        answers[name] = error or answer

    batch = compute.new_batch_http_request(callback=collect)
    batch.add(compute.zones().list(project="demo"), request_id="zones")
    batch.add(compute.images().list(project="debian-cloud"), request_id="images")
    batch.add(compute.instances().get(project="demo", zone="sandbox-east1-a", instance="nobody"), request_id="none")
    batch.execute()
    assert len(answers["zones"]["items"]) == 3
    assert answers["images"]["items"]
    assert answers["none"].resp.status == 404
