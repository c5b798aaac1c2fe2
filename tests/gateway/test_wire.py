"""Bytes in and out."""

import gzip
from typing import Any

import falcon
import pytest
from falcon.asgi import App, Request, Response
from falcon.testing import TestClient

from gstack.errors import Problem
from gstack.gateway.wire import envelope_errors, read_limited, send_json

PACKED = gzip.compress(b'{"name": "x"}', mtime=0)


class Echo:
    async def on_post(self, req: Request, resp: Response) -> None:
        send_json(req, resp, await read_limited(req, 10_000))

    async def on_get(self, req: Request, _: Response) -> None:
        raise {
            "fault": KeyError("a secret"),
            "problem": Problem.rate_limited("Slower.", 7),
            "falcon": falcon.HTTPBadRequest(description="Bad header."),
            "backend": Problem.backend("Later.", internal="a secret"),
        }[req.get_param("raise") or ""]


@pytest.fixture
def client() -> TestClient:
    app: App[Request, Response] = App()
    envelope_errors(app)
    app.add_route("/echo", Echo())
    return TestClient(app)


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip, deflate", True), ("gzip;q=0", False), ("br", False), ("", False), ("*", True), ("GZIP ; q=0.5", True)],
)
def test_large_answers_are_packed_for_clients_that_take_it(client: TestClient, accepted: str, packed: bool) -> None:
    """Accept-Encoding decides, weights included."""
    body = b'"' + b"x" * 9000 + b'"'
    result = client.simulate_post("/echo", body=body, headers={"Accept-Encoding": accepted})
    assert (result.headers.get("content-encoding") == "gzip") == packed
    assert (gzip.decompress(result.content) if packed else result.content) == body
    assert result.headers["vary"] == "Accept-Encoding"


def test_small_answers_are_sent_as_they_are(client: TestClient) -> None:
    """Packing a few bytes gains nothing."""
    result = client.simulate_post("/echo", body=b"{}", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in result.headers


def test_bodies_beyond_the_limit_are_refused(client: TestClient) -> None:
    """Too large is 413, in Google's envelope."""
    result = client.simulate_post("/echo", body=b"x" * 10_001)
    assert (result.status_code, result.json["error"]["errors"][0]["reason"]) == (413, "uploadTooLarge")


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", PACKED, 200),
        ("identity", b'{"name": "x"}', 200),
        ("gzip", b'{"name": "x"}', 400),
        ("gzip", PACKED[:-4], 400),
        ("gzip", PACKED + PACKED, 400),
        ("gzip", PACKED + b"more", 400),
        ("gzip", gzip.compress(b"x" * 10_001, mtime=0), 413),
        ("br", b"x", 415),
    ],
)
def test_packed_bodies(client: TestClient, coding: str, body: bytes, status: int) -> None:
    """Google's Java clients pack bodies; the limit counts what is in them, and half of one is none."""
    result = client.simulate_post("/echo", body=body, headers={"Content-Encoding": coding})
    assert result.status_code == status
    assert result.json == {"name": "x"} if status == 200 else result.json["error"]["code"] == status


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        ("fault", 500, "backendError"),
        ("problem", 429, "rateLimitExceeded"),
        ("falcon", 400, "badRequest"),
        ("backend", 503, "backendError"),
    ],
)
def test_every_error_is_an_envelope(client: TestClient, what: str, status: int, reason: str) -> None:
    """Faults, Problems and Falcon's errors look like Google's, and nothing inside leaks."""
    result = client.simulate_get("/echo", query_string=f"raise={what}")
    error: dict[str, Any] = result.json["error"]
    assert (result.status_code, error["code"], error["errors"][0]["reason"]) == (status, status, reason)
    assert "secret" not in result.text
    assert result.headers.get("retry-after") == ("7" if what == "problem" else None)


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [("GET", "/nowhere", 404, "notFound"), ("PUT", "/echo", 405, "httpMethodNotAllowed"), ("HEAD", "/echo", 405, None)],
)
def test_the_routers_errors_are_envelopes_too(
    client: TestClient, method: str, path: str, status: int, reason: str | None
) -> None:
    """Unknown URLs and verbs are answered in Google's form."""
    result = client.simulate_request(method, path)
    assert result.status_code == status
    assert reason is None or result.json["error"]["errors"][0]["reason"] == reason
    assert status != 405 or "POST" in result.headers["allow"]
