"""The audit log of sign-ins, keys and tokens: who, what, where and with what result, and no secrets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from auth.jwts import assertion
from auth.room import JWT_BEARER, Room, redirected
from auth.visitor import GCLOUD, SECRET, Visitor, hidden, password_of
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account

WHO = {"who": "demo@example.org", "account": "demo"}


@pytest.fixture
def sandbox() -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings((new_account("demo"), new_account("other")), job_delay=0)) as server:
        yield server


def lines(room: Room, event: str) -> list[dict[str, Any]]:
    text = (room.auth.settings.home / "audit.log").read_text()
    return [line for line in map(json.loads, text.splitlines()) if line["event"] == event]


def has(line: dict[str, Any], **facts: str) -> None:
    """Check that a line has these facts."""
    assert line.items() >= facts.items(), line


async def test_sign_ins(room: Room) -> None:
    """A sign-in is logged with user, way and address; a failure with the claimed name and the reason."""
    visitor = Visitor(room)
    await visitor.sign_in("wrong-guess-of-mine")
    await visitor.sign_in(password_of(room))
    await visitor.get("/")
    await visitor.post("/sign-out", next="/")
    pair = room.demo
    await visitor.get("/")
    await visitor.post("/sign-in", way="keys", api_key=pair.api_key, secret_key=pair.secret_key)
    failed, good, by_keys = lines(room, "sign-in")
    has(failed, what="password", claimed="demo /", result="authError", address="127.0.0.1")
    assert "who" not in failed
    has(good, **WHO, what="password", result="granted", address="127.0.0.1")
    has(by_keys, **WHO, what="key pair", claimed=f"{pair.api_key[:12]}…", result="granted")
    has(lines(room, "sign-out")[0], **WHO, result="done")


async def test_keys(room: Room) -> None:
    """Creating and revoking a key is logged with user, project and service account."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    await visitor.get("/")
    file = json.loads(_file((await visitor.post("/keys", label="ci", project="demo", expires="")).text))
    token = (await room.token(JWT_BEARER, assertion=assertion(file))).json["access_token"]
    await visitor.post("/keys/revoke", key=file["private_key_id"])
    facts = {"project": "demo", "target": file["client_email"], "key": file["private_key_id"], "result": "done"}
    created, revoked = lines(room, "key")
    has(created, **WHO, what="created", **facts)
    has(revoked, who=WHO["who"], what="revoked", **facts)
    (granted,) = lines(room, "token")
    has(granted, who=file["client_email"], account="demo", what="jwt-bearer", result="granted", key=facts["key"])
    text = (room.auth.settings.home / "audit.log").read_text()
    assert token not in text
    assert file["private_key"].splitlines()[1][:40] not in text


def _file(page: str) -> str:
    """The key file that a page shows."""
    return page.partition('aria-label="Key file">')[2].partition("</pre>")[0].replace("&#34;", '"')


async def test_consents_tokens_and_sessions(room: Room) -> None:
    """Consents, denials, tokens with their scopes, and revocations are logged."""
    visitor = Visitor(room)
    await visitor.sign_in(password_of(room))
    await visitor.decide(await visitor.consent_page(), "deny")
    code = redirected(await visitor.decide(await visitor.consent_page(scope="openid email"), "allow"))["code"]
    client = {"client_id": GCLOUD, "client_secret": SECRET}
    sent = client | {"redirect_uri": "http://localhost:8085/", "code": code}
    token = (await room.token("authorization_code", None, **sent)).json
    await room.form("/oauth2/revoke", {"token": token["refresh_token"]})
    await room.form("/oauth2/revoke", {"token": "1//unknown"})
    denied, allowed = lines(room, "consent")
    has(denied, **WHO, client=GCLOUD, result="denied")
    has(allowed, **WHO, client=GCLOUD, scopes="openid email", result="allowed")
    granted, revoked = lines(room, "token")
    has(granted, **WHO, what="authorization_code", client=GCLOUD, scopes="openid email", result="granted")
    has(revoked, **WHO, what="revoked", client=GCLOUD, result="done")
    other = Visitor(room)
    await other.sign_in(password_of(room))
    page = await visitor.get("/")
    await visitor.post("/sessions/revoke", browser=hidden(page, "browser"))
    has(lines(room, "session")[0], **WHO, what="revoked", target="browser", result="done")
    text = (room.auth.settings.home / "audit.log").read_text()
    assert not any(secret in text for secret in (code, token["access_token"], token["refresh_token"], visitor.cookie))


async def test_refused_tokens(room: Room) -> None:
    """A refused token request is logged with the claimed name, an API key abbreviated, and the reason."""
    room.address = "198.51.100.7"
    for _ in range(6):
        await room.token("client_credentials", None, client_id=room.demo.api_key, client_secret="s" * 86)
    first, *_, last = lines(room, "token")
    claimed = f"{room.demo.api_key[:12]}…"
    has(first, claimed=claimed, what="client_credentials", result="authError", address="198.51.100.7")
    has(last, claimed=claimed, result="rateLimitExceeded")
    assert "who" not in first
