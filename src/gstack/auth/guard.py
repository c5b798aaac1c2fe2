"""The guard: from the token on a request to the Caller behind it.

Accepted are our own access tokens and JWTs that a registered service-account key signed for this API (Google's
"self-signed JWT", which google-auth sends without asking the token endpoint). What was found is remembered for a few
seconds, so that a busy client costs no database read. A revocation anywhere makes every process forget at once; where
that word does not arrive, those seconds are the limit. CloudStack is asked for the pair once a minute.
"""

import time
from collections import OrderedDict

import falcon.asgi
import msgspec

from gstack.auth import opaque
from gstack.auth.addresses import Addresses
from gstack.auth.caller import Caller
from gstack.auth.keys.credentials import unsealed
from gstack.auth.keys.sealing import Seal
from gstack.auth.keys.standing import Standing
from gstack.auth.oauth import scopes, service_accounts
from gstack.auth.oauth.jwt import Signed, UntrustedError, looks_signed
from gstack.auth.store import Credential, Store
from gstack.db.signals import Signal
from gstack.errors import Problem

REMEMBER = 3.0  # seconds
_CACHE = 10_000  # callers remembered at most
_SCHEMES = frozenset({"bearer", "oauth"})


class _Found(msgspec.Struct, frozen=True):
    caller: Caller
    until: float  # by the monotonic clock
    state: tuple[int, int]  # of the revocations, before it was looked for


class Guard:
    """Call it with a request. Raises Problem 401 for no token, or one that is wrong, ended or revoked."""

    def __init__(self, store: Store, seal: Seal, addresses: Addresses, standing: Standing, revocations: Signal) -> None:
        self._store = store
        self._seal = seal
        self._addresses = addresses
        self._standing = standing
        self._revocations = revocations
        self._known: OrderedDict[str, _Found] = OrderedDict()

    async def __call__(self, request: falcon.asgi.Request) -> Caller:
        token = token_of(request)
        digest = opaque.digest(token)
        found = self._known.get(digest)
        if found and found.until > time.monotonic() and found.state == self._revocations.state:
            return found.caller
        self._known.pop(digest, None)
        return await self._look(token, digest)

    def forget(self) -> None:
        """Remember nothing: after a revocation in this process it is seen at once."""
        self._known.clear()

    async def _look(self, token: str, digest: str) -> Caller:
        begun, state = time.monotonic(), self._revocations.state  # before the read: what is revoked meanwhile counts
        try:
            caller, ends = await (self._by_signature(token) if looks_signed(token) else self._by_hash(digest))
        except UntrustedError as error:
            raise Problem.unauthorized(f"Invalid Credentials: {error}") from error
        await self._standing.check(caller.credential, caller.keys)
        self._known[digest] = _Found(caller, begun + min(REMEMBER, ends - time.time()), state)
        while len(self._known) > _CACHE:
            self._known.popitem(last=False)
        return caller

    async def _by_hash(self, digest: str) -> tuple[Caller, float]:
        found = await self._store.in_force(digest)
        if found is None:
            raise UntrustedError("the access token is unknown, has ended or was revoked. Sign in again.")
        token, credential = found
        caller = self._caller(credential, token.data.get("user", ""), token.scopes)
        return caller, token.expires.timestamp()

    async def _by_signature(self, token: str) -> tuple[Caller, float]:
        signed, key = await service_accounts.verified(self._store, token)
        self._check_purpose(signed)
        credential = await self._store.credential(key.credential_id)
        if credential is None or credential.revoked:
            raise UntrustedError("the key pair behind this service account was revoked.")
        return self._caller(credential, key.email, signed.claims.scope or ""), signed.claims.exp

    def _check_purpose(self, signed: Signed) -> None:
        """A JWT names this API as its audience, or none and its scopes instead (Google's AIP-4111)."""
        claims = signed.claims
        if claims.sub != claims.iss:
            raise UntrustedError("iss and sub must both be the service account's e-mail.")
        if not claims.audiences and not claims.scope:
            raise UntrustedError("the JWT names neither an audience nor a scope.")
        if not all(self._addresses.is_api_url(audience) for audience in claims.audiences):
            raise UntrustedError("the JWT is meant for another audience than this API.")

    def _caller(self, credential: Credential, user: str, granted: str) -> Caller:
        return Caller(
            credential=credential.id,
            keys=unsealed(self._seal, credential),
            user=user or credential.user,
            account=credential.account,
            account_id=credential.account_id,
            domain_id=credential.domain_id,
            scopes=scopes.as_set(granted),
        )


def token_of(request: falcon.asgi.Request) -> str:
    """Return the token of a request, from its Authorization header or, as Google takes it too, from `access_token`."""
    header = request.get_header("Authorization") or ""
    scheme, _, token = header.partition(" ")
    if header and scheme.lower() not in _SCHEMES:
        raise Problem.unauthorized("Send 'Authorization: Bearer' with an access token.")
    token = token.strip() or request.get_param("access_token") or ""
    if not token:
        raise Problem.unauthorized("Login Required: send 'Authorization: Bearer' with an access token.")
    return token
