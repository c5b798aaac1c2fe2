"""The one endpoint, over HTTP."""

import time
from collections.abc import Callable
from typing import Any

import falcon
import pytest
from falcon.asgi import App
from falcon.testing import TestClient

from gstack.gateway.call import Call, Served, Services
from gstack.gateway.discovery import methods
from gstack.gateway.endpoint import mount

Gateway = Callable[..., TestClient]
ZONES, DISKS = "/compute/v1/projects/demo/zones", "/compute/v1/projects/demo/zones/z/disks"


async def echo(call: Call) -> dict[str, Any]:
    """Answer what arrived, in fields that no check of ours touches."""
    return {
        "params": call.params,
        "body": call.body,
        "link": call.link("zones/z"),
        "owner": call.owner and call.owner.id,
    }


def reason(result: Any) -> tuple[int, str]:
    error = result.json["error"]
    assert error["code"] == result.status_code
    return result.status_code, error["errors"][0]["reason"]


def test_a_call_carries_what_was_asked(gateway: Gateway) -> None:
    """Parameters, body, owner and links arrive; the answer gets its kind."""
    client = gateway({"compute.disks.insert": echo})
    result = client.simulate_post(DISKS, params={"sourceImage": "i"}, json={"name": "d", "sizeGb": 10})
    assert result.json == {
        "kind": "compute#operation",
        "params": {"project": "demo", "zone": "z", "sourceImage": "i"},
        "body": {"name": "d", "sizeGb": "10"},
        "link": "https://localhost:5000/compute/v1/projects/demo/zones/z",
        "owner": "a-1",
    }


@pytest.mark.parametrize("version", ["v1", "beta", "alpha", "v1beta16"])
def test_links_show_the_version_and_host_asked(gateway: Gateway, version: str) -> None:
    """One API under four names; links stay with the name that the client uses."""
    client = gateway({"compute.zones.list": echo})
    path = ZONES.replace("v1", version)
    result = client.simulate_get(path, host="compute.googleapis.com")
    assert result.json["link"] == f"https://www.googleapis.com/compute/{version}/projects/demo/zones/z"


@pytest.mark.parametrize(
    ("token", "method", "path", "expected"),
    [
        ("", "GET", ZONES, (401, "authError")),
        ("forged", "GET", ZONES, (401, "authError")),
        ("", "GET", "/compute/v1/projects/demo/regions", (401, "authError")),
        ("full", "GET", "/compute/v1/projects/demo/regions", (501, "notImplemented")),
        ("reader", "GET", ZONES, (200, "")),
        ("reader", "POST", DISKS, (403, "insufficientPermissions")),
        ("writer", "POST", DISKS, (400, "required")),
        ("storage", "GET", ZONES, (403, "insufficientPermissions")),
        ("full", "GET", "/compute/v1/projects/other/zones", (404, "notFound")),
        ("full", "GET", "/compute/v2/projects/demo/zones", (404, "notFound")),
        ("full", "GET", "/compute/v1/projects/demo/nothings", (404, "notFound")),
        ("full", "GET", "/compute/v1/projects/demo/Zones", (404, "notFound")),
        ("full", "PUT", ZONES, (405, "httpMethodNotAllowed")),
        ("full", "GET", f"{ZONES}?alt=proto", (400, "invalid")),
        ("full", "GET", f"{ZONES}?alt=json", (200, "")),
        ("full", "GET", f"{ZONES}?fields=nothing", (400, "invalidParameter")),
        ("full", "GET", f"{ZONES}?maxResults=x", (400, "invalid")),
    ],
)
def test_who_may_do_what(gateway: Gateway, token: str, method: str, path: str, expected: tuple[int, str]) -> None:
    """Tokens, scopes, unserved methods, foreign projects and unknown paths each have Google's answer."""
    client = gateway({"compute.zones.list": echo, "compute.disks.insert": echo}, token=token)
    result = client.simulate_request(method, path)
    assert expected == ((200, "") if result.status_code == 200 else reason(result))


def test_an_unserved_method_names_itself(gateway: Gateway) -> None:
    """501 says which method it was."""
    result = gateway({}).simulate_post(f"{DISKS}/d/resize", json={})
    assert "compute.disks.resize" in result.json["error"]["message"]


def test_a_foreign_project_is_named_in_googles_words(gateway: Gateway) -> None:
    """What is not the caller's does not exist for him."""
    result = gateway({"compute.zones.list": echo}).simulate_get("/compute/v1/projects/other/zones")
    assert result.json["error"]["message"] == "The resource 'projects/other' was not found"


def test_public_projects_are_served_where_a_method_says_so(gateway: Gateway) -> None:
    """Image projects belong to nobody; their methods are called without an owner."""
    client = gateway({"compute.images.list": Served(echo, foreign=True)})
    assert client.simulate_get("/compute/v1/projects/debian-cloud/global/images").json["owner"] is None


