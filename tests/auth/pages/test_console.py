"""gstack.auth.pages.console: what somebody who is signed in sees and can do."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import falcon.asgi
import msgspec
import pytest
from falcon.testing import ASGIConductor

from auth.room import Room, redirected
from auth.visitor import GCLOUD, SECRET, Visitor, password_of
from gstack import tls
from gstack.app import mount_auth
from gstack.auth.auth import Auth
from gstack.auth.keys import service_accounts
from gstack.auth.oauth import clients
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
    await visitor.get("/")
    return visitor


async def test_who_where_and_how(room: Room) -> None:
    """The page shows account, project, zones with their regions, and settings for every client."""
    page = await (await signed_in(room)).get("/")
    for text in ("demo@example.org", "sandbox-east1-a", "region sandbox-west1", "Terraform", "Ansible", "gcutil", "Go"):
        assert text in page.text
    assert "GOOGLE_PROJECT=demo" in page.text
    assert "&#34;$HOME&#34;/gstack/key.json" in page.text


async def test_settings_follow_project_and_zone(room: Room) -> None:
    """Settings follow the chosen zone; a name that is not the caller's is not repeated."""
    visitor = await signed_in(room)
    page = await visitor.get("/?zone=sandbox-west1-a")
    assert "CLOUDSDK_COMPUTE_ZONE=sandbox-west1-a" in page.text
    page = await visitor.get("/?project=<script>alert(1)</script>&zone=nowhere&done=<b>x</b>")
    assert "CLOUDSDK_COMPUTE_ZONE=sandbox-east1-a" in page.text
    assert "alert(1)" not in page.text
    assert "<b>x" not in page.text


async def test_a_forged_host_is_not_repeated(room: Room) -> None:
    """Settings name this server, never a forged Host."""
    visitor = await signed_in(room)
    headers = visitor.headers() | {"Host": "evil.example"}
    page = await room.http.simulate_get("/", headers=headers)
    assert "Your Compute Engine" in page.text
    assert "evil.example" not in page.text


async def test_a_key_whose_pair_is_gone_says_so(room: Room, sandbox: ThreadedSandbox) -> None:
    """A key whose pair was deleted in CloudStack is marked as such and can be revoked."""
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
    assert "Its key pair was deleted in CloudStack" in gone
    assert "deleted in CloudStack" not in kept
    found = re.search(r'name="key" value="([^"]+)"', gone)
    assert found
    assert (await visitor.post("/keys/revoke", key=found[1])).status_code == 303
    assert "<strong>gone" not in (await visitor.get("/")).text


