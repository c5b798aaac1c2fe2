"""Signing in at our pages: with CloudStack's user, password and domain, or with an API key pair.

A password is handed to CloudStack's `login` and kept nowhere. The session that CloudStack gives is used to find the
user's key pair, or to make one after asking, and then ended: from there on the pair is what stands behind everything.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

import falcon.asgi
import msgspec

from gstack.auth import opaque
from gstack.auth.auth import Auth
from gstack.auth.keys import key_pairs as pairs
from gstack.auth.pages import rendering as pages
from gstack.auth.pages.visits import Visit, give_cookie, is_local, posted, take_cookie, visit
from gstack.cloudstack.session import Session, SessionClient, domain_path, login
from gstack.cloudstack.signing import KeyPair
from gstack.errors import ApiError, Problem

SIGN_IN_PATH, PAIR_PATH, SIGN_OUT_PATH = "/sign-in", "/sign-in/pair", "/sign-out"
_TITLE = "Sign in"
_LIMIT = 512  # characters of a field
_SHOWN_KEY = 12  # characters of an API key that a log may show


def show_sign_in(
    response: falcon.asgi.Response,
    visitor: Visit,
    next_page: str,
    *,
    client: str = "",
    message: str = "",
    username: str = "",
    domain: str = "",
    by_keys: bool = False,
    status: int = 200,
) -> None:
    """Show the sign-in page; `next_page` comes after it."""
    pages.show(
        response,
        "sign_in.html",
        _TITLE,
        status,
        csrf=visitor.csrf,
        next=next_page,
        client=client,
        message=message,
        username=username,
        domain=domain,
        by_keys=by_keys,
    )


class SignInEndpoint:
    """GET: the page. POST: sign in."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        async def work() -> None:
            show_sign_in(response, await visit(self._auth, request, response), "/")

        await pages.answer(response, work)

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._post(request, response))

    async def _post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor, fields = await posted(self._auth, request)
        by_keys = fields.get("way") == "keys"
        claimed = _claimed(fields, by_keys=by_keys)
        told = {"what": "key pair" if by_keys else "password", "address": request.remote_addr or ""}
        counted = f"client {fields.get('api_key', '')[:_LIMIT]}" if by_keys else f"password {claimed}"
        try:
            async with self._auth.limits.attempt(request.remote_addr or "", counted):
                secret, path = await self._signed_in(request, visitor, fields, by_keys=by_keys)
        except ApiError as problem:
            self._auth.audit.write("sign-in", claimed=claimed, **told, result=problem.reason)
            _refuse(response, visitor, fields, problem, by_keys=by_keys)
            return
        self._auth.audit.write("sign-in", claimed=claimed, **await _who(self._auth, secret), **told, result="granted")
        give_cookie(response, secret)
        pages.lead(response, path)

    async def _signed_in(
        self, request: falcon.asgi.Request, visitor: Visit, fields: dict[str, str], *, by_keys: bool
    ) -> tuple[str, str]:
        """Prove who it is; return the new cookie and the page that comes next."""
        next_page, agent = next_of(fields), request.user_agent or ""
        if by_keys:
            pair = KeyPair(fields.get("api_key", "").strip(), fields.get("secret_key", "").strip())
            return await with_pair(self._auth, visitor.secret, pair, agent), next_page
        session = await self._by_password(fields)
        client = SessionClient(self._auth.cloudstack, session)
        pair_found = await pairs.own(client, session.user_id, await pairs.ability(client))
        if pair_found is None:
            return await self._pending(visitor, session, agent), f"{PAIR_PATH}?{urlencode({'next': next_page})}"
        await client.logout()
        return await with_pair(self._auth, visitor.secret, pair_found, agent, session), next_page

    async def _by_password(self, fields: dict[str, str]) -> Session:
        username, password = fields.get("username", "").strip(), fields.get("password", "")
        if not username or not password or max(len(username), len(password), len(fields.get("domain", ""))) > _LIMIT:
            raise Problem.unauthorized("CloudStack does not accept this user, password and domain.")
        return await login(self._auth.cloudstack, username, password, fields.get("domain", ""))

    async def _pending(self, visitor: Visit, session: Session, agent: str) -> str:
        """Keep CloudStack's session, sealed, until its user has decided about a key pair."""
        return await self._auth.sessions.open(
            visitor.secret,
            user_name=session.user_name,
            pending=self._auth.seal.seal(msgspec.json.encode(session).decode()),
            agent=agent,
        )


