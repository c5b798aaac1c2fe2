"""gstack.auth.pages.signin: password, key pair, and a user who has no pair yet."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from auth.jwts import assertion
from auth.room import JWT_BEARER, Room
from auth.visitor import Visitor, password_of
from gstack.auth.keys import service_accounts
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[ThreadedSandbox]:
    """A sandbox of its own; `request.param` are changes of its settings, or `two_factor` of its accounts."""
    changes = dict(getattr(request, "param", {}))
    second = changes.pop("two_factor", False)
    accounts = (msgspec.structs.replace(new_account(name), two_factor=second) for name in ("demo", "other"))
    settings = SandboxSettings(tuple(accounts), job_delay=0, **changes)
    with running(settings) as server:
        yield server


def pairs_of(sandbox: ThreadedSandbox) -> list[Any]:
    world = sandbox.sandbox.world
    user = world.first("user", username="demo")
    assert user
    return world.find("userkey", userid=user["id"])


def drop_pairs(sandbox: ThreadedSandbox) -> None:
    for row in pairs_of(sandbox):
        sandbox.sandbox.world.delete("userkey", row["id"])


async def test_a_password_signs_in(room: Room, sandbox: ThreadedSandbox) -> None:
    """A password sign-in uses the user's own pair, creates none, and ends CloudStack's session."""
    visitor = Visitor(room)
    answer = await visitor.sign_in(password_of(room))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "demo@example.org" in (await visitor.get("/")).text
    assert len(pairs_of(sandbox)) == 1
    assert room.auth.cloudstack.calls["logout"] == 1


async def test_a_key_pair_signs_in(room: Room) -> None:
    """A key pair signs in its own account."""
    visitor, pair = Visitor(room), room.accounts["other"]
    await visitor.get("/")
    answer = await visitor.post("/sign-in", way="keys", api_key=pair.api_key, secret_key=f" {pair.secret_key} ")
    assert answer.status_code == 303
    assert "other@example.org" in (await visitor.get("/")).text


@pytest.mark.parametrize(
    "fields",
    [
        {"way": "password", "username": "demo", "password": "wrong", "domain": ""},
        {"way": "password", "username": "", "password": "", "domain": ""},
        {"way": "password", "username": "demo", "password": "x" * 600, "domain": ""},
        {"way": "password", "username": "demo", "password": "x", "domain": "/no/such"},
        {"way": "keys", "api_key": "k" * 86, "secret_key": "wrong"},
        {"way": "keys", "api_key": "<script>", "secret_key": ""},
        {"way": "else"},
    ],
)
async def test_wrong_sign_ins_are_told_on_the_page(room: Room, fields: dict[str, str]) -> None:
    """The sign-in page says what is wrong, signs nobody in, and never repeats a password."""
    visitor = Visitor(room)
    await visitor.get("/")
    answer = await visitor.post("/sign-in", **fields)
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert "<script" not in answer.text
    assert not re.search(r'type="password"[^>]*value=', answer.text)
    assert "Your Compute Engine" not in (await visitor.get("/")).text


async def test_what_was_typed_is_escaped(room: Room) -> None:
    """A user name is shown as text, not as markup."""
    visitor = Visitor(room)
    await visitor.get("/")
    name = '"><img src=x onerror=alert(1)>'
    answer = await visitor.post("/sign-in", way="password", username=name, password="x", domain=name)
    assert "<img src=x" not in answer.text


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
async def test_nobody_is_led_elsewhere_after_signing_in(room: Room, page: str) -> None:
    """The next page is one of ours, whatever the form says."""
    answer = await Visitor(room).sign_in(password_of(room), next_page=page)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_guessing_is_slowed_down(room: Room) -> None:
    """After some failures even the right password has to wait."""
    visitor = Visitor(room)
    for _ in range(5):
        await visitor.sign_in("wrong")
    answer = await visitor.sign_in(password_of(room))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert "Too many" in answer.text


async def test_an_assertion_of_one_s_own_makes_no_guesses_free(room: Room) -> None:
    """A success with a key does not excuse failed passwords of the account that was named as client id."""
    visitor = Visitor(room)
    uri = "https://localhost:5000/oauth2/token"
    file = await service_accounts.register_key(
        room.auth, await room.auth.verify_pair(room.accounts["other"]), token_uri=uri
    )
    answers = []
    for _ in range(3):
        answers += [(await visitor.sign_in("wrong")).status_code for _ in range(3)]
        granted = await room.token(JWT_BEARER, assertion=assertion(file), client_id="demo /")
        assert granted.status_code == 200
    assert answers[-1] == 429


async def test_sign_ins_are_audited_without_secrets(room: Room) -> None:
    """The log says who signed in, who failed and who left; no password, no cookie."""
    visitor = Visitor(room)
    await visitor.sign_in("wrong-guess-of-mine")
    await visitor.sign_in(password_of(room))
    cookie = visitor.cookie
    await visitor.get("/")
    await visitor.post("/sign-out", next="/")
    log = (room.auth.settings.home / "audit.log").read_text()
    assert log.count('"event":"sign-in"') == 2
    assert '"event":"sign-out"' in log
    assert not any(secret in log for secret in ("wrong-guess-of-mine", password_of(room), cookie))


async def test_signing_out(room: Room) -> None:
    """Signing out removes the cookie, and the old cookie no longer works."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    await visitor.get("/")
    cookie = visitor.cookie
    answer = await visitor.post("/sign-out", next="/")
    assert "expires=sat, 01 jan 2000" in answer.headers["set-cookie"].lower()
    visitor.cookie = cookie
    assert "Your Compute Engine" not in (await visitor.get("/")).text


