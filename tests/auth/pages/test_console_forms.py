"""gstack.auth.pages.console_forms: making and revoking keys on a page; the certificate."""

import base64
import re
from collections.abc import Iterator

import msgspec
import pytest

from auth.room import Room
from auth.visitor import Visitor, password_of
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account


@pytest.fixture
def sandbox() -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings((new_account("demo"), new_account("other")), job_delay=0)) as server:
        yield server


async def signed_in(room: Room, name: str = "demo") -> Visitor:
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room, name), name)
    await visitor.get("/")
    return visitor


async def made(visitor: Visitor, **fields: str) -> list[dict[str, str]]:
    page = await visitor.post("/keys", **fields)
    assert page.status_code == 200, page.text
    links = re.findall(r'href="data:application/json;base64,([^"]+)"', page.text)
    return [msgspec.json.decode(base64.b64decode(link)) for link in links]


async def test_a_key_is_shown_once(room: Room) -> None:
    """The page holds the file, twice: plain, and naming us as its universe. No later page holds the private key."""
    visitor = await signed_in(room)
    plain, universe = await made(visitor, label="<i>ci</i>", project="demo", expires="2999-12-31")
    assert plain["type"] == "service_account"
    assert universe == {**plain, "universe_domain": "localhost:5000"}
    page = await visitor.get("/")
    assert plain["private_key_id"] in page.text
    assert "PRIVATE KEY" not in page.text
    assert "&lt;i&gt;ci&lt;/i&gt;" in page.text
    assert "2999-12-31" in page.text


@pytest.mark.parametrize("fields", [{"label": "x" * 61}, {"expires": "2020-01-01"}, {"expires": "soon"}])
async def test_wrong_keys_are_told_on_a_page(room: Room, fields: dict[str, str]) -> None:
    """What cannot be is refused with its reason."""
    answer = await (await signed_in(room)).post("/keys", **fields)
    assert answer.status_code == 400
    assert "Invalid value" in answer.text


async def test_keys_are_their_user_s_alone(room: Room) -> None:
    """A stranger neither sees nor revokes a key, and learns nothing of it."""
    visitor, stranger = await signed_in(room), await signed_in(room, "other")
    plain, _ = await made(visitor)
    assert plain["private_key_id"] not in (await stranger.get("/")).text
    known = await stranger.post("/keys/revoke", key=plain["private_key_id"])
    unknown = await stranger.post("/keys/revoke", key="0" * 40)
    assert known.status_code == unknown.status_code == 404
    assert plain["private_key_id"] in (await visitor.get("/")).text


@pytest.mark.parametrize("path", ["/keys", "/keys/revoke", "/sessions/revoke"])
async def test_forms_need_somebody_signed_in(room: Room, path: str) -> None:
    """A right token of somebody who is not signed in does nothing."""
    visitor = Visitor(room)
    await visitor.get("/")
    answer = await visitor.post(path, key="x", family="x")
    assert answer.status_code == 403
    assert "not signed in" in answer.text


async def test_the_certificate_can_be_downloaded(room: Room) -> None:
    """Anybody may have the authority's certificate; its key stays."""
    answer = await room.http.simulate_get("/ca.pem")
    assert answer.text.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in answer.text
    assert "attachment" in answer.headers["content-disposition"]
