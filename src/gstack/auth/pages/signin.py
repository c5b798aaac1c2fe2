"""Sign-in pages: with CloudStack's user, password and domain, or with an API key pair.

A password goes to CloudStack's `login` and is not stored. The CloudStack session finds the user's key pair, or creates
one if the user agrees, and is then ended. From there on everything relies on the pair.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

import falcon.asgi
import msgspec

from gstack.auth.auth import Auth
from gstack.auth.keys import key_pairs
from gstack.auth.keys.key_pairs import abbreviated, is_api_key
from gstack.auth.pages import rendering
from gstack.auth.pages.forms import FormEndpoint, Submission, local_path
from gstack.auth.pages.sessions import Visit, remove_cookie, set_cookie, visit_of
from gstack.auth.tokens import digest
from gstack.cloudstack.session import Session, SessionClient, domain_path, login
from gstack.cloudstack.signing import KeyPair
from gstack.errors import ApiError, Problem

SIGN_IN_PATH, PAIR_PATH, SIGN_OUT_PATH = "/sign-in", "/sign-in/pair", "/sign-out"
_FIELD_LIMIT = 512  # characters
_UNAUTHORIZED, _FORBIDDEN = 401, 403


def show_sign_in(
    response: falcon.asgi.Response,
    visit: Visit,
    next_page: str,
    *,
    client: str = "",
    message: str = "",
    username: str = "",
    domain: str = "",
    by_keys: bool = False,
    status: int = 200,
) -> None:
    """Show the sign-in page. `next_page` follows it; `by_keys` opens the form for a key pair."""
    rendering.show(
        response,
        "sign_in.html",
        "Sign in",
        status,
        csrf=visit.csrf,
        next=next_page,
        client=client,
        message=message,
        username=username,
        domain=domain,
        by_keys=by_keys,
    )


def sign_in_endpoint(auth: Auth) -> FormEndpoint:
    """GET: the page. POST: sign in."""
    return FormEndpoint(auth, _sign_in, _show_sign_in_page)


async def _show_sign_in_page(auth: Auth, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
    show_sign_in(response, await visit_of(auth.sessions, request, response), "/")


async def _sign_in(auth: Auth, form: Submission) -> None:
    await auth.prune()  # failures add rows
    by_keys = form.fields.get("way") == "keys"
    claimed = _claimed_name(form.fields, by_keys=by_keys)
    address = form.request.remote_addr or ""
    facts = {"what": "key pair" if by_keys else "password", "address": address}
    counted = f"client {form.fields.get('api_key', '')[:_FIELD_LIMIT]}" if by_keys else f"password {claimed}"
    try:
        async with auth.limits.attempt(address, counted):
            cookie, path = await (_sign_in_by_keys(auth, form) if by_keys else _sign_in_by_password(auth, form))
    except ApiError as problem:
        auth.audit.write("sign-in", claimed=claimed, **facts, result=problem.reason)
        _show_refusal(form, problem, by_keys=by_keys)
        return
    auth.audit.write("sign-in", claimed=claimed, **await _user_facts(auth, cookie), **facts, result="granted")
    set_cookie(form.response, cookie)
    rendering.redirect(form.response, path)


def _claimed_name(fields: dict[str, str], *, by_keys: bool) -> str:
    """Return who the visitor claims to be, for the limits and the log."""
    if by_keys:
        key = fields.get("api_key", "").strip()
        return abbreviated(key) if is_api_key(key) else "(no API key)"
    return f"{fields.get('username', '').strip()[:_FIELD_LIMIT]} {domain_path(fields.get('domain', ''))[:_FIELD_LIMIT]}"


async def _sign_in_by_keys(auth: Auth, form: Submission) -> tuple[str, str]:
    """Return the new cookie and the page that comes next."""
    pair = KeyPair(form.fields.get("api_key", "").strip(), form.fields.get("secret_key", "").strip())
    return await _open_session(auth, form, pair), form.next_page


async def _sign_in_by_password(auth: Auth, form: Submission) -> tuple[str, str]:
    """Return the new cookie and the page that comes next: the one about key pairs if the user has none."""
    username, password = form.fields.get("username", "").strip(), form.fields.get("password", "")
    domain = form.fields.get("domain", "")
    if not username or not password or max(len(username), len(password), len(domain)) > _FIELD_LIMIT:
        raise Problem.unauthorized("CloudStack does not accept this user, password and domain.")
    session = await login(auth.cloudstack, username, password, domain)
    client = SessionClient(auth.cloudstack, session)
    pair = await key_pairs.find_pair(client, session.user_id, await key_pairs.capabilities(client))
    if pair:
        await client.logout()
        return await _open_session(auth, form, pair, session), form.next_page
    cookie = await auth.sessions.open(  # with CloudStack's session, until the user has decided about a key pair
        form.visit.cookie,
        user_name=session.user_name,
        pending=auth.seal.seal(msgspec.json.encode(session).decode()),
        agent=form.request.user_agent or "",
    )
    return cookie, f"{PAIR_PATH}?{urlencode({'next': form.next_page})}"


async def _open_session(auth: Auth, form: Submission, pair: KeyPair, session: Session | None = None) -> str:
    """Verify a pair and start a session that relies on it. Return the new cookie."""
    credential = await auth.verify_pair(pair)
    return await auth.sessions.open(
        form.visit.cookie,
        credential_id=credential.id,
        user_name=session.user_name if session else credential.user,
        agent=form.request.user_agent or "",
    )


def _show_refusal(form: Submission, problem: ApiError, *, by_keys: bool) -> None:
    """Show the sign-in page again and say what is wrong. The page never repeats the password."""
    rejected = problem.status in {_UNAUTHORIZED, _FORBIDDEN}
    text = problem.message
    if problem.status == _FORBIDDEN and not by_keys:
        text += " Sign in with an API key pair instead."
    show_sign_in(
        form.response,
        form.visit,
        form.next_page,
        message=text,
        username=form.fields.get("username", "")[:_FIELD_LIMIT],
        domain=form.fields.get("domain", "")[:_FIELD_LIMIT],
        by_keys=by_keys or problem.status == _FORBIDDEN,
        status=_FORBIDDEN if rejected else problem.status,
    )
    if "Retry-After" in problem.headers:
        form.response.set_header("Retry-After", problem.headers["Retry-After"])


async def _user_facts(auth: Auth, cookie: str) -> dict[str, str]:
    """Return whose session this is, for the audit log. Without a key pair yet, it is only CloudStack's user name."""
    browser = await auth.sessions.find(cookie)
    credential = await auth.store.credential(browser.credential_id) if browser and browser.credential_id else None
    if credential:
        return {"who": credential.user, "account": credential.account}
    return {"who": browser.user_name if browser else ""}


