"""gstack.auth.pages.consent: from signing in and agreeing to code and tokens."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from auth.room import REDIRECT, Room, redirected
from auth.visitor import GCLOUD, SECRET, Visitor, password_of
from gstack.auth.oauth import clients

SCOPES = "openid https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/appengine.admin"


async def signed_in(room: Room) -> Visitor:
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    return visitor


async def code(room: Room, **fields: str) -> str:
    visitor = await signed_in(room)
    return redirected(await visitor.decide(await visitor.consent_page(**fields), "allow"))["code"]


async def tokens(room: Room, code: str, **fields: str) -> dict[str, str]:
    sent = {"client_id": GCLOUD, "client_secret": SECRET, "redirect_uri": REDIRECT, "code": code} | fields
    answer = await room.token("authorization_code", None, **sent)
    return dict(answer.json) | {"status": str(answer.status_code)}


async def test_who_is_not_signed_in_signs_in_first(room: Room) -> None:
    """An authorization request leads to the sign-in page and from there back to the consent page."""
    visitor = Visitor(room)
    page = await visitor.consent_page(login_hint="demo")
    assert "to continue to <strong>Google Cloud SDK" in page.text
    assert 'value="demo"' in page.text
    here = re.search(r'name="next" value="([^"]+)"', page.text)
    assert here
    path = here[1].replace("&amp;", "&")
    assert "wants access" not in page.text
    answer = await visitor.sign_in(password_of(room), next_page=path)
    assert answer.headers["location"] == path
    assert "Google Cloud SDK wants access" in (await visitor.get(path)).text


async def test_the_page_says_who_asks_for_what(room: Room) -> None:
    """The page describes scopes in words, lists ineffective ones, and says where the answer goes."""
    page = await (await signed_in(room)).consent_page(scope=SCOPES)
    assert "See, create, change and delete your machines" in page.text
    assert "See who you are" in page.text
    assert "appengine.admin" in page.text
    assert "http://localhost:8085" in page.text
    assert "form-action 'self' http://localhost:8085;" in page.headers["content-security-policy"]


async def test_tokens_are_of_the_user_who_agreed(room: Room) -> None:
    """Code and refresh token bring tokens of the user who agreed; a refresh needs no public secret."""
    brought = await tokens(room, await code(room, scope=SCOPES, nonce="n-1"))
    assert brought["scope"] == SCOPES
    assert (await room.who(brought["access_token"])).json["email"] == "demo@example.org"
    fields = {"client_id": GCLOUD, "refresh_token": brought["refresh_token"]}
    again = await room.token("refresh_token", None, **fields)
    assert (await room.who(again.json["access_token"])).json["email"] == "demo@example.org"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:9/"}, "invalid_grant"),
        ({"code_verifier": "v" * 43}, "invalid_grant"),
    ],
)
async def test_a_code_is_its_client_s_alone(room: Room, fields: dict[str, str], error: str) -> None:
    """A code with another secret, client, redirect or verifier is refused."""
    assert (await tokens(room, await code(room), **fields))["error"] == error


async def test_a_code_works_once(room: Room) -> None:
    """A second use of a code revokes the tokens of the first."""
    first = await code(room)
    brought = await tokens(room, first)
    assert (await tokens(room, first))["error"] == "invalid_grant"
    assert (await room.who(brought["access_token"])).status_code == 401


async def test_strangers_do_not_slow_down_everybody_s_client(room: Room) -> None:
    """Many failures with Google's public client ids make no other user wait."""
    body = f"grant_type=authorization_code&client_id={GCLOUD}&client_secret={SECRET}&code=wrong-"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for number in range(25):
        sent = {"body": f"{body}{number}", "headers": form, "remote_addr": f"10.0.0.{number}"}
        assert (await room.http.simulate_post("/oauth2/token", **sent)).status_code == 400
    assert (await tokens(room, await code(room)))["status"] == "200"


