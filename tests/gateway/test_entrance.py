"""gstack.gateway.entrance: who is turned away, and what every answer carries."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from falcon.asgi import App, Request, Response
from falcon.testing import Result, TestClient

from gstack.config import ServerSettings, Settings
from gstack.gateway.entrance import Entrance
from gstack.gateway.wire import envelope_errors


class Page:
    """Says who asks, and reads the body."""

    async def on_get(self, req: Request, resp: Response) -> None:
        resp.media = {"address": req.remote_addr, "scheme": req.scheme, "host": req.get_header("Host")}
        if req.get_param("own"):
            resp.set_header("Content-Security-Policy", "default-src 'self'")

    async def on_post(self, req: Request, resp: Response) -> None:
        resp.data = await req.stream.read()


def entrance(**server: Any) -> Entrance:
    app: App[Request, Response] = App()
    envelope_errors(app)
    for path in ("/page", "/healthz"):
        app.add_route(path, Page())
    return Entrance(app, Settings(home=Path(), server=ServerSettings(**server)))


def get(address: str = "127.0.0.1", host: str = "localhost:5000", path: str = "/page", **server: Any) -> Result:
    """Ask from an address by TLS, or plainly with `insecure_http`; other names with `_` are headers."""
    headers = {n.replace("_", "-"): server.pop(n) for n in list(server) if n.startswith("X_")}
    protocol = "http" if server.get("insecure_http") else "https"
    client = TestClient(entrance(**server))
    return client.simulate_get(path, remote_addr=address, headers=headers, host=host, protocol=protocol)


@pytest.mark.parametrize("host", ["localhost:5000", "compute.localhost", "127.0.0.1:5000", "[::1]:5000", "10.0.0.7",
                                  "gce.example.org:444", "www.googleapis.com", "accounts.google.com"])  # fmt: skip
def test_our_names_are_answered(host: str) -> None:
    """Loopback, names of the settings, Google's that are redirected here, and any address."""
    assert get(host=host, hosts=("gce.example.org",)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "google.com",
        "xgoogleapis.com",
        "a b",
        "x@localhost",
        "localhost/../x",
        "1.2.3.4.evil.example",
        "a]",
        "[a",
        "[::1",
    ],
)
def test_other_names_are_turned_away(host: str) -> None:
    """A name that somebody else points here is refused with what to do, in Google's envelope."""
    answer = get(host=host)
    assert answer.status_code == 421
    assert "server.hosts" in answer.json["error"]["message"]
    assert get(host=host, path="/healthz").status_code == 200


def test_two_hosts_are_none() -> None:
    """A second Host header could be the one that somebody else reads."""
    answer = TestClient(entrance()).simulate_get("/page", host="localhost", headers={"Host": "localhost"})
    assert answer.status_code == 400


