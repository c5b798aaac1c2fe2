"""An OAuth2 server under test, and requests to it as Google's clients send them."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from falcon.testing import ASGIConductor, Result
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.auth.auth import Auth
from gstack.cloudstack.signing import KeyPair

REDIRECT = "http://localhost:8085/"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Room:
    """An Auth, its database, and the app that serves it."""

    def __init__(self, auth: Auth, engine: AsyncEngine, http: ASGIConductor, accounts: dict[str, KeyPair]) -> None:
        self.auth = auth
        self.engine = engine
        self.http = http
        self.accounts = accounts
        self.passwords: dict[str, str] = {}
        self.demo = accounts["demo"]
        self.address = ""
        self._requests = 0

    async def form(self, path: str, fields: dict[str, str], **headers: str) -> Result:
        """Post a form from `address`, or else each time from another address, because failures are counted."""
        self._requests += 1
        address = self.address or f"192.0.2.{self._requests % 250}"
        sent = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        return await self.http.simulate_post(path, body=urlencode(fields), headers=sent, remote_addr=address)

    async def token(self, grant: str, keys: KeyPair | None = None, **fields: str) -> Result:
        """Send a token request, with the client's pair in the body if one is given."""
        client = {"client_id": keys.api_key, "client_secret": keys.secret_key} if keys else {}
        return await self.form("/oauth2/token", {"grant_type": grant, **client, **fields})

    async def authorize(self, **fields: str) -> Result:
        """Open the authorization URL."""
        sent = {"client_id": self.demo.api_key, "redirect_uri": REDIRECT, "response_type": "code"} | fields
        return await self.http.simulate_get("/oauth2/auth", params={k: v for k, v in sent.items() if v})

    async def code(self, **fields: str) -> str:
        """Get a code from a redirect."""
        return redirected(await self.authorize(**fields))["code"]

    async def exchange(self, code: str, **fields: str) -> Result:
        """Exchange a code for tokens."""
        sent = {"redirect_uri": REDIRECT} | fields
        return await self.token("authorization_code", self.demo, code=code, **sent)

    async def who(self, token: str, **params: str) -> Result:
        """Ask whose token this is, as the guard sees it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.http.simulate_get("/v1/userinfo", headers=headers, params=params)


def redirected(answer: Result) -> dict[str, str]:
    """The parameters of a redirect to the client."""
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == REDIRECT
    return dict(parse_qsl(parts.query))
