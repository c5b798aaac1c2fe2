"""gstack.auth.pages.forms: forms that only our own pages can send, and the cookie behind them."""

import pytest

from auth.room import Room
from auth.visitor import Visitor, password_of
from gstack.auth.pages.forms import local_path

FORMS = ("/sign-in", "/sign-in/pair", "/sign-out", "/keys", "/keys/revoke", "/sessions/revoke", "/oauth2/consent")


async def test_the_cookie_is_for_this_host_and_tls_alone(room: Room) -> None:
    """Browsers send the cookie only to this host and over TLS, not to scripts or with other sites' forms."""
    page = await room.http.simulate_get("/")
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-gstack=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= parts
    assert not any(part.startswith("domain") for part in parts)


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", ["-", "", "0" * 64, "é"])
async def test_a_form_without_its_token_does_nothing(room: Room, path: str, token: str) -> None:
    """Every form without its CSRF token, or with a wrong one, is refused on a page."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    answer = await visitor.post(path, csrf=token)
    assert answer.status_code == 403
    assert "did not come from this site" in answer.text
    assert "text/html" in answer.headers["content-type"]


@pytest.mark.parametrize("path", FORMS)
async def test_a_forms_address_opened_by_hand_is_no_error(room: Room, path: str) -> None:
    """A browser that opens a form's address from its history gets a page or a redirect to one."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    answer = await visitor.get(path)
    if answer.status_code == 303:
        assert answer.headers["location"] == "/"
        return
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_browsers_that_name_another_site_are_refused(room: Room, site: str) -> None:
    """A form with a valid token is refused if the browser says that another site sent it."""
    visitor = Visitor(room)
    await visitor.get("/")
    sent = {"way": "password", "username": "demo", "password": password_of(room), "domain": ""}
    assert (await visitor.post("/sign-in", site, **sent)).status_code == 403
    assert (await visitor.post("/sign-in", "same-origin", **sent)).status_code == 303


async def test_login_csrf(room: Room) -> None:
    """An attacker's CSRF token does not fit a victim's cookie, so nobody is signed in as somebody else unawares."""
    attacker, victim = Visitor(room), Visitor(room)
    await attacker.get("/")
    await victim.get("/")
    sent = {"way": "password", "username": "other", "password": password_of(room, "other"), "domain": ""}
    assert (await victim.post("/sign-in", csrf=attacker.csrf, **sent)).status_code == 403
    assert "Your Compute Engine" not in (await victim.get("/")).text


async def test_session_fixation(room: Room) -> None:
    """Signing in replaces the cookie, so a planted one is useless."""
    attacker = Visitor(room)
    await attacker.get("/")
    victim = Visitor(room)
    victim.cookie = attacker.cookie
    await victim.sign_in(password_of(room))
    assert victim.cookie != attacker.cookie
    assert "Your Compute Engine" in (await victim.get("/")).text
    assert "Your Compute Engine" not in (await attacker.get("/")).text


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("/", True),
        ("/oauth2/auth?client_id=a&scope=b%20c", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example/", False),
        ("/oauth2/auth\r\nSet-Cookie: a=b", False),
        ("/a\\b", False),
        ("javascript:alert(1)", False),
        ("", False),
        ("/" + "a" * 9000, False),
    ],
)
def test_only_our_own_pages_come_next(path: str, good: bool) -> None:
    """A path that a browser might take for another host is replaced by the start page."""
    assert local_path(path) == (path if good else "/")
