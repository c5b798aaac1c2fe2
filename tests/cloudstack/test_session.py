"""gstack.cloudstack.session against the sandbox."""

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.errors import Refusal
from gstack.cloudstack.session import SessionClient, TwoFactorError, domain_path, login
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem
from gstack.sandbox.server import ThreadedSandbox, running
from gstack.sandbox.settings import SandboxSettings, new_account


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    with running(SandboxSettings((new_account("demo"), new_account("other")), job_delay=0)) as server:
        yield server


@pytest.fixture
async def cloudstack(sandbox: ThreadedSandbox) -> AsyncIterator[CloudStack]:
    async with CloudStack(sandbox.url) as connection:
        yield connection


def password(sandbox: ThreadedSandbox) -> str:
    return sandbox.sandbox.settings.accounts[0].password


async def test_a_session_calls_until_it_is_ended(cloudstack: CloudStack, sandbox: ThreadedSandbox) -> None:
    """After login the session's cookies and key carry calls and jobs; after logout they carry none."""
    session = await login(cloudstack, "demo", password(sandbox), "/")
    client = SessionClient(cloudstack, session)
    assert (await client.send("listUsers"))["user"][0]["id"] == session.user_id
    job = await client.send("registerUserKeys", {"id": session.user_id, "name": "made by a session"})
    assert (await client.finish("registerUserKeys", job["jobid"]))["name"] == "made by a session"
    await client.logout()
    with pytest.raises(Refusal) as refused:
        await client.send("listUsers")
    assert refused.value.error_code == 401
    await client.logout()


async def test_nobody_else_gets_the_session(cloudstack: CloudStack, sandbox: ThreadedSandbox) -> None:
    """The pooled connection keeps no cookies: a call without a signature is nobody's after a sign-in."""
    await login(cloudstack, "demo", password(sandbox), "/")
    with pytest.raises(Refusal) as refused:
        await cloudstack.client(KeyPair("k" * 86, "wrong")).send("listUsers")
    assert refused.value.error_code == 401
    status, _, _ = await cloudstack.exchange("listUsers", "command=listUsers&response=json")
    assert status == 401


@pytest.mark.parametrize(
    ("user", "secret", "domain"), [("demo", "wrong", "/"), ("nobody", "x", "/"), ("demo", "", "/"), ("demo", "", "/no")]
)
async def test_wrong_sign_ins_say_one_thing(cloudstack: CloudStack, user: str, secret: str, domain: str) -> None:
    """Unknown user, wrong password, unknown domain: one 401, so that nobody learns which names exist."""
    with pytest.raises(Problem, match="does not accept this user, password and domain") as refused:
        await login(cloudstack, user, secret, domain)
    assert refused.value.status == 401


async def test_a_second_factor_is_told_and_leaves_no_session() -> None:
    """Where CloudStack wants a second factor the sign-in is refused as such, and CloudStack's session is ended."""
    account = msgspec.structs.replace(new_account("demo"), two_factor=True)
    with running(SandboxSettings((account,), job_delay=0)) as server:
        async with CloudStack(server.url) as connection:
            with pytest.raises(TwoFactorError, match="second factor") as refused:
                await login(connection, "demo", account.password, "/")
            assert connection.calls["logout"] == 1
            with pytest.raises(Problem, match="does not accept"):
                await login(connection, "demo", "wrong", "/")
    assert refused.value.status == 403


async def test_a_session_shows_no_secret(cloudstack: CloudStack, sandbox: ThreadedSandbox) -> None:
    """Its repr, which a log might show, holds neither key nor cookie."""
    session = await login(cloudstack, "demo", password(sandbox), "/")
    assert session.session_key not in repr(session)
    assert not any(value in repr(session) for value in session.cookies.values())


@pytest.mark.parametrize(
    ("text", "path"),
    [("", "/"), ("/", "/"), ("ROOT", "/"), (" acme/x ", "/acme/x"), ("/acme/", "/acme"), ("ROOT/acme", "/acme")],
)
def test_domains_are_read_as_people_write_them(text: str, path: str) -> None:
    """CloudStack's paths, with or without its ROOT and slashes."""
    assert domain_path(text) == path
