"""gstack.auth.pages.rendering: what keeps pages harmless."""

import re

import pytest
from sqlalchemy import text

from auth.room import Room
from auth.visitor import Visitor, password_of


async def test_pages_run_nothing_and_load_nothing(room: Room) -> None:
    """The policy allows only our style sheet and icon, and pages can be neither framed nor cached."""
    for page in (await room.authorize(client_id="unknown"), await room.http.simulate_get("/")):
        policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
        assert policy == {
            "default-src": "'none'",
            "style-src": "'self'",
            "img-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|<style|\bstyle=|\bon\w+=|javascript:", page.text)


async def test_pages_follow_the_reader(room: Room) -> None:
    """Pages name their language and follow the system's colour scheme; the style sheet may be cached."""
    page = await room.http.simulate_get("/")
    assert '<html lang="en">' in page.text
    assert 'name="viewport"' in page.text
    found = re.search(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    assert found
    sheet = await room.http.simulate_get(found[1])
    assert sheet.headers["content-type"].startswith("text/css")
    assert "immutable" in sheet.headers["cache-control"]
    assert "prefers-color-scheme: dark" in sheet.text


async def test_every_field_has_a_label(room: Room) -> None:
    """Every field has a label, for those who hear the page."""
    page = await room.http.simulate_get("/")
    fields = re.findall(r'<input id="([^"]+)"', page.text)
    assert fields
    assert all(f'<label for="{field}"' in page.text for field in fields)
    assert page.text.count("<main") == page.text.count("<h1") == 1


@pytest.mark.parametrize("path", ["/sign-in", "/keys", "/oauth2/consent"])
async def test_what_is_no_form_of_ours_gets_a_page(room: Room, path: str) -> None:
    """A form that is too large, of another type or has a field twice is refused on a page."""
    visitor = Visitor(room)
    await visitor.get("/")
    form = "application/x-www-form-urlencoded"
    for body, kind, status in (
        ("a=" + "b" * 70_000, form, 413),
        ("{}", "application/json", 400),
        ("a=1&a=2", form, 400),
    ):
        headers = visitor.headers() | {"Content-Type": kind}
        answer = await room.http.simulate_post(path, body=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert 'role="alert"' in answer.text


async def test_what_fails_is_a_page(room: Room) -> None:
    """A server error is a page too, and reveals no details."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    await room.engine.dispose()
    async with room.engine.begin() as connection:
        await connection.execute(text("DROP TABLE browsers"))
    answer = await visitor.get("/")
    assert answer.status_code == 500
    assert "This server failed" in answer.text
    assert "browsers" not in answer.text