async def test_a_user_without_a_pair_is_asked(room: Room, sandbox: ThreadedSandbox) -> None:
    """A pair is created only after the user agrees; it has a name, and the requested page follows."""
    drop_pairs(sandbox)
    visitor = Visitor(room)
    answer = await visitor.sign_in(password_of(room), next_page="/oauth2/auth?client_id=x")
    assert answer.headers["location"].startswith("/sign-in/pair?")
    assert "Your Compute Engine" not in (await visitor.get("/")).text
    page = await visitor.get(answer.headers["location"])
    assert "has none yet" in page.text
    assert "Pairs that you have stay as they are" in page.text
    assert pairs_of(sandbox) == []
    created = await visitor.post("/sign-in/pair", decision="make", next="/oauth2/auth?client_id=x")
    assert created.headers["location"] == "/oauth2/auth?client_id=x"
    assert [row["name"][:14] for row in pairs_of(sandbox)] == ["gstack sign-in"]
    assert "Your Compute Engine" in (await visitor.get("/")).text


async def test_a_user_who_declines_gets_nothing_made(room: Room, sandbox: ThreadedSandbox) -> None:
    """Cancelling creates nothing and ends the sign-in."""
    drop_pairs(sandbox)
    visitor = Visitor(room)
    await visitor.get((await visitor.sign_in(password_of(room))).headers["location"])
    assert (await visitor.post("/sign-in/pair", decision="cancel")).headers["location"] == "/"
    assert pairs_of(sandbox) == []
    assert "Your Compute Engine" not in (await visitor.get("/")).text


@pytest.mark.parametrize("sandbox", [{"cloudstack_version": "4.22"}], indirect=True)
async def test_before_several_pairs(room: Room, sandbox: ThreadedSandbox) -> None:
    """With one pair per user, an existing pair is used and a missing one is created after asking."""
    assert (await Visitor(room).sign_in(password_of(room))).headers["location"] == "/"
    assert len(pairs_of(sandbox)) == 1
    drop_pairs(sandbox)
    visitor = Visitor(room)
    await visitor.get((await visitor.sign_in(password_of(room))).headers["location"])
    assert (await visitor.post("/sign-in/pair", decision="make")).status_code == 303
    assert len(pairs_of(sandbox)) == 1


async def test_the_pair_page_is_for_those_who_signed_in(room: Room) -> None:
    """Without a pending sign-in the pair page redirects and its form is refused."""
    visitor = Visitor(room)
    await visitor.get("/")
    assert (await visitor.get("/sign-in/pair?next=//evil.example")).headers["location"] == "/"
    assert (await visitor.post("/sign-in/pair", decision="make")).status_code == 403


@pytest.mark.parametrize("sandbox", [{"two_factor": True}], indirect=True)
async def test_a_second_factor_leads_to_the_key_pair(room: Room) -> None:
    """A user with a second factor is sent to the form for key pairs, which is open and works."""
    visitor = Visitor(room)
    for _ in range(7):
        answer = await visitor.sign_in(password_of(room))
        assert answer.status_code == 403
    assert "CloudStack wants a second factor for this user" in answer.text
    assert "Sign in with an API key pair instead." in answer.text
    assert "<details open>" in answer.text
    assert "Your Compute Engine" not in (await visitor.get("/")).text
    pair = room.demo
    signed_in = await visitor.post("/sign-in", way="keys", api_key=pair.api_key, secret_key=pair.secret_key)
    assert signed_in.status_code == 303
    assert "Your Compute Engine" in (await visitor.get("/")).text


async def test_an_unreachable_cloud_is_a_page(room: Room, sandbox: ThreadedSandbox) -> None:
    """If CloudStack does not answer, a page says so."""
    password = password_of(room)
    room.auth.cloudstack.endpoint = "http://127.0.0.1:9/"
    answer = await Visitor(room).sign_in(password)
    assert answer.status_code == 503
    assert "does not answer" in answer.text