def test_a_get_too_long_for_a_url_comes_as_a_form(gateway: Gateway) -> None:
    """google-api-python-client posts it with X-HTTP-Method-Override."""
    client = gateway({"compute.zones.list": echo})
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    text = f"name eq {'a' * 3000}"
    body = falcon.uri.encode(f"filter={text}&maxResults=3")
    params = client.simulate_post(ZONES, body=body, headers=headers).json["params"]
    assert (params["filter"], params["maxResults"]) == (text, 3)


def test_bad_bodies_are_refused_before_anything_is_called(gateway: Gateway) -> None:
    """Broken JSON, wrong types and too much of it are 4xx."""
    client = gateway({"compute.disks.insert": echo})
    assert reason(client.simulate_post(DISKS, body=b"{")) == (400, "parseError")
    assert reason(client.simulate_post(DISKS, body=b'{"sizeGb": "x"}')) == (400, "invalid")
    assert reason(client.simulate_post(DISKS, body=b'"' + b"x" * 20_000 + b'"')) == (413, "uploadTooLarge")


def test_a_silent_cloud_is_503(gateway: Gateway, services: Services) -> None:
    """Reads fail with Google's reason while CloudStack does not answer; its address stays inside."""

    async def ask(call: Call) -> dict[str, Any]:
        try:
            return await call.cloudstack.send("listZones")
        finally:
            await services.cloudstack.close()

    result = gateway({"compute.zones.list": ask}).simulate_get(ZONES)
    assert reason(result) == (503, "backendError")
    assert "127.0.0.1" not in result.text


def test_a_fault_of_ours_tells_nothing(gateway: Gateway) -> None:
    """An unexpected exception is a 500 whose message says nothing of its inside."""

    async def fail(_: Call) -> Any:
        raise RuntimeError("a secret")

    result = gateway({"compute.zones.list": fail}).simulate_get(ZONES)
    assert reason(result) == (500, "backendError")
    assert "secret" not in result.text


def test_answers_can_be_partial_and_pretty(gateway: Gateway) -> None:
    """`fields` chooses, `prettyPrint` indents."""

    async def zones(_: Call) -> Any:
        return {"items": [{"name": "a", "status": "UP"}]}

    client = gateway({"compute.zones.list": zones})
    assert client.simulate_get(ZONES, params={"fields": "items(name,kind)"}).json == {
        "items": [{"name": "a", "kind": "compute#zone"}]
    }
    assert "\n" in client.simulate_get(ZONES, params={"prettyPrint": "true"}).text
    assert "\n" not in client.simulate_get(ZONES).text


def test_what_was_warned_of_is_shown_in_lists(gateway: Gateway) -> None:
    """A read's warning stands where Google's lists have it."""

    async def zones(call: Call) -> Any:
        call.warn("PARTIAL_SUCCESS", "One zone is silent.", zone="z")
        return {}

    warning = gateway({"compute.zones.list": zones}).simulate_get(ZONES).json["warning"]
    data = [{"key": "zone", "value": "z"}]
    assert warning == {"code": "PARTIAL_SUCCESS", "message": "One zone is silent.", "data": data}


def test_methods_without_an_answer_are_204(gateway: Gateway) -> None:
    """Deleting an operation answers nothing."""

    async def forget(_: Call) -> None:
        return None

    client = gateway({"compute.zoneOperations.delete": forget})
    result = client.simulate_delete(f"{ZONES}/z/operations/o")
    assert (result.status_code, result.content) == (204, b"")


def test_a_method_that_google_does_not_have_cannot_be_served(services: Services) -> None:
    """A wrong id is found when the app is built."""
    with pytest.raises(ValueError, match=r"compute\.disks\.explode"):
        mount(App(), services, {"compute.disks.explode": Served(echo)})


def test_every_method_of_the_document_is_routed(gateway: Gateway) -> None:
    """Each method, served or not, answers under its own path and names itself."""
    client = gateway({})
    for method in methods().values():
        path = falcon.uri.encode(method.flat_path.replace("{", "").replace("}", ""))
        result = client.simulate_request(method.http_method, f"/compute/v1/{path}")
        assert method.id in result.json["error"]["message"], method.id


def test_a_request_costs_little(gateway: Gateway) -> None:
    """Routing, checks and encoding stay far below what a CloudStack call costs (milliseconds, test client included)."""
    client = gateway({"compute.disks.insert": echo})
    client.simulate_post(DISKS, json={"name": "d"})
    began = time.perf_counter()
    for _ in range(50):
        client.simulate_post(DISKS, json={"name": "d", "sizeGb": "10", "labels": {"a": "b"}})
    assert (time.perf_counter() - began) / 50 < 0.05