async def test_names_are_text_wherever_they_come_from(room: Room, sandbox: ThreadedSandbox) -> None:
    """Markup in the names of projects, zones, users, keys, browsers and clients is escaped."""
    evil, world = "<img src=x onerror=alert(1)>", sandbox.sandbox.world
    user, zone = world.first("user", username="demo"), world.first("zone", name="sandbox-east1-a")
    assert user
    assert zone
    world.update("user", user["id"], firstname=evil, email=f"{evil}@example.org")
    world.update("zone", zone["id"], name=evil)
    pair = room.demo
    await room.auth.cloudstack.client(pair).send("createProject", {"name": evil, "displaytext": evil})
    client, _ = await clients.register(room.engine, evil, ("https://portal.example/cb",), public=True)
    visitor = Visitor(room, agent=evil)
    await visitor.get("/")
    await visitor.post("/sign-in", way="keys", api_key=pair.api_key, secret_key=pair.secret_key)
    await visitor.get("/")
    parameters = {"client_id": client.id, "redirect_uri": "https://portal.example/cb", "state": evil, "scope": "email"}
    texts = [
        (await visitor.post("/keys", label=evil, project=evil, expires="")).text,
        (await visitor.get("/")).text,
        (await visitor.consent_page(**parameters)).text,
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
    """The page lists a client that was let in; after it is revoked, its tokens are refused at once."""
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
    """A user can revoke a session in another browser, but not a stranger's."""
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
    """After the pair is deleted in CloudStack, a page asks the user to sign in again."""
    visitor = await signed_in(room)
    for row in sandbox.sandbox.world.find("userkey", apikey=room.demo.api_key):
        sandbox.sandbox.world.delete("userkey", row["id"])
    page = await visitor.get("/")
    assert page.status_code == 403
    assert "Sign in again" in page.text
    assert "<h1>Sign in</h1>" in (await visitor.get("/")).text


async def created_files(visitor: Visitor, **fields: str) -> list[dict[str, str]]:
    page = await visitor.post("/keys", **fields)
    assert page.status_code == 200, page.text
    links = re.findall(r'href="data:application/json;base64,([^"]+)"', page.text)
    return [msgspec.json.decode(base64.b64decode(link)) for link in links]


async def test_a_key_is_shown_once(room: Room) -> None:
    """The page shows the key file, plain and with our universe domain; no later page has the private key."""
    visitor = await signed_in(room)
    plain, universe = await created_files(visitor, label="<i>ci</i>", project="demo", expires="2999-12-31")
    assert plain["type"] == "service_account"
    assert universe == {**plain, "universe_domain": "localhost:5000"}
    page = await visitor.get("/")
    assert plain["private_key_id"] in page.text
    assert "PRIVATE KEY" not in page.text
    assert "&lt;i&gt;ci&lt;/i&gt;" in page.text
    assert "2999-12-31" in page.text


@pytest.mark.parametrize("fields", [{"label": "x" * 61}, {"expires": "2020-01-01"}, {"expires": "soon"}])
async def test_wrong_keys_are_told_on_a_page(room: Room, fields: dict[str, str]) -> None:
    """A bad label or expiry day is refused with the reason."""
    answer = await (await signed_in(room)).post("/keys", **fields)
    assert answer.status_code == 400
    assert "Invalid value" in answer.text


async def test_a_key_names_a_project_that_the_account_is_in(room: Room) -> None:
    """A key file names the account's own project or one that CloudStack lists for it; no other is accepted."""
    await room.auth.cloudstack.client(room.demo).send("createProject", {"name": "shared", "displaytext": "shared"})
    visitor, stranger = await signed_in(room), await signed_in(room, "other")
    for fields, project in (({}, "demo"), ({"project": "demo"}, "demo"), ({"project": "shared"}, "shared")):
        plain, _ = await created_files(visitor, **fields)
        assert plain["project_id"] == project
    for name in ("shared", "demo", "made-up", "<script>"):
        answer = await stranger.post("/keys", project=name)
        assert answer.status_code == 400
        assert "not in this project" in answer.text
        assert "<script" not in answer.text
    assert await service_accounts.keys_of_user(room.auth, await room.auth.verify_pair(room.accounts["other"])) == []


async def test_keys_are_their_user_s_alone(room: Room) -> None:
    """A stranger neither sees nor can revoke a key, and cannot tell whether it exists."""
    visitor, stranger = await signed_in(room), await signed_in(room, "other")
    plain, _ = await created_files(visitor)
    assert plain["private_key_id"] not in (await stranger.get("/")).text
    existing = await stranger.post("/keys/revoke", key=plain["private_key_id"])
    unknown = await stranger.post("/keys/revoke", key="0" * 40)
    assert existing.status_code == unknown.status_code == 404
    assert plain["private_key_id"] in (await visitor.get("/")).text


@pytest.mark.parametrize("path", ["/keys", "/keys/revoke", "/sessions/revoke"])
async def test_forms_need_somebody_signed_in(room: Room, path: str) -> None:
    """A valid form of somebody who is not signed in is refused."""
    visitor = Visitor(room)
    await visitor.get("/")
    answer = await visitor.post(path, key="x", family="x")
    assert answer.status_code == 403
    assert "not signed in" in answer.text


async def test_zones_that_every_client_understands_come_first(room: Room) -> None:
    """The page lists zones with region and kind of network; zones whose names every client accepts come first."""
    page = await (await signed_in(room)).get("/")
    zones = re.findall(
        r">([\w-]+)</(?:strong|a)>(?:[^<]|<span[^>]*>[^<]*used below</span>)*<br>\s*<span[^>]*>([^<]+)<", page.text
    )
    assert zones == [
        ("sandbox-east1-a", "region sandbox-east1, VPC networks"),
        ("sandbox-west1-a", "region sandbox-west1, VPC networks"),
        ("Sandbox-simulator", "region sandbox-simulator, basic network with security groups"),
    ]


async def test_the_certificate_can_be_downloaded(room: Room) -> None:
    """Anybody may have the authority's certificate; its key stays on the server."""
    answer = await room.http.simulate_get("/ca.pem")
    assert answer.content == (room.auth.settings.home / "tls" / "ca.pem").read_bytes()
    assert answer.text.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in answer.text
    assert "attachment" in answer.headers["content-disposition"]


async def test_the_operator_s_own_certificate_comes_without_its_key(room: Room, tmp_path: Path) -> None:
    """Operators may have certificate and key in one file; only the certificate is public."""
    _, certificate, key = tls.ensure(tmp_path / "own")
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    server = msgspec.structs.replace(room.auth.settings.server, cert=str(both))
    settings = msgspec.structs.replace(room.auth.settings, server=server)
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App()
    mount_auth(app, Auth(room.engine, room.auth.cloudstack, settings))
    async with ASGIConductor(app) as http:
        assert (await http.simulate_get("/ca.pem")).content == certificate.read_bytes()