async def with_pair(auth: Auth, old: str, pair: KeyPair, agent: str, session: Session | None = None) -> str:
    """Begin a session that stands on a proved pair; return its cookie."""
    credential = await auth.proved(pair)
    name = session.user_name if session else credential.user
    return await auth.sessions.open(old, credential_id=credential.id, user_name=name, agent=agent)


async def _who(auth: Auth, secret: str) -> dict[str, str]:
    """Whose session this is, for the audit log; before a key pair is chosen CloudStack's user name alone."""
    browser = await auth.sessions.find(secret)
    credential = await auth.store.credential(browser.credential_id) if browser and browser.credential_id else None
    if credential:
        return {"who": credential.user, "account": credential.account}
    return {"who": browser.user_name if browser else ""}


def next_of(fields: dict[str, str]) -> str:
    """The page to go to, one of ours in any case."""
    path = fields.get("next", "/")
    return path if is_local(path) else "/"


def _claimed(fields: dict[str, str], *, by_keys: bool) -> str:
    """Who somebody says they are, for counting and for the log."""
    if by_keys:
        key = fields.get("api_key", "").strip()
        return f"{key[:_SHOWN_KEY]}…" if opaque.is_api_key(key) else "(no API key)"
    return f"{fields.get('username', '').strip()[:_LIMIT]} {domain_path(fields.get('domain', ''))[:_LIMIT]}"


def _refuse(
    response: falcon.asgi.Response, visitor: Visit, fields: dict[str, str], problem: ApiError, *, by_keys: bool
) -> None:
    """Show the page again, with what is wrong. The password is not shown again."""
    wrong = problem.status in {401, 403}
    text = problem.message
    if wrong and not by_keys and problem.status != _UNAUTHORIZED:
        text += " Sign in with an API key pair instead."
    show_sign_in(
        response,
        visitor,
        next_of(fields),
        message=text,
        username=fields.get("username", "")[:_LIMIT],
        domain=fields.get("domain", "")[:_LIMIT],
        by_keys=by_keys or problem.status == _FORBIDDEN,
        status=403 if wrong else problem.status,
    )
    if "Retry-After" in problem.headers:
        response.set_header("Retry-After", problem.headers["Retry-After"])


_UNAUTHORIZED, _FORBIDDEN = 401, 403


class PairEndpoint:
    """GET: ask whether to make a key pair. POST: the answer."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._get(request, response))

    async def _get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor = await visit(self._auth, request, response)
        next_page = next_of({"next": request.get_param("next") or "/"})
        session = self._session(visitor)
        if session is None:
            pages.lead(response, next_page)
            return
        client = SessionClient(self._auth.cloudstack, session)
        pages.show(
            response,
            "make_pair.html",
            "A key pair for you",
            csrf=visitor.csrf,
            next=next_page,
            user=session.user_name,
            ability=await pairs.ability(client),
            has_one=await pairs.has_one(client, session.user_id),
            name=_pair_name(),
        )

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._post(request, response))

    async def _post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor, fields = await posted(self._auth, request)
        session = self._session(visitor)
        if session is None:
            raise Problem.forbidden("You waited too long, or are signed in already. Go to the start page.")
        client = SessionClient(self._auth.cloudstack, session)
        if fields.get("decision") != "make":
            await client.logout()
            await _leave(self._auth, response, visitor)
            pages.lead(response, next_of(fields))
            return
        pair = await pairs.make(client, session.user_id, await pairs.ability(client), _pair_name(), _WHY)
        await client.logout()
        secret = await with_pair(self._auth, visitor.secret, pair, request.user_agent or "", session)
        facts = await _who(self._auth, secret)
        self._auth.audit.write("key", what="CloudStack pair made", **facts, target=_pair_name(), result="done")
        give_cookie(response, secret)
        pages.lead(response, next_of(fields))

    def _session(self, visitor: Visit) -> Session | None:
        if visitor.browser is None or visitor.browser.pending is None:
            return None
        return msgspec.json.decode(self._auth.seal.open(visitor.browser.pending), type=Session)


_WHY = "Made for signing in at gstack"


def _pair_name() -> str:
    return f"{pairs.SIGN_IN_NAME} {datetime.now(UTC):%Y-%m-%d}"


class SignOutEndpoint:
    """POST: end this browser's session."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    on_get = pages.lead_home

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._post(request, response))

    async def _post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor, fields = await posted(self._auth, request)
        if visitor.browser:
            self._auth.audit.write("sign-out", **await _who(self._auth, visitor.secret), result="done")
        await _leave(self._auth, response, visitor)
        pages.lead(response, next_of(fields))


async def _leave(auth: Auth, response: falcon.asgi.Response, visitor: Visit) -> None:
    await auth.sessions.close(opaque.digest(visitor.secret))
    take_cookie(response)
