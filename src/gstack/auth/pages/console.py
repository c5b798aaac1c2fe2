"""The console: `/` for somebody who signed in. Who I am, where I may work, my keys, my sessions, settings to copy."""

import asyncio
from collections.abc import Mapping, Sequence

import falcon.asgi
import msgspec

from gstack.auth.auth import Auth
from gstack.auth.keys import key_making
from gstack.auth.keys import key_pairs as pairs
from gstack.auth.oauth import clients as registered_clients
from gstack.auth.oauth.clients import OAuthClient
from gstack.auth.oauth.scope_words import words
from gstack.auth.pages import rendering as pages
from gstack.auth.pages.signin import show_sign_in
from gstack.auth.pages.visits import Visit, take_cookie, visit
from gstack.auth.store import Credential, ServiceKey, Token, now
from gstack.auth.surroundings import Place, Surroundings, Zone
from gstack.cloudstack.client import Client
from gstack.errors import Problem

NOTICES = {
    "key-revoked": "The key is revoked. Programs with its file are refused.",
    "session-revoked": "The session is revoked.",
}
_UNAUTHORIZED = 401
_ENDED = "CloudStack does not accept your key pair any more. Sign in again."


class Program(msgspec.Struct, frozen=True):
    """A client that the user let in: a family of tokens."""

    family: str
    client: str
    may: str
    created: object
    used: object


class _Project(msgspec.Struct, frozen=True):
    name: str
    state: str = "Active"


class HomeEndpoint:
    """GET: the console, or the sign-in page."""

    def __init__(self, auth: Auth, surroundings: Surroundings) -> None:
        self._auth = auth
        self._surroundings = surroundings

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        await pages.answer(response, lambda: self._get(request, response))

    async def _get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        visitor = await visit(self._auth, request, response)
        credential = await credential_of(self._auth, visitor)
        if credential is None:
            show_sign_in(response, visitor, "/")
            return
        try:
            await self._show(request, response, visitor, credential)
        except Problem as problem:
            if problem.status != _UNAUTHORIZED or visitor.browser is None:
                raise
            await self._auth.sessions.close(visitor.browser.hash)
            take_cookie(response)
            raise Problem.forbidden(_ENDED) from problem

    async def _show(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, visitor: Visit, credential: Credential
    ) -> None:
        pair = self._auth.pair_of(credential)
        client = self._auth.cloudstack.client(pair)
        projects, zones, known = await asyncio.gather(
            _projects(client, credential), self._surroundings.zones(pair), pairs.ability(client)
        )
        project = _chosen(request.get_param("project"), projects)
        zone = next((zone for zone in zones if zone.name == request.get_param("zone")), next(iter(zones), None))
        keys = [key for key in await key_making.of_user(self._auth, credential) if _in_force(key)]
        url = self._auth.addresses.base(request.get_header("Host") or "")
        texts = self._surroundings.texts(_place(url, project, zone, keys))
        ids = [own.id for own in await self._auth.store.credentials_of(credential)]
        pages.show(
            response,
            "console.html",
            "Your Compute Engine",
            csrf=visitor.csrf,
            notice=NOTICES.get(request.get_param("done") or "", ""),
            user=visitor.browser.user_name if visitor.browser else "",
            email=credential.user,
            account=credential.account,
            url=url,
            projects=projects,
            project=project,
            zones=zones,
            zone=zone.name if zone else "",
            several=known.several,
            keys=keys,
            without_pair=await key_making.without_pair(self._auth, credential, keys),
            programs=await _programs(self._auth, await self._auth.store.families(ids)),
            browsers=await self._auth.sessions.of_credentials(ids),
            this=visitor.browser.hash if visitor.browser else "",
            preparation=texts.preparation,
            settings=texts.clients,
            login=texts.login,
        )


async def credential_of(auth: Auth, visitor: Visit) -> Credential | None:
    """Return the key pair of somebody who is signed in and whose pair is in force."""
    if visitor.signed_in is None:
        return None
    credential = await auth.store.credential(visitor.signed_in.credential_id or "")
    return credential if credential and not credential.revoked else None


async def _projects(client: Client, credential: Credential) -> list[str]:
    """The names that may stand for a project in URLs: the account's own first."""
    found = await client.list_all("listProjects", _Project)
    return list(dict.fromkeys([credential.account, *(known.name for known in found if known.state == "Active")]))


def _chosen(wanted: str | None, projects: Sequence[str]) -> str:
    return wanted if wanted and wanted in projects else projects[0]


def _in_force(key: ServiceKey) -> bool:
    return not key.revoked and (key.expires is None or key.expires > now())


def _place(url: str, project: str, zone: Zone | None, keys: Sequence[ServiceKey]) -> Place:
    email = keys[0].email if len(keys) == 1 else ""
    return Place(url, project, zone.name if zone else "", zone.region if zone else "", email)


async def _programs(auth: Auth, tokens: Sequence[Token]) -> list[Program]:
    """One line for each family of tokens, the newest first; what keys bring stands with the keys."""
    families: dict[str, list[Token]] = {}
    for token in tokens:
        if not token.family.startswith("key:"):
            families.setdefault(token.family, []).append(token)
    clients = await registered_clients.known(auth.store.engine)
    return [_program(clients, family, members) for family, members in reversed(families.items())]


def _program(clients: Mapping[str, OAuthClient], family: str, members: Sequence[Token]) -> Program:
    newest = members[-1]
    client = clients.get(newest.client_id)
    name = client.name if client else f"API key {newest.client_id[:12]}…"
    sentences = words(newest.scopes.split()).sentences
    may = ". ".join(sentences) or "Know who you are"
    return Program(family, name, may, members[0].created, newest.created)
