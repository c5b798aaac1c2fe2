"""The console: `/` for somebody who is signed in. It shows the user, projects and zones, keys, sessions and settings.

Its forms create and revoke service-account keys and revoke sessions. What it shows of other parts of the product is
handed in by app.py.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import falcon.asgi
import msgspec

from gstack.auth.addresses import TOKEN_PATHS
from gstack.auth.auth import Auth
from gstack.auth.keys import key_pairs, service_accounts
from gstack.auth.keys.credentials import unseal_pair
from gstack.auth.oauth import clients, scopes
from gstack.auth.oauth.clients import OAuthClient
from gstack.auth.pages import rendering
from gstack.auth.pages.forms import FormEndpoint, Submission, credential_of, signed_in_form
from gstack.auth.pages.sessions import Visit, remove_cookie, visit_of
from gstack.auth.pages.signin import show_sign_in
from gstack.auth.store import Credential, Token, now
from gstack.auth.tokens import is_key_family
from gstack.cloudstack.client import Client
from gstack.cloudstack.signing import KeyPair
from gstack.errors import Problem

_NOTICES = {
    "key-revoked": "The key is revoked. Programs that use its file are refused.",
    "session-revoked": "The session is revoked.",
}
_UNAUTHORIZED = 401


class Zone(msgspec.Struct, frozen=True):
    """A zone as clients name it. `kind` describes its network in words."""

    name: str
    region: str
    kind: str


class Place(msgspec.Struct, frozen=True):
    """Where a client works, and how it reaches this server. An empty `email` means that it is read from the key."""

    url: str
    project: str
    zone: str
    region: str
    email: str = ""


class Texts(msgspec.Struct, frozen=True):
    """Settings to copy: what to do once, gcloud without a key file, and a title with a text for each client."""

    preparation: str
    login: str
    clients: tuple[tuple[str, str], ...]


Zones = Callable[[KeyPair], Awaitable[Sequence[Zone]]]  # those that a pair sees; the most usable names come first
ClientTexts = Callable[[Place], Texts]
Certificate = Callable[[], bytes]  # the certificate that clients must trust, in PEM form


class _Program(msgspec.Struct, frozen=True):
    """A client that the user let in, as the page lists it."""

    family: str
    client: str
    may: str
    created: datetime
    used: datetime


class _Project(msgspec.Struct, frozen=True):
    name: str
    state: str = "Active"


class ConsoleEndpoint:
    """GET: the console, or the sign-in page."""

    def __init__(self, auth: Auth, zones: Zones, texts: ClientTexts) -> None:
        self._auth = auth
        self._zones = zones
        self._texts = texts

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await rendering.answer(response, lambda: self._get(request, response))

    async def _get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visit = await visit_of(self._auth.sessions, request, response)
        credential = await credential_of(self._auth, visit)
        if credential is None:
            show_sign_in(response, visit, "/")
            return
        try:
            await self._show(request, response, visit, credential)
        except Problem as problem:
            if problem.status != _UNAUTHORIZED or visit.browser is None:
                raise
            await self._auth.sessions.close(visit.browser.hash)
            remove_cookie(response)
            raise Problem.forbidden("CloudStack no longer accepts your key pair. Sign in again.") from problem

    async def _show(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, visit: Visit, credential: Credential
    ) -> None:
        pair = unseal_pair(self._auth.seal, credential)
        client = self._auth.cloudstack.client(pair)
        projects, zones, can = await asyncio.gather(
            _projects(client, credential), self._zones(pair), key_pairs.capabilities(client)
        )
        project = request.get_param("project") or ""
        if project not in projects:
            project = projects[0]
        zone = next((zone for zone in zones if zone.name == request.get_param("zone")), next(iter(zones), None))
        zone_name, region = (zone.name, zone.region) if zone else ("", "")
        keys = [
            key
            for key in await service_accounts.keys_of_user(self._auth, credential)
            if not key.revoked and (key.expires is None or key.expires > now())
        ]
        url = self._auth.addresses.base(request.get_header("Host") or "")
        texts = self._texts(Place(url, project, zone_name, region, keys[0].email if len(keys) == 1 else ""))
        ids = [own.id for own in await self._auth.store.credentials_of(credential)]
        rendering.show(
            response,
            "console.html",
            "Your Compute Engine",
            csrf=visit.csrf,
            notice=_NOTICES.get(request.get_param("done") or "", ""),
            user=visit.browser.user_name if visit.browser else "",
            email=credential.user,
            account=credential.account,
            url=url,
            projects=projects,
            project=project,
            zones=zones,
            zone=zone_name,
            several=can.several,
            keys=keys,
            without_pair=await service_accounts.without_pair(self._auth, credential, keys),
            programs=await _programs(self._auth, await self._auth.store.families(ids)),
            browsers=await self._auth.sessions.of_credentials(ids),
            this=visit.browser.hash if visit.browser else "",
            preparation=texts.preparation,
            settings=texts.clients,
            login=texts.login,
        )


async def _projects(client: Client, credential: Credential) -> list[str]:
    """Return the names that may stand for a project in URLs, with the account's own first."""
    found = await client.list_all("listProjects", _Project)
    return list(dict.fromkeys([credential.account, *(project.name for project in found if project.state == "Active")]))


