"""The guard: from the token on a request to the Caller behind it.

It accepts our own access tokens, and JWTs for this API that a registered service-account key signed (Google's
"self-signed JWT", which google-auth sends without asking the token endpoint). Callers are remembered for a few seconds,
so that a busy client costs no database read. A revocation anywhere makes every process forget them at once; if that
signal is lost, they are forgotten after those seconds. The pair is checked with CloudStack once a minute.
"""

import time
from collections import OrderedDict

import falcon.asgi
import msgspec

from gstack.auth import tokens
from gstack.auth.addresses import Addresses
from gstack.auth.caller import Caller
from gstack.auth.keys.credentials import PairChecker, unseal_pair
from gstack.auth.keys.sealing import Seal
from gstack.auth.oauth import jwt, scopes
from gstack.auth.oauth.jwt import UntrustedError
from gstack.auth.store import Credential, Store
from gstack.db.signals import Signal
from gstack.errors import Problem

REMEMBER_SECONDS = 3.0
_MOST_REMEMBERED = 10_000  # callers
_SCHEMES = frozenset({"bearer", "oauth"})


class _Remembered(msgspec.Struct, frozen=True):
    caller: Caller
    until: float  # by the monotonic clock
    state: tuple[int, int]  # of the revocations, before the caller was looked up


class Guard:
    """Call it with a request. Raises Problem 401 if there is no token, or if it is wrong, expired or revoked."""

    def __init__(
        self, store: Store, seal: Seal, addresses: Addresses, checker: PairChecker, revocations: Signal
    ) -> None:
        self._store = store
        self._seal = seal
        self._addresses = addresses
        self._checker = checker
        self._revocations = revocations
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()

    async def __call__(self, request: falcon.asgi.Request) -> Caller:
        token = token_of(request)
        digest = tokens.digest(token)
        entry = self._remembered.get(digest)
        if entry and entry.until > time.monotonic() and entry.state == self._revocations.state:
            return entry.caller
        self._remembered.pop(digest, None)
        return await self._look_up(token, digest)

    def forget(self) -> None:
        """Forget all callers, so that this process notices a revocation at once."""
        self._remembered.clear()

    async def _look_up(self, token: str, digest: str) -> Caller:
        # Both are read before the database, so that a revocation during the read counts.
        started, state = time.monotonic(), self._revocations.state
        try:
            if jwt.looks_signed(token):
                caller, ends = await self._by_signature(token)
            else:
                caller, ends = await self._by_digest(digest)
        except UntrustedError as error:
            raise Problem.unauthorized(f"Invalid Credentials: {error}") from error
        await self._checker.check(caller.credential, caller.keys)
        until = started + min(REMEMBER_SECONDS, ends - time.time())
        self._remembered[digest] = _Remembered(caller, until, state)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return caller

    async def _by_digest(self, digest: str) -> tuple[Caller, float]:
        found = await self._store.valid_access_token(digest)
        if found is None:
            raise UntrustedError("the access token is unknown, has expired or was revoked. Sign in again.")
        token, credential = found
        caller = self._caller(credential, token.data.get("user", ""), token.scopes)
        return caller, token.expires.timestamp()

    async def _by_signature(self, token: str) -> tuple[Caller, float]:
        signed, key = await jwt.verify_service_account(self._store, token)
        self._check_purpose(signed.claims)
        credential = await self._store.credential(key.credential_id)
        if credential is None or credential.revoked:
            raise UntrustedError("the key pair behind this service account was revoked.")
        return self._caller(credential, key.email, signed.claims.scope or ""), signed.claims.exp

    def _check_purpose(self, claims: jwt.Claims) -> None:
        """Check that a JWT names this API as its audience, or scopes instead of an audience (Google's AIP-4111)."""
        if claims.sub != claims.iss:
            raise UntrustedError("iss and sub must both be the service account's e-mail.")
        if not claims.audiences and not claims.scope:
            raise UntrustedError("the JWT names neither an audience nor a scope.")
        if not all(self._addresses.is_api_url(audience) for audience in claims.audiences):
            raise UntrustedError("the JWT is for another audience than this API.")

    def _caller(self, credential: Credential, user: str, granted: str) -> Caller:
        return Caller(
            credential=credential.id,
            keys=unseal_pair(self._seal, credential),
            user=user or credential.user,
            account=credential.account,
            account_id=credential.account_id,
            domain_id=credential.domain_id,
            scopes=scopes.as_set(granted),
        )


def token_of(request: falcon.asgi.Request) -> str:
    """Return the token in the Authorization header, or in `access_token`, which Google accepts too."""
    header = request.get_header("Authorization") or ""
    scheme, _, token = header.partition(" ")
    if header and scheme.lower() not in _SCHEMES:
        raise Problem.unauthorized("Send 'Authorization: Bearer' with an access token.")
    token = token.strip() or request.get_param("access_token") or ""
    if not token:
        raise Problem.unauthorized("Login Required: send 'Authorization: Bearer' with an access token.")
    return token
