"""gstack.auth.pages: what keeps pages harmless."""

import base64
import hashlib
import re

from auth.room import Room


async def test_pages_run_nothing_and_load_nothing(room: Room) -> None:
    """The policy allows our one style sheet by its hash and nothing else; nobody may frame or keep the page."""
    page = await room.authorize(client_id="unknown")
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style
    named = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert f"style-src 'sha256-{named}'" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text


async def test_pages_follow_the_reader(room: Room) -> None:
    """Pages name their language and are light or dark as the reader's system is."""
    page = await room.authorize(client_id="unknown")
    assert '<html lang="en">' in page.text
    assert "prefers-color-scheme: dark" in page.text
    assert 'name="viewport"' in page.text