async def _programs(auth: Auth, tokens: Sequence[Token]) -> list[_Program]:
    """Return one line for each family of tokens, newest first. Tokens of keys are listed with the keys instead."""
    families: dict[str, list[Token]] = {}
    for token in tokens:
        if not is_key_family(token.family):
            families.setdefault(token.family, []).append(token)
    by_id = await clients.list_all(auth.store.engine)
    return [_program(by_id, family, members) for family, members in reversed(families.items())]


def _program(by_id: Mapping[str, OAuthClient], family: str, members: Sequence[Token]) -> _Program:
    newest = members[-1]
    client = by_id.get(newest.client_id)
    name = client.name if client else f"API key {newest.client_id[:12]}…"
    may = ". ".join(scopes.describe(newest.scopes.split()).sentences) or "Know who you are"
    return _Program(family, name, may, members[0].created, newest.created)


def create_key_endpoint(auth: Auth) -> FormEndpoint:
    """POST: create a service-account key and show it, once."""
    return signed_in_form(auth, _create_key)


async def _create_key(auth: Auth, form: Submission, credential: Credential) -> None:
    pair = unseal_pair(auth.seal, credential)
    client = auth.cloudstack.client(pair)
    project = form.fields.get("project") or credential.account
    if project not in await _projects(client, credential):
        raise Problem.invalid("project", "Your account is not in this project. Choose one of the console's list.")
    url = auth.addresses.base(form.request.get_header("Host") or "")
    file = await service_accounts.create_key(
        auth,
        pair,
        project=project,
        token_uri=f"{url}{TOKEN_PATHS[0]}",
        label=form.fields.get("label", ""),
        expires=_end_of(form.fields.get("expires", "")),
    )
    universe_file = {**file, "universe_domain": urlsplit(url).netloc}
    slug, number = service_accounts.slug(file["project_id"]), file["private_key_id"][:8]
    rendering.show(
        form.response,
        "new_key.html",
        "Your new key",
        email=file["client_email"],
        own_pair=(await key_pairs.capabilities(client)).several,
        filename=f"{slug}-key-{number}.json",
        universe_filename=f"{slug}-universe-{number}.json",
        plain=_data_url(file),
        universe=_data_url(universe_file),
        text=_indented(file).decode(),
    )


def _end_of(day: str) -> datetime | None:
    """Return the last second of a day, in UTC. Raises Problem 400 if it is malformed."""
    if not day:
        return None
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1, seconds=-1)
    except ValueError as error:
        raise Problem.invalid("expires", "Give a day as year-month-day.") from error


def _data_url(file: dict[str, Any]) -> str:
    """Return a file as a link that contains it, so that a download needs no copy on the server."""
    return "data:application/json;base64," + base64.b64encode(_indented(file) + b"\n").decode()


def _indented(file: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file), indent=2)


def revoke_key_endpoint(auth: Auth) -> FormEndpoint:
    """POST: revoke a service-account key."""
    return signed_in_form(auth, _revoke_key)


async def _revoke_key(auth: Auth, form: Submission, credential: Credential) -> None:
    key_id = form.fields.get("key", "")
    if key_id not in {key.key_id for key in await service_accounts.keys_of_user(auth, credential)}:
        raise Problem.not_found(f"keys/{key_id[:40]}")
    pair = unseal_pair(auth.seal, credential)
    revocation = await service_accounts.revoke_key(auth, key_id, pair, credential.user)
    if revocation.left:
        raise Problem.backend(
            "The key is revoked here, but CloudStack did not delete the key pair behind it "
            f"(its name begins with “{key_pairs.SERVICE_KEY_PREFIX}”): {revocation.left} Delete it in CloudStack."
        )
    rendering.redirect(form.response, "/?done=key-revoked#keys")


def revoke_session_endpoint(auth: Auth) -> FormEndpoint:
    """POST: revoke a program's tokens (`family`), or another browser's session (`browser`)."""
    return signed_in_form(auth, _revoke_session)


async def _revoke_session(auth: Auth, form: Submission, credential: Credential) -> None:
    ids = [own.id for own in await auth.store.credentials_of(credential)]
    family, browser = form.fields.get("family", ""), form.fields.get("browser", "")
    families = {token.family for token in await auth.store.families(ids)}
    if family in families and not is_key_family(family):
        await auth.store.revoke_family(family)
        await auth.announce_revocation()
        target = "program"
    elif browser in {own.hash for own in await auth.sessions.of_credentials(ids)}:
        await auth.sessions.close(browser)
        target = "browser"
    else:
        raise Problem.not_found("sessions/" + (family or browser)[:40])
    facts = {"who": credential.user, "account": credential.account, "target": target}
    auth.audit.write("session", what="revoked", **facts, result="done")
    rendering.redirect(form.response, "/?done=session-revoked#sessions")


class CertificateEndpoint:
    """GET: the certificate that clients must trust. It is public."""

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.set_headers(rendering.HEADERS)
        response.content_type = "application/x-pem-file"
        response.downloadable_as = "ca.pem"
        response.data = self._certificate()
