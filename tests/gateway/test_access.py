"""The access log."""

from falcon.asgi import App, Request, Response
from falcon.testing import TestClient
from structlog.testing import capture_logs

from gstack.gateway.access import AccessLog


class Page:
    async def on_get(self, req: Request, resp: Response) -> None:
        req.context.method_id = "compute.zones.list"
        resp.text = "ok"


def lines(path: str, headers: dict[str, str]) -> list[dict[str, object]]:
    app: App[Request, Response] = App(middleware=[AccessLog()])
    app.add_route("/page", Page())
    with capture_logs() as logs:
        TestClient(app).simulate_get(path, headers=headers)
    return [dict(line) for line in logs]


def test_a_request_is_one_line() -> None:
    """Method, status, time and the client's request id are told; queries, which hold secrets, are not."""
    (line,) = lines("/page?access_token=secret", {"X-Request-Id": "abc\t1"})
    assert (line["method"], line["status"], line["id"]) == ("compute.zones.list", 200, "abc_1")
    assert float(str(line["ms"])) >= 0
    assert "secret" not in str(line)


def test_unknown_urls_are_told_by_their_path() -> None:
    """Where no method answered, the path stands in its place."""
    (line,) = lines("/nowhere?code=secret", {})
    assert (line["method"], line["status"]) == ("GET /nowhere", 404)
