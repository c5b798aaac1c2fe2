"""What the console's forms do: make a key, revoke a key, revoke a session; and the certificate to download."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import falcon.asgi
import msgspec

from gstack.auth.addresses import TOKEN_PATHS
from gstack.auth.auth import Auth
from gstack.auth.keys import key_making
from gstack.auth.keys import key_pairs as pairs
from gstack.auth.keys.service_accounts import slug
from gstack.auth.pages import rendering as pages
from gstack.auth.pages.console import credential_of
from gstack.auth.pages.visits import Visit, posted
from gstack.auth.store import Credential
from gstack.auth.surroundings import Surroundings
from gstack.auth.tokens import is_key_family
from gstack.errors import Problem


class _Form:
    """POST from somebody who is signed in; what is done with it is handed in."""

    def __init__(self, auth: Auth, work: Any) -> None:
        self._auth = auth
        self._work = work

    on_get = pages.lead_home

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._post(request, response))

    async def _post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor, fields = await posted(self._auth, request)
        credential = await credential_of(self._auth, visitor)
        if credential is None:
            raise Problem.forbidden("You are not signed in any more. Go to the start page and sign in.")
        await self._work(self._auth, request, response, visitor, credential, fields)


async def _create_key(
    auth: Auth,
    request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    _visitor: Visit,
    credential: Credential,
    fields: dict[str, str],
) -> None:
    url = auth.addresses.base(request.get_header("Host") or "")
    file = await key_making.create(
        auth,
        auth.pair_of(credential),
        project=fields.get("project") or None,
        token_uri=f"{url}{TOKEN_PATHS[0]}",
        label=fields.get("label", ""),
        expires=_end_of(fields.get("expires", "")),
    )
    universe = {**file, "universe_domain": urlsplit(url).netloc}
    pages.show(
        response,
        "new_key.html",
        "Your new key",
        email=file["client_email"],
        own_pair=(await pairs.ability(auth.cloudstack.client(auth.pair_of(credential)))).several,
        filename=_name(file, "key"),
        universe_filename=_name(file, "universe"),
        plain=_data(file),
        universe=_data(universe),
        text=msgspec.json.format(msgspec.json.encode(file), indent=2).decode(),
    )


def _name(file: dict[str, Any], kind: str) -> str:
    return f"{slug(file['project_id'])}-{kind}-{file['private_key_id'][:8]}.json"


def _end_of(day: str) -> datetime | None:
    """The end of a day that a form names, in UTC. Raises Problem 400."""
    if not day:
        return None
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1, seconds=-1)
    except ValueError as error:
        raise Problem.invalid("expires", "Give a day as year-month-day.") from error


def _data(file: dict[str, Any]) -> str:
    """A file inside a link: what is downloaded was never kept here."""
    content = msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"
    return "data:application/json;base64," + base64.b64encode(content).decode()


async def _revoke_key(
    auth: Auth,
    _request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    _visitor: Visit,
    credential: Credential,
    fields: dict[str, str],
) -> None:
    own = {key.key_id for key in await key_making.of_user(auth, credential)}
    if fields.get("key", "") not in own:
        raise Problem.not_found("keys/" + fields.get("key", "")[:40])
    revoked = await key_making.revoke(auth, fields["key"], auth.pair_of(credential), credential.user)
    if revoked.left:
        raise Problem.backend(
            "The key is revoked here, but CloudStack did not delete the key pair behind it "
            f"(its name begins with “{pairs.KEY_NAME}”): {revoked.left} Delete it in CloudStack."
        )
    pages.lead(response, "/?done=key-revoked#keys")


async def _revoke_session(
    auth: Auth,
    _request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    _visitor: Visit,
    credential: Credential,
    fields: dict[str, str],
) -> None:
    ids = [own.id for own in await auth.store.credentials_of(credential)]
    family, browser = fields.get("family", ""), fields.get("browser", "")
    families = {token.family for token in await auth.store.families(ids)}
    if family in families and not is_key_family(family):
        await auth.store.revoke_family(family)
        await auth.announce_revocation()
        target = "program"
    elif browser in {known.hash for known in await auth.sessions.of_credentials(ids)}:
        await auth.sessions.close(browser)
        target = "browser"
    else:
        raise Problem.not_found("sessions/" + (family or browser)[:40])
    facts = {"who": credential.user, "account": credential.account, "target": target}
    auth.audit.write("session", what="revoked", **facts, result="done")
    pages.lead(response, "/?done=session-revoked#sessions")


def key_form(auth: Auth) -> object:
    """POST /keys: make a service-account key and show it, once."""
    return _Form(auth, _create_key)


def key_revocation(auth: Auth) -> object:
    """POST /keys/revoke."""
    return _Form(auth, _revoke_key)


def session_revocation(auth: Auth) -> object:
    """POST /sessions/revoke: a program's tokens (`family`), or another browser's session (`browser`)."""
    return _Form(auth, _revoke_session)


class AuthorityEndpoint:
    """GET /ca.pem: the certificate that clients must trust. It is public."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.set_headers(pages.HEADERS)
        response.content_type = "application/x-pem-file"
        response.downloadable_as = "ca.pem"
        response.data = self._surroundings.authority()
