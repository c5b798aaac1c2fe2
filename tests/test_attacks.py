"""Attacks on the whole product, one by one. Those on single grants and pages are with their own tests."""

import json
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import requests

from auth.jwts import assertion, claims_of, self_signed, signed
from fixtures.gce import Gce
from fixtures.servers import Stack

ZONE = "sandbox-east1-a"
READER = "https://www.googleapis.com/auth/compute.readonly"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def raw(product: Stack, request: bytes) -> bytes:
    """Send bytes as they are; everything that comes back."""
    context = ssl.create_default_context(cafile=str(product.app.authority))
    received = b""
    with (
        socket.create_connection(("127.0.0.1", product.settings.server.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request)
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
    return received


def get(product: Stack, path: str, token: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", "Connection: close", *headers]
    return raw(product, "\r\n".join([*lines, "", ""]).encode("latin-1"))


def post(product: Stack, path: str, **form: str) -> requests.Response:
    return requests.post(f"{product.app.url}{path}", data=form, verify=str(product.app.authority), timeout=30)


@pytest.mark.parametrize(
    "path",
    [
        "/compute/v1/projects/demo/../other/zones",
        "/compute/v1/projects/demo/zones/../../other/zones",
        "/compute/v1/projects/demo/zones/%2e%2e/%2e%2e/other/zones",
        "/compute/v1/projects/demo%2f..%2fother/zones",
        "/compute/v1/projects/..%2fother/zones",
        "/compute/v1/projects/demo/zones/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/compute/v1/projects/demo/zones/%00",
        "/compute/v1/projects/demo%00other/zones",
        "/compute/v1//projects/other/zones",
        "/pages/../../../etc/passwd",
        "/pages/%2e%2e/%2e%2e/secret.key",
        "//etc/passwd",
        "/compute/v1/projects/demo/global/images/..%2f..%2f..%2fother%2fglobal%2fimages%2fx",
    ],
)
def test_path_traversal_in_names(product: Stack, gce: Gce, path: str) -> None:
    """Dots and slashes in any spelling lead to nothing but a refusal: no file, no other project."""
    answer = get(product, path, gce.token)
    status = int(answer.split(b" ", 2)[1])
    assert status in {400, 404}, answer
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "name",
    [
        "vm1&command=destroyVirtualMachine",
        "vm1%26listall%3Dtrue",
        "vm1&apikey=x",
        "vm1%0d%0acommand=listUsers",
        "' or '1'='1",
        "%25",
        "*",
    ],
)
def test_names_cannot_carry_parameters_to_cloudstack(gce: Gce, name: str) -> None:
    """What stands in a name is a value for CloudStack, never a second parameter or a pattern."""
    assert gce.call("GET", f"zones/{ZONE}/instances/{name}").status_code in {400, 404}
    refused = gce.call("POST", "global/firewalls", {"name": name, "allowed": [{"IPProtocol": "icmp"}]})
    assert refused.status_code == 400
    listed = gce.call("GET", f"zones/{ZONE}/instances", filter=f'name = "{name}"')
    assert listed.status_code in {200, 400}
    assert not listed.json().get("items")


@pytest.mark.parametrize(
    "header",
    [
        "X-Request-Id: a\tb",
        "X-Request-Id: a%0d%0aSet-Cookie: x=y",
        "X-Request-Id: a\x0bSet-Cookie: x=y",
        "Origin: https://evil.example\tSet-Cookie: x=y",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-For: 127.0.0.1",
        "Forwarded: host=evil.example;proto=http",
        "X-Original-URL: /compute/v1/projects/other/zones",
    ],
)
def test_header_injection(product: Stack, gce: Gce, header: str) -> None:
    """What clients put in headers makes no header, no link and no other address of ours."""
    answer = get(product, "/compute/v1/projects/demo/zones", gce.token, header)
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1] == b"400":  # refused by the server itself
        return
    assert b"\nset-cookie" not in head.lower()
    assert b"evil.example" not in answer
    assert b"access-control-allow-origin" not in head.lower()
    assert b"https://localhost/compute/v1/projects/demo/zones" in body


def test_header_injection_by_a_line_break(product: Stack, gce: Gce) -> None:
    """A client's line breaks end its own header; they never come back in an answer."""
    url = f"{product.app.url}/oauth2/auth?response_type=code&client_id={product.pair().api_key}"
    redirect = "http://localhost:1/%0d%0aSet-Cookie:%20a=b"
    for more in (f"&redirect_uri={redirect}", "&redirect_uri=http://localhost:1/&state=x%0d%0aSet-Cookie:%20a=b"):
        answer = requests.get(url + more, verify=str(product.app.authority), allow_redirects=False, timeout=30)
        assert "a" not in answer.cookies
        assert "\n" not in answer.headers.get("Location", "")
        assert "Set-Cookie: a" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:5000@evil.example"])
def test_a_forged_host_is_turned_away(product: Stack, gce: Gce, host: str) -> None:
    """A Host that is not ours gets neither data nor links."""
    headers = {"Authorization": f"Bearer {gce.token}", "Host": host}
    answer = gce.session.get(f"{gce.base}/projects/demo/zones", headers=headers, timeout=30)
    assert answer.status_code in {400, 421}
    assert "sandbox-east1-a" not in answer.text


def test_http_1_1_needs_a_host(product: Stack, gce: Gce) -> None:
    """HTTP/1.1 without a Host is 400, as its standard demands; HTTP/1.0 has no Host."""
    lines = f"Authorization: Bearer {gce.token}\r\nConnection: close\r\n\r\n"
    for path in ("/compute/v1/projects/demo/zones", "/healthz"):
        assert b" 400 " in raw(product, f"GET {path} HTTP/1.1\r\n{lines}".encode())[:20]
        assert b" 200 " in raw(product, f"GET {path} HTTP/1.0\r\n{lines}".encode())[:20]


def test_a_body_of_tiny_chunks_is_refused(product: Stack, gce: Gce) -> None:
    """A hundred thousand chunks of one byte are answered 400 long before the last one."""
    begin = "POST /compute/v1/projects/demo/global/firewalls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    begin += f"Authorization: Bearer {gce.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(product, begin.encode() + b"1\r\n \r\n" * 100_000 + b"0\r\n\r\n")
    assert b" 400 " in answer[:20], answer
    assert b"too many pieces" in answer


@pytest.mark.parametrize("path", ["compute/v1/projects/demo/global/firewalls", "compute/v1/nothing", "oauth2/nothing"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_a_refusal_reaches_a_client_that_is_writing(product: Stack, path: str, host: str) -> None:
    """Whoever sends a large body to where it is not wanted reads why, and not that the connection broke."""
    begin = f"POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n"
    answer = raw(product, begin.encode() + b"x" * 20_000_000)
    assert int(answer.split(b" ", 2)[1]) in {401, 404, 421}
    assert answer.endswith(b"}")


def test_request_smuggling(product: Stack, gce: Gce) -> None:
    """Two lengths of one body: refused, and what hides behind is not answered as a request."""
    hidden = b"GET /compute/v1/projects/demo/zones HTTP/1.1\r\nHost: localhost\r\n\r\n"
    begin = "POST /compute/v1/projects/demo/global/firewalls HTTP/1.1\r\nHost: localhost\r\n"
    begin += f"Authorization: Bearer {gce.token}\r\n"
    both = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    two = b"Content-Length: 0\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(hidden)
    for trick in (both + hidden, two + hidden):
        answer = raw(product, begin.encode() + trick)
        assert b" 200 " not in answer


@pytest.mark.parametrize("path", ["compute/v1/projects/demo/global/firewalls", "oauth2/token", "batch/compute/v1"])
@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n\r\n", b"2\r\n{}x\r\n"])
def test_a_broken_body_is_nobody_s_fault(product: Stack, gce: Gce, path: str, chunk: bytes) -> None:
    """Chunks that are none are 400 in the envelope, or in OAuth's form."""
    begin = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gce.token}\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
    answer = raw(product, f"{begin}{kind}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
    assert b" 400 " in answer[:20], answer
    assert b'"error":' in answer


@pytest.mark.parametrize("verb", ["DELETE", "POST", "PATCH", "delete"])
def test_a_method_override_needs_the_scope_of_what_it_becomes(product: Stack, verb: str) -> None:
    """A read-only token deletes nothing by calling it a POST, or by calling a GET something else."""
    reader = Gce(product, scope=READER)
    url = f"{reader.base}/projects/demo/global/firewalls/none"
    headers = {"Authorization": f"Bearer {reader.token}", "X-HTTP-Method-Override": verb}
    for method in ("POST", "GET"):
        answer = reader.session.request(method, url, headers=headers, timeout=30)
        assert answer.status_code in {403, 404, 405}, answer.text
        assert answer.status_code != 404 or method == "GET"


def test_a_batch_is_no_way_around(product: Stack, gce: Gce) -> None:
    """A part has its own token or the outer one, never more; pages and token endpoints are not reached."""
    reader = Gce(product, scope=READER)

    def part(text: str) -> str:
        return f"--b\r\nContent-Type: application/http\r\n\r\n{text}\r\n\r\n"

    body = (
        part("DELETE /compute/v1/projects/demo/global/firewalls/none HTTP/1.1")
        + part("GET /compute/v1/projects/other/zones HTTP/1.1")
        + part("GET /compute/v1/projects/demo/zones HTTP/1.1\r\nAuthorization: Bearer ya29.guess")
        + part("POST /oauth2/token HTTP/1.1")
        + part("GET https://evil.example/compute/v1/projects/other/zones HTTP/1.1")
        + "--b--"
    )
    headers = {"Authorization": f"Bearer {reader.token}", "Content-Type": "multipart/mixed; boundary=b"}
    answer = reader.session.post(f"{product.app.url}/batch/compute/v1", data=body, headers=headers, timeout=30)
    statuses = [line.split(" ")[1] for line in answer.text.splitlines() if line.startswith("HTTP/1.1 ")]
    assert statuses == ["403", "404", "401", "404", "404"]


def test_brute_force_at_the_token_endpoint(start: Callable[..., Stack]) -> None:
    """Guessing a secret is slowed down with 429 and Retry-After; other accounts go on."""
    product = start()
    pair = product.pair()
    answers = [
        post(
            product, "/oauth2/token", grant_type="client_credentials", client_id=pair.api_key, client_secret=f"{n}" * 86
        )
        for n in range(8)
    ]
    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    blocked = answers[-1]
    assert (blocked.status_code, blocked.json()["error"]) == (429, "rate_limit_exceeded")
    assert int(blocked.headers["Retry-After"]) >= 1
    assert product.token("other")


def test_a_working_client_is_not_locked_out_from_the_same_address(start: Callable[..., Stack]) -> None:
    """Fifty failures with other names from its own address do not stop who worked before."""
    product = start()
    assert product.token()
    for number in range(50):
        name = f"guess{number}".ljust(86, "x")
        post(product, "/oauth2/token", grant_type="client_credentials", client_id=name, client_secret="y" * 86)
    assert product.token()


def test_key_confusion_between_accounts(product: Stack) -> None:
    """One account's key with the other's name, and the other way round, at the token endpoint and as a bearer."""
    mine, theirs = product.service_key("demo"), product.service_key("other")
    for kid in (mine["private_key_id"], theirs["private_key_id"], None, "", "none"):
        crossed = signed(mine, claims_of(theirs), kid=kid)
        assert post(product, "/oauth2/token", grant_type=JWT_BEARER, assertion=crossed).status_code in {400, 429}
        bearer = signed(
            mine, claims_of(theirs, sub=theirs["client_email"], aud="https://compute.googleapis.com/"), kid=kid
        )
        stranger = Gce(product, "other")
        stranger.token = bearer
        assert stranger.call("GET", "zones").status_code == 401


def test_an_assertion_is_no_bearer_and_a_bearer_no_assertion(product: Stack) -> None:
    """A JWT made for the token endpoint does not open the API, nor the other way round."""
    key = product.service_key()
    caller = Gce(product)
    caller.token = assertion(key)
    assert caller.call("GET", "zones").status_code == 401
    answer = post(product, "/oauth2/token", grant_type=JWT_BEARER, assertion=self_signed(key))
    assert answer.json()["error"] == "invalid_grant"


def test_no_cross_origin_reads(product: Stack, gce: Gce) -> None:
    """No answer invites other sites' scripts, preflights included."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for verb, path in (("GET", "/compute/v1/projects/demo/zones"), ("OPTIONS", "/oauth2/token"), ("OPTIONS", "/")):
        answer = gce.session.request(verb, f"{product.app.url}{path}", headers=headers, timeout=30)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_deep_and_large_json_is_refused(gce: Gce) -> None:
    """Nesting and size that would exhaust a parser are answered 4xx."""
    for body in ("[" * 100_000, '{"a":' * 50_000, json.dumps({"name": "x", "description": "y" * 2_000_000})):
        url = f"{gce.base}/projects/demo/global/firewalls"
        headers: dict[str, Any] = {"Authorization": f"Bearer {gce.token}", "Content-Type": "application/json"}
        assert gce.session.post(url, data=body, headers=headers, timeout=30).status_code in {400, 413}
