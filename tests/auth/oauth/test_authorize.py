"""gstack.auth.oauth.authorize: what a browser gets."""

import re

import pytest

from auth.room import REDIRECT, Room, redirected

GCLOUD = "32555940559.apps.googleusercontent.com"
OUT_OF_BAND = ("urn:ietf:wg:oauth:2.0:oob", "https://sdk.cloud.google.com/authcode.html")


@pytest.mark.parametrize("path", ["/oauth2/auth", "/o/oauth2/auth", "/o/oauth2/v2/auth"])
async def test_a_key_pair_client_is_sent_back_with_a_code_and_its_state(room: Room, path: str) -> None:
    """A CloudStack API key as client id needs no sign-in: the token endpoint verifies its secret."""
    sent = {"client_id": room.demo.api_key, "redirect_uri": REDIRECT, "response_type": "code", "state": "a b&c"}
    answer = redirected(await room.http.simulate_get(path, params=sent))
    assert answer["code"].startswith("4/")
    assert answer["state"] == "a b&c"


async def test_no_state_is_fine(room: Room) -> None:
    """A client that sends no state, like gcutil, gets none."""
    assert set(redirected(await room.authorize())) == {"code"}


@pytest.mark.parametrize("uri", OUT_OF_BAND)
async def test_out_of_band_shows_the_code(room: Room, uri: str) -> None:
    """For the two out-of-band redirects a page shows the code, and the code works."""
    page = await room.authorize(redirect_uri=uri)
    assert page.status_code == 200
    found = re.search(r"<pre class=\"token\"[^>]*>(4/[\w-]+)</pre>", page.text)
    assert found
    assert (await room.exchange(found[1], redirect_uri=uri)).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://evil.example/",
        "http://evil.example/",
        "http://localhost.evil.example/",
        "http://localhost:80@evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://evil.example/#http://localhost/",
        "https://localhost/",
        "//localhost/",
        "http://localhost\\@evil.example/",
        "http://localhost/\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ],
)
async def test_nobody_is_redirected_elsewhere(room: Room, uri: str) -> None:
    """A redirect URI that is not loopback is refused on a page, without a redirect."""
    page = await room.authorize(redirect_uri=uri)
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "redirect_uri" in page.text


@pytest.mark.parametrize("client", ["", "<script>alert(1)</script>", "short", f"x{GCLOUD}"])
async def test_an_unknown_client_gets_a_page(room: Room, client: str) -> None:
    """An unknown client id gets a page that says what to do and escapes what was sent."""
    page = await room.authorize(client_id=client)
    assert page.status_code == 400
    assert "gstack keys create" in page.text
    assert "<script" not in page.text
    assert "location" not in page.headers


async def test_prompt_none_is_answered_to_the_client(room: Room) -> None:
    """A request with prompt=none is answered with interaction_required."""
    assert redirected(await room.authorize(client_id=GCLOUD, prompt="none"))["error"] == "interaction_required"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"code_challenge": "x" * 43}, "invalid_request"),
        ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"scope": "ü"}, "invalid_scope"),
        ({"state": "x" * 3000}, "invalid_request"),
    ],
)
async def test_the_client_is_told_its_errors(room: Room, fields: dict[str, str], error: str) -> None:
    """Once client and redirect URI are checked, the client gets RFC 6749's errors."""
    answer = redirected(await room.authorize(**fields))
    assert answer["error"] == error
    assert "code" not in answer


async def test_out_of_band_errors_are_pages(room: Room) -> None:
    """If the redirect is out-of-band, errors are shown on a page."""
    page = await room.authorize(redirect_uri=OUT_OF_BAND[0], response_type="token")
    assert page.status_code == 400
    assert "unsupported_response_type" in page.text


async def test_a_parameter_given_twice_is_refused(room: Room) -> None:
    """A parameter that is given twice is refused (RFC 6749, 3.1)."""
    query = f"client_id={room.demo.api_key}&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%2F&redirect_uri=x"
    page = await room.http.simulate_get("/oauth2/auth", query_string=query)
    assert page.status_code == 400
    assert "given twice" in page.text


async def test_codes_that_nobody_proved_are_few(room: Room) -> None:
    """An address gets a limited number of unproved codes a minute; then a page says how long to wait."""
    answers = [await room.authorize() for _ in range(121)]
    assert {answer.status_code for answer in answers[:-1]} == {302}
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
    assert "Too many requests" in answers[-1].text
