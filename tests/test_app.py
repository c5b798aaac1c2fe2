"""The app as a whole: health, old HTTP, and that every served method is one of Google's."""

import socket
import ssl

from fixtures.gce import Gce
from fixtures.servers import Stack
from gstack import resources
from gstack.gateway.call import served
from gstack.gateway.discovery import methods


def test_health_needs_no_token(product: Stack, gce: Gce) -> None:
    """/healthz says that the worker answers, and the version."""
    answer = gce.session.get(f"{product.app.url}/healthz", timeout=10)
    assert answer.json()["status"] == "ok"


def test_http_1_0_is_spoken(product: Stack) -> None:
    """Nginx proxies by HTTP/1.0 unless told otherwise."""
    context = ssl.create_default_context(cafile=str(product.app.authority))
    port = product.settings.server.port
    plain = socket.create_connection(("127.0.0.1", port))
    with plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = connection.recv(4096)
    assert b" 200 " in answer.splitlines()[0]


def test_the_issue_s_methods_are_served() -> None:
    """Every row of the first gstack and what belongs to it."""
    resources.load()
    rows = {
        "zones": "get list", "regions": "get list", "machineTypes": "get list aggregatedList",
        "diskTypes": "get list aggregatedList", "projects": "get setCommonInstanceMetadata",
        "images": "get list getFromFamily", "imageFamilyViews": "get", "disks": "get list aggregatedList",
        "firewalls": "insert delete get list patch update", "networks": "get list",
        "subnetworks": "get list aggregatedList",
        "instances": "insert delete setDiskAutoDelete get list aggregatedList",
        "zoneOperations": "get list wait delete", "regionOperations": "get list wait delete",
        "globalOperations": "get list wait delete aggregatedList",
    }  # fmt: skip
    wanted = {f"compute.{collection}.{verb}" for collection, verbs in rows.items() for verb in verbs.split()}
    assert wanted <= set(served()) <= set(methods())
