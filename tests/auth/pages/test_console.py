"""gstack.auth.pages.console: what somebody who signed in sees."""

import re
from collections.abc import Iterator

import pytest

from auth.room import Room, redirected
from auth.visitor import GCLOUD, SECRET, Visitor, password_of
from gstack.auth.oauth import clients as registered_clients
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account

TEXT = "&lt;img src=x onerror=alert(1)&gt;"


@pytest.fixture
def sandbox() -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings((new_account("demo"), new_account("other")), job_delay=0)) as server:
        yield server


async def signed_in(room: Room, name: str = "demo") -> Visitor:
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room, name), name)
    return visitor


async def test_who_where_and_how(room: Room) -> None:
    """Account, project, zones with their regions, and settings of every client for this server and project."""
    page = await (await signed_in(room)).get("/")
    for text in ("demo@example.org", "sandbox-east1-a", "region sandbox-west1", "Terraform", "Ansible", "gcutil", "Go"):
        assert text in page.text
    assert "GOOGLE_PROJECT=demo" in page.text
    assert "&#34;$HOME&#34;/gstack/key.json" in page.text


async def test_settings_follow_project_and_zone(room: Room) -> None:
    """Another zone gives its settings; a name that is not the caller's is not repeated."""
    visitor = await signed_in(room)
    page = await visitor.get("/?zone=sandbox-west1-a")
    assert "CLOUDSDK_COMPUTE_ZONE=sandbox-west1-a" in page.text
    page = await visitor.get("/?project=<script>alert(1)</script>&zone=nowhere&done=<b>x</b>")
    assert "CLOUDSDK_COMPUTE_ZONE=sandbox-east1-a" in page.text
    assert "alert(1)" not in page.text
    assert "<b>x" not in page.text


async def test_a_forged_host_is_not_repeated(room: Room) -> None:
    """Settings name this server, never the Host of a request that names another."""
    visitor = await signed_in(room)
    headers = visitor.headers() | {"Host": "evil.example"}
    page = await room.http.simulate_get("/", headers=headers)
    assert "Your Compute Engine" in page.text
    assert "evil.example" not in page.text


async def test_a_key_whose_pair_is_gone_says_so(room: Room, sandbox: ThreadedSandbox) -> None:
    """A key whose pair was deleted at CloudStack is told apart from those that work, and can be cleared away."""
    visitor = await signed_in(room)
    await visitor.get("/")
    for label in ("gone", "kept"):
        await visitor.post("/keys", label=label, project="demo", expires="")
    assert "deleted in CloudStack" not in (await visitor.get("/")).text
    world = sandbox.sandbox.world
    (row,) = (row for row in world.all("userkey") if row["name"].startswith("gstack key gone"))
    world.delete("userkey", row["id"])
    rows = re.findall(r"<tr .*?</tr>", (await visitor.get("/")).text, re.DOTALL)
    (gone,) = (row for row in rows if "<strong>gone" in row)
    (kept,) = (row for row in rows if "<strong>kept" in row)
    assert "its key pair was deleted in CloudStack" in gone
    assert "deleted in CloudStack" not in kept
    found = re.search(r'name="key" value="([^"]+)"', gone)
    assert found
    assert (await visitor.post("/keys/revoke", key=found[1])).status_code == 303
    assert "<strong>gone" not in (await visitor.get("/")).text


async def test_names_are_text_wherever_they_come_from(room: Room, sandbox: ThreadedSandbox) -> None:
    """Markup in the names of projects, zones, users, keys, browsers and clients is shown, never obeyed."""
    evil, world = "<img src=x onerror=alert(1)>", sandbox.sandbox.world
    user, zone = world.first("user", username="demo"), world.first("zone", name="sandbox-east1-a")
    assert user
    assert zone
    world.update("user", user["id"], firstname=evil, email=f"{evil}@example.org")
    world.update("zone", zone["id"], name=evil)
    pair = room.demo
    await room.auth.cloudstack.client(pair).send("createProject", {"name": evil, "displaytext": evil})
    client, _ = await registered_clients.register(room.engine, evil, ("https://portal.example/cb",), public=True)
    visitor = Visitor(room, agent=evil)
    await visitor.get("/")
    await visitor.post("/sign-in", way="keys", api_key=pair.api_key, secret_key=pair.secret_key)
    await visitor.get("/")
    asked = {"client_id": client.id, "redirect_uri": "https://portal.example/cb", "state": evil, "scope": "email"}
    texts = [
        (await visitor.post("/keys", label=evil, project=evil, expires="")).text,
        (await visitor.get("/")).text,
        (await visitor.consent_page(**asked)).text,
        (await visitor.consent_page(redirect_uri=evil)).text,
        (await visitor.consent_page(client_id=evil)).text,
    ]
    for text in texts:
        assert "<img src=x" not in text
        assert "<b>" not in text
    for place in (
        f"<dd>{TEXT}@",
        f'<strong>{TEXT}</strong><br><span class="email">',
        f">{TEXT}</a>",
        f'small">{TEXT}<',
    ):
        assert place in texts[1], place  # the user's e-mail, the key, the project, the browser
    assert f"{TEXT} wants access" in texts[2]


async def test_programs_are_listed_and_revoked(room: Room) -> None:
    """A client that was let in stands there by its name; revoked, its tokens are refused at once."""
    visitor = await signed_in(room)
    answer = redirected(await visitor.decide(await visitor.consent_page(), "allow"))
    sent = {"client_id": GCLOUD, "client_secret": SECRET, "redirect_uri": "http://localhost:8085/"}
    token = (await room.token("authorization_code", None, **sent, code=answer["code"])).json
    page = await visitor.get("/")
    assert "Google Cloud SDK" in page.text
    family = re.search(r'name="family" value="([^"]+)"', page.text)
    assert family
    stranger = await signed_in(room, "other")
    await stranger.get("/")
    assert (await stranger.post("/sessions/revoke", family=family[1])).status_code == 404
    assert (await room.who(token["access_token"])).status_code == 200
    assert (await visitor.post("/sessions/revoke", family=family[1])).status_code == 303
    assert (await room.who(token["access_token"])).status_code == 401
    refused = await room.token("refresh_token", None, client_id=GCLOUD, refresh_token=token["refresh_token"])
    assert refused.json["error"] == "invalid_grant"
    assert "No program is signed in" in (await visitor.get("/")).text


async def test_other_browsers_are_revoked(room: Room) -> None:
    """A session in another browser ends from here; a stranger's cannot be named."""
    here, there, stranger = await signed_in(room), await signed_in(room), await signed_in(room, "other")
    page = await here.get("/")
    browser = re.search(r'name="browser" value="([^"]+)"', page.text)
    assert browser
    await stranger.get("/")
    assert (await stranger.post("/sessions/revoke", browser=browser[1])).status_code == 404
    assert (await here.post("/sessions/revoke", browser=browser[1])).status_code == 303
    assert "Your Compute Engine" not in (await there.get("/")).text
    assert "Your Compute Engine" in (await here.get("/")).text


async def test_a_pair_that_cloudstack_withdrew_ends_the_session(room: Room, sandbox: ThreadedSandbox) -> None:
    """Who deletes the pair at CloudStack is asked to sign in again, on a page."""
    visitor = await signed_in(room)
    for row in sandbox.sandbox.world.find("userkey", apikey=room.demo.api_key):
        sandbox.sandbox.world.delete("userkey", row["id"])
    page = await visitor.get("/")
    assert page.status_code == 403
    assert "Sign in again" in page.text
    assert "<h1>Sign in</h1>" in (await visitor.get("/")).text
