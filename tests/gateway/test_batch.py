"""Batches."""

from collections.abc import Callable
from email.parser import BytesParser
from typing import Any

import pytest
from falcon.testing import Result, TestClient
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.batch import Answer, Part, read_parts, written
from gstack.gateway.call import Call

Gateway = Callable[..., TestClient]
TYPE = 'multipart/mixed; boundary="===x=="'
ZONES = "/compute/v1/projects/demo/zones"


def multipart(*requests: str, ids: tuple[str, ...] = ()) -> bytes:
    """Write a batch as google-api-python-client does."""
    body = ""
    for at, request in enumerate(requests):
        content_id = f"Content-ID: {ids[at]}\n" if ids else ""
        head = f"Content-Type: application/http\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\n{content_id}"
        body += f"--===x==\n{head}\n{request}\n"
    return f"{body}--===x==--".encode()


async def names(call: Call) -> Any:
    return {"id": call.params.get("filter", ""), "selfLink": call.link("zones")}


async def echo(call: Call) -> Any:
    return {"name": call.body["name"], "user": call.caller.user}


def post(client: TestClient, body: bytes, path: str = "/batch/compute/v1", **headers: str) -> Result:
    return client.simulate_post(path, body=body, host="localhost", port=5000, headers={"Content-Type": TYPE, **headers})


def parts(result: Result) -> list[tuple[str | None, int, str]]:
    """Take an answer apart as clients do: content id, status, text."""
    assert result.status_code == 200
    whole = BytesParser().parsebytes(
        f"Content-Type: {result.headers['content-type']}\r\n\r\n".encode() + result.content
    )
    found: list[tuple[str | None, int, str]] = []
    for part in whole.walk():
        if part.get_content_type() == "application/http":
            text = str(part.get_payload())
            found.append((part["Content-ID"], int(text.split(" ", 2)[1]), text))
    return found


def test_each_part_is_answered_under_its_id(gateway: Gateway) -> None:
    """Parts are answered in their order, ids come back verbatim, errors stay in their part."""
    client = gateway({"compute.zones.list": names})
    body = multipart(
        f"GET {ZONES}?filter=a HTTP/1.1\nAccept: application/json\n",
        "GET /compute/v1/projects/other/zones HTTP/1.1\n",
        "DELETE /compute/v1/projects/demo/zones/z/disks/d HTTP/1.1\n",
        ids=("<u-1 + 1>", "<u-1 + 2>", "<u-1 + 3>"),
    )
    answers = parts(post(client, body))
    assert [(content_id, status) for content_id, status, _ in answers] == [
        ("<response-u-1 + 1>", 200),
        ("<response-u-1 + 2>", 404),
        ("<response-u-1 + 3>", 501),
    ]
    assert '"id":"a"' in answers[0][2]
    assert "https://localhost:5000/compute/v1/projects/demo/zones" in answers[0][2]


@pytest.mark.parametrize("path", ["/batch", "/batch/compute/v1", "/batch/compute/beta", "/batch/compute/v1beta16"])
def test_old_and_new_addresses_take_batches(gateway: Gateway, path: str) -> None:
    """Clients differ in where they send batches."""
    client = gateway({"compute.zones.list": names})
    assert [status for _, status, _ in parts(post(client, multipart(f"GET {ZONES} HTTP/1.1\n"), path))] == [200]


def test_unknown_versions_have_no_batches(gateway: Gateway) -> None:
    """What is no version of the API is a 404."""
    assert post(gateway({}), multipart(f"GET {ZONES} HTTP/1.1\n"), "/batch/compute/v2").status_code == 404


def test_the_outer_token_stands_in(gateway: Gateway) -> None:
    """A part without Authorization has the batch's; one with its own keeps it."""
    client = gateway({"compute.zones.list": names}, token="")
    both = multipart(f"GET {ZONES} HTTP/1.1\n", f"GET {ZONES} HTTP/1.1\nAuthorization: Bearer full\n")
    assert [status for _, status, _ in parts(post(client, both))] == [401, 200]
    assert [status for _, status, _ in parts(post(client, both, Authorization="Bearer storage"))] == [403, 200]


def test_parts_may_have_bodies(gateway: Gateway) -> None:
    """A mutation in a batch has its JSON read to the last byte, whichever line ends the client writes."""
    client = gateway({"compute.disks.insert": echo})
    request = f'POST {ZONES}/z/disks HTTP/1.1\nContent-Type: application/json\nContent-Length: 14\n\n{{"name": "d-ä"}}'
    bad = f"POST {ZONES}/z/disks HTTP/1.1\n\n{{"
    good = request.replace("d-ä", "d1")
    for body in (multipart(good, bad), multipart(good, bad).replace(b"\n", b"\r\n")):
        first, second = parts(post(client, body))
        assert (first[1], second[1]) == (200, 400)
        assert '"name":"d1"' in first[2]


@pytest.mark.parametrize(
    "target", ["/batch/compute/v1", "/oauth2/token", "/discovery/v1/apis", "//compute/v1", "http://[/compute/v1", "x"]
)
def test_only_the_api_is_reached(gateway: Gateway, target: str) -> None:
    """A batch holds no batches, no token requests and nothing else."""
    assert [status for _, status, _ in parts(post(gateway({}), multipart(f"POST {target} HTTP/1.1\n")))] == [404]