async def test_pkce_is_asked_for_where_it_was_begun(room: Room) -> None:
    """A code with a challenge is refused without the verifier."""
    first = await code(room, code_challenge="x" * 43, code_challenge_method="S256")
    assert (await tokens(room, first))["error"] == "invalid_grant"


@pytest.mark.parametrize("public", [False, True])
async def test_a_code_alone_brings_nothing(room: Room, public: bool) -> None:
    """Without the client secret and without PKCE a code is refused, for Google's clients and registered ones."""
    client_id = GCLOUD
    if public:
        client, _ = await clients.register(room.engine, "CLI", ("http://localhost/",), public=True)
        client_id = client.id
    first = await code(room, client_id=client_id)
    sent = {"client_id": client_id, "client_secret": "", "redirect_uri": REDIRECT}
    assert (await tokens(room, first, **sent))["error"] == "invalid_grant"
    pkce = {"code_challenge": create_s256_code_challenge("v" * 64), "code_challenge_method": "S256"}
    second = await code(room, client_id=client_id, **pkce)
    assert (await tokens(room, second, **sent))["error"] == "invalid_grant"
    assert (await tokens(room, second, **sent, code_verifier="v" * 64))["status"] == "200"


async def test_denying(room: Room) -> None:
    """If the decision is anything but `allow`, the client gets an error and no code."""
    visitor = await signed_in(room)
    for decision in ("deny", "", "ALLOW"):
        answer = redirected(await visitor.decide(await visitor.consent_page(), decision))
        assert answer == {"error": "access_denied", "error_description": "The user did not agree.", "state": "s"}


async def test_denying_out_of_band_is_a_page(room: Room) -> None:
    """If there is no redirect, the denial is a page."""
    visitor = await signed_in(room)
    page = await visitor.consent_page(redirect_uri="urn:ietf:wg:oauth:2.0:oob")
    answer = await visitor.decide(page, "deny")
    assert answer.status_code == 403
    assert "did not agree" in answer.text


@pytest.mark.parametrize("uri", ["https://evil.example/", "http://evil.example/", "", "javascript:alert(1)"])
async def test_nobody_is_sent_elsewhere(room: Room, uri: str) -> None:
    """Neither the request nor a manipulated consent form leads to another site."""
    visitor = await signed_in(room)
    assert (await visitor.consent_page(redirect_uri=uri)).status_code == 400
    await visitor.consent_page()
    changed = f"client_id={GCLOUD}&response_type=code&redirect_uri={uri}"
    answer = await visitor.post("/oauth2/consent", request=changed, decision="allow")
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_consent_needs_somebody(room: Room) -> None:
    """A consent form of somebody who has signed out leads back to the sign-in, without a code."""
    visitor = Visitor(room)
    await visitor.consent_page()
    request = f"client_id={GCLOUD}&response_type=code&redirect_uri={REDIRECT}"
    answer = await visitor.post("/oauth2/consent", request=request, decision="allow")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/oauth2/auth?")


async def test_a_registered_client(room: Room) -> None:
    """A registered client has its name on the page, and needs its own redirect URI and secret."""
    uri = "https://app.example/callback"
    client, secret = await clients.register(room.engine, "<i>Our</i> portal", (uri,), public=False)
    visitor = await signed_in(room)
    page = await visitor.consent_page(client_id=client.id, redirect_uri=uri)
    assert "&lt;i&gt;Our&lt;/i&gt; portal wants access" in page.text
    assert "form-action 'self' https://app.example;" in page.headers["content-security-policy"]
    location = (await visitor.decide(page, "allow")).headers["location"]
    assert location.startswith(f"{uri}?")
    first = dict(parse_qsl(urlsplit(location).query))["code"]
    sent = {"client_id": client.id, "redirect_uri": uri}
    assert (await tokens(room, first, **sent, client_secret=""))["error"] == "invalid_client"
    assert "access_token" in await tokens(room, first, **sent, client_secret=secret)
    assert (await visitor.consent_page(client_id=client.id, redirect_uri=REDIRECT)).status_code == 400