def test_every_answer_carries_the_headers() -> None:
    """Answers, refusals and unknown paths alike; a page's own policy stands; nothing stands twice."""
    for answer in (get(), get(host="evil.example"), get(path="/nowhere")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    own = TestClient(entrance()).simulate_get("/page", params={"own": "1"}, host="localhost")
    assert own.headers["Content-Security-Policy"] == "default-src 'self'"


def test_browsers_remember_https_for_real_names_alone() -> None:
    """Strict-Transport-Security would break other servers on localhost, and means nothing for addresses."""
    known: dict[str, Any] = {"hosts": ("gce.example.org",)}
    assert "max-age" in get(host="gce.example.org", **known).headers["Strict-Transport-Security"]
    for host in ("localhost:5000", "compute.localhost", "127.0.0.1", "[::1]:5000"):
        assert "Strict-Transport-Security" not in get(host=host).headers


def test_plain_http_is_for_this_machine() -> None:
    """With `insecure_http` others are refused, whatever headers they send."""
    assert get(insecure_http=True).status_code == 200
    assert get("::1", insecure_http=True).status_code == 200
    for address in ("192.0.2.1", "10.0.0.1", "::ffff:192.0.2.1"):
        assert get(address, insecure_http=True, X_Forwarded_For="127.0.0.1").status_code == 403
        assert get(address, insecure_http=True, X_Forwarded_Proto="https").status_code == 403


def test_a_trusted_proxys_clients_spoke_https() -> None:
    """Through a trusted proxy the client's address counts; a client that spoke plain HTTP there is refused."""
    known: dict[str, Any] = {"insecure_http": True, "trust_proxy": ("10.0.0.1",)}
    through = get("10.0.0.1", **known, X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https")
    assert through.json == {"address": "192.0.2.1", "scheme": "https", "host": "localhost:5000"}
    assert get("10.0.0.1", **known).json["scheme"] == "https"
    assert get("10.0.0.1", **known, X_Forwarded_Proto="http").status_code == 403
    assert get("10.0.0.2", **known, X_Forwarded_Proto="https").status_code == 403


def test_a_proxys_host_is_checked_as_any() -> None:
    """X-Forwarded-Host is no way around the list of names."""
    known: dict[str, Any] = {"trust_proxy": ("10.0.0.1",), "hosts": ("gce.example.org",)}
    assert get("10.0.0.1", **known, X_Forwarded_Host="gce.example.org").json["host"] == "gce.example.org"
    assert get("10.0.0.1", **known, X_Forwarded_Host="evil.example").status_code == 421


async def test_half_a_body_is_no_body() -> None:
    """A body that breaks off, at once or later, is 400: nothing is done with what came."""
    for parts in ([], [b"x"]):
        sent = await ask_slowly(entrance(), [*parts, b"x"], 0, breaks_off=True)
        assert sent[0]["status"] == 400
        assert b"breaks off" in sent[1]["body"]


async def ask_slowly(app: Any, chunks: list[bytes], pause: float, *, breaks_off: bool = False) -> list[dict[str, Any]]:
    """Post a body whose parts come one by one, the last one not with `breaks_off`; what the app sends."""
    sent: list[dict[str, Any]] = []
    waiting = list(chunks)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(pause)
        if not waiting:
            await asyncio.Event().wait()
        if breaks_off and len(waiting) == 1:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    headers = [(b"host", b"localhost"), (b"content-length", str(sum(map(len, chunks))).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/page",
        "raw_path": b"/page", "query_string": b"", "headers": headers, "scheme": "https", "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 5)
    return sent


async def test_a_body_has_limited_time() -> None:
    """Who sends a body drop by drop is answered 408 when the time is over, and holds nothing open."""
    slow = await ask_slowly(entrance(body_timeout=0.3), [b"x"] * 20, 0.05)
    assert slow[0]["status"] == 408
    quick = await ask_slowly(entrance(body_timeout=5), [b"x"] * 5, 0.01)
    assert (quick[0]["status"], quick[1]["body"]) == (200, b"xxxxx")


async def test_a_body_in_tiny_pieces_is_refused() -> None:
    """Each piece costs the worker time, so a body must not be all pieces; small bodies may come as they like."""
    sent = await ask_slowly(entrance(), [b"x"] * 100_000, 0)
    assert sent[0]["status"] == 400
    assert b"too many pieces" in sent[1]["body"]
    assert (await ask_slowly(entrance(), [b"x"] * 4000, 0))[0]["status"] == 200
    assert (await ask_slowly(entrance(), [b"x" * 300] * 8000, 0))[0]["status"] == 200


async def test_an_unwanted_body_is_read_before_the_refusal() -> None:
    """A client that is still writing reads no answer, so the rest of its body is read first, within bounds."""
    refusing = Entrance(_refusing, Settings(home=Path()))
    assert (b"connection", b"close") not in (await ask_slowly(refusing, [b"x" * 60_000] * 100, 0))[0]["headers"]
    endless = await ask_slowly(refusing, [b"x" * 8_000_000] * 10, 0)
    assert (endless[0]["status"], (b"connection", b"close") in endless[0]["headers"]) == (401, True)


async def _refusing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})