def pair_endpoint(auth: Auth) -> FormEndpoint:
    """GET: ask whether to create a key pair. POST: the user's decision."""
    return FormEndpoint(auth, _decide_pair, _show_pair_page)


async def _show_pair_page(auth: Auth, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
    visit = await visit_of(auth.sessions, request, response)
    next_page = local_path(request.get_param("next") or "/")
    session = _pending_session(auth, visit)
    if session is None:
        rendering.redirect(response, next_page)
        return
    client = SessionClient(auth.cloudstack, session)
    rendering.show(
        response,
        "create_pair.html",
        "A key pair for you",
        csrf=visit.csrf,
        next=next_page,
        user=session.user_name,
        can=await key_pairs.capabilities(client),
        has_one=await key_pairs.has_pair(client, session.user_id),
        name=_pair_name(),
    )


async def _decide_pair(auth: Auth, form: Submission) -> None:
    session = _pending_session(auth, form.visit)
    if session is None:
        raise Problem.forbidden("You waited too long, or are signed in already. Go to the start page.")
    client = SessionClient(auth.cloudstack, session)
    if form.fields.get("decision") != "make":
        await client.logout()
        await _end_session(auth, form)
        return
    can = await key_pairs.capabilities(client)
    pair = await key_pairs.create(client, session.user_id, can, _pair_name(), "Made for signing in at gstack")
    await client.logout()
    cookie = await _open_session(auth, form, pair, session)
    facts = await _user_facts(auth, cookie)
    auth.audit.write("key", what="CloudStack pair made", **facts, target=_pair_name(), result="done")
    set_cookie(form.response, cookie)
    rendering.redirect(form.response, form.next_page)


def _pending_session(auth: Auth, visit: Visit) -> Session | None:
    """Return the CloudStack session of a user who has no key pair yet."""
    if visit.browser is None or visit.browser.pending is None:
        return None
    return msgspec.json.decode(auth.seal.open(visit.browser.pending), type=Session)


def _pair_name() -> str:
    return f"{key_pairs.SIGN_IN_PREFIX} {datetime.now(UTC):%Y-%m-%d}"


def sign_out_endpoint(auth: Auth) -> FormEndpoint:
    """POST: end this browser's session."""
    return FormEndpoint(auth, _sign_out)


async def _sign_out(auth: Auth, form: Submission) -> None:
    if form.visit.browser:
        auth.audit.write("sign-out", **await _user_facts(auth, form.visit.cookie), result="done")
    await _end_session(auth, form)


async def _end_session(auth: Auth, form: Submission) -> None:
    await auth.sessions.close(digest(form.visit.cookie))
    remove_cookie(form.response)
    rendering.redirect(form.response, form.next_page)
