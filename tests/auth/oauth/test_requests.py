"""gstack.auth.oauth.requests: malformed bodies and credentials."""

import base64

import pytest

from auth.room import Room

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"grant_type=client_credentials", None, 400),
        (b"grant_type=client_credentials&grant_type=refresh_token", FORM, 400),
        (b"grant_type=%FF", FORM, 400),
        (b"grant_type=refresh_token&client_id=a%00b", FORM, 400),
        (b"\xff\xfe", FORM, 400),
        (b"", FORM, 400),
        (b"&".join(b"a%d=b" % number for number in range(200)), FORM, 400),
        (b"a=" + b"b" * 70_000, FORM, 413),
    ],
)
async def test_bodies_that_are_no_token_request(room: Room, body: bytes, kind: str | None, status: int) -> None:
    """Another media type, duplicate, unreadable or too many fields, or too large a body is invalid_request."""
    headers = {"Content-Type": kind} if kind else {}
    answer = await room.http.simulate_post("/oauth2/token", body=body, headers=headers)
    assert answer.status_code == status
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "value", ["Basic", "Basic !", "Basic YQ==", "Basic /////w==", "Basic \xe9", "Basic YSUwMGI6Yw==", "Basic YQBiOmM="]
)
async def test_unreadable_basic_credentials(room: Room, value: str) -> None:
    """HTTP Basic that cannot be read is 401 invalid_client."""
    answer = await room.form("/oauth2/token", {"grant_type": "client_credentials"}, Authorization=value)
    assert answer.status_code == 401
    assert answer.json["error"] == "invalid_client"


async def test_a_charset_on_the_type_is_fine(room: Room) -> None:
    """The media type may have a charset parameter."""
    pair = {"client_id": room.demo.api_key, "client_secret": room.demo.secret_key}
    sent = {"grant_type": "client_credentials", **pair}
    answer = await room.form("/oauth2/token", sent, **{"Content-Type": f"{FORM}; charset=UTF-8"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b'{"alg":"RS256"}', b'{"iss":"a","exp":1,"x":' + b"[" * 2500 + b"]" * 2500 + b"}"),
        (b'{"alg":"RS256"}', b'{"iss":"a\\u0000","exp":1}'),
        (b'{"alg":"RS256","kid":"\\u0000"}', b'{"iss":"a","exp":1}'),
    ],
)
async def test_assertions_that_break_readers(room: Room, header: bytes, claims: bytes) -> None:
    """Claims that are nested thousands deep or contain U+0000 are invalid_grant, never a server error."""
    token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, claims, b"x"))
    sent = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": token}
    answer = await room.form("/oauth2/token", sent)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_grant"