def test_whole_urls_are_taken_for_paths(gateway: Gateway) -> None:
    """Some clients write the whole URL into the request line; its host counts for nothing."""
    client = gateway({"compute.zones.list": names})
    body = multipart(f"GET https://compute.googleapis.com{ZONES}?filter=%2f HTTP/1.1\nHost: evil.com\n")
    ((_, status, text),) = parts(post(client, body))
    assert (status, '"id":"/"' in text, "https://localhost:5000" in text) == (200, True, True)


def test_many_parts_are_answered_in_order(gateway: Gateway) -> None:
    """A thousand is Google's limit."""
    client = gateway({"compute.zones.list": names})
    requests = [f"GET {ZONES}?filter=n{at} HTTP/1.1\n" for at in range(200)]
    answers = parts(post(client, multipart(*requests, ids=tuple(f"<{at}>" for at in range(200)))))
    assert [content_id for content_id, _, _ in answers] == [f"<response-{at}>" for at in range(200)]
    assert all(f'"id":"n{at}"' in text for at, (_, _, text) in enumerate(answers))
    with pytest.raises(Problem):
        read_parts(TYPE, multipart(*["GET /x HTTP/1.1\n"] * 1001))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed", b"--x--"),
        ("multipart/form-data; boundary=x", b"--x--"),
        (r"multipart/mixed; boundary*=unicode-escape''%5Cud800", b"--x--"),
        ("multipart/mixed; boundary*=idna''abc", b"--x--"),
        ("multipart/mixed; boundary*=utf-8''%C3%A9", b"--x--"),
        (TYPE, b""),
        (TYPE, b"--===x==--"),
        (TYPE, b"--===x==\r\nContent-Type: text/plain\r\n\r\nGET / HTTP/1.1\r\n"),
        (TYPE, b"--===x==\r\nContent-Type: application/http\r\n\r\nBREW / HTTP/1.1\r\n"),
        (TYPE, b"--===x==\r\nContent-Type: application/http\r\n\r\n"),
    ],
)
def test_what_is_no_batch_is_refused(gateway: Gateway, content_type: str, body: bytes) -> None:
    """A batch that cannot be read is one 400 envelope."""
    result = post(gateway({}), body, **{"Content-Type": content_type})
    assert (result.status_code, result.json["error"]["errors"][0]["reason"]) == (400, "parseError")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (TYPE, b"--===x==\r\nContent-Type: application/http\r\n\r\nGET / HTTP/1.1\r\n" + b"a:b\r\n" * 5_000),
        (TYPE, b"--===x==\r\n" + b"a:b\r\n" * 5_000 + b"\r\nGET / HTTP/1.1\r\n"),
        ('multipart/mixed; a="' + ";" * 60_000, b"--x--"),
        ("multipart/mixed; boundary*=utf-8''a; boundary*0=b", b"--x--"),
    ],
)
def test_what_would_take_long_to_read_is_refused(gateway: Gateway, content_type: str, body: bytes) -> None:
    """Nobody is known yet when a batch is read: long heads and types are 400 before they are parsed."""
    result = post(gateway({}), body, **{"Content-Type": content_type})
    assert result.status_code == 400


@pytest.mark.parametrize("boundary", ["batch_1", '"==a b=="', "'x+_,-./:=?", '"a b"; charset=utf-8'])
def test_boundaries_as_clients_write_them(boundary: str) -> None:
    """Quoted or not, with other parameters around."""
    plain = boundary.partition(";")[0].strip('"')
    raw = f"--{plain}\nContent-Type: application/http\n\nGET /x HTTP/1.1\n\n--{plain}--".encode()
    for kind in (f"multipart/mixed; boundary={boundary}", f"Multipart/Mixed; type=a; BOUNDARY={boundary}"):
        assert [part.target for part in read_parts(kind, raw)] == ["/x"]


def test_ids_cannot_smuggle_headers() -> None:
    """A folded id stays on one line."""
    head = b"--===x==\nContent-Type: application/http\nContent-ID: <a\n Set-Cookie: b>\n\n"
    raw = head + b"GET /compute/ HTTP/1.1\n\n--===x==--"
    (part,) = read_parts(TYPE, raw)
    assert part == Part("<a Set-Cookie: b>", "GET", "/compute/", [], b"")
    text = written([Answer(part.content_id, 200, [(b"a", b"b")], b"{}")], "y")
    assert b"Content-ID: <response-a Set-Cookie: b>\r\n" in text


@given(st.binary(max_size=300), st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=60))
def test_no_batch_is_a_fault(body: bytes, content_type: str) -> None:
    """Whatever is sent as a batch is read or refused."""
    for kind in (TYPE, content_type):
        for raw in (body, b"--===x==\nContent-Type: application/http\n\nGET /" + body):
            assert outcome(kind, raw) in {200, 400}


def outcome(content_type: str, body: bytes) -> int:
    try:
        read_parts(content_type, body)
    except Problem as problem:
        return problem.status
    return 200
