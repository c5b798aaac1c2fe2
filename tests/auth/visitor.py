"""A browser, as far as HTTP goes: it stores the cookie and sends our pages' forms."""

import html
import re
from urllib.parse import urlencode

from falcon.testing import Result

from auth.room import REDIRECT, Room
from gstack.auth.pages.sessions import COOKIE

GCLOUD = "32555940559.apps.googleusercontent.com"
SECRET = "ZmssLNjJy2998hD4CTg2ejr2"


class Visitor:
    """One browser at a room."""

    def __init__(self, room: Room, agent: str = "") -> None:
        self.room = room
        self.agent = agent
        self.cookie = ""
        self.csrf = ""

    async def get(self, path: str) -> Result:
        """Open a page; remember its form's token."""
        return self._noted(await self.room.http.simulate_get(path, headers=self.headers()))

    async def post(self, path: str, site: str = "", **fields: str) -> Result:
        """Send a form with the last page's CSRF token or another `csrf`. `site` is Sec-Fetch-Site."""
        sent = {"csrf": self.csrf} | fields
        form = {"Content-Type": "application/x-www-form-urlencoded"} | ({"Sec-Fetch-Site": site} if site else {})
        body = urlencode({name: value for name, value in sent.items() if value != "-"})
        answer = await self.room.http.simulate_post(path, body=body, headers=self.headers() | form)
        return self._noted(answer)

    async def sign_in(self, password: str, user: str = "demo", next_page: str = "/") -> Result:
        """Sign in by password."""
        await self.get("/")
        return await self.post("/sign-in", way="password", username=user, password=password, domain="", next=next_page)

    async def consent_page(self, **fields: str) -> Result:
        """Open an authorization request of gcloud."""
        parameters = {"client_id": GCLOUD, "redirect_uri": REDIRECT, "response_type": "code", "state": "s"} | fields
        return await self.get(f"/oauth2/auth?{urlencode(parameters)}")

    async def decide(self, page: Result, decision: str) -> Result:
        """Answer a consent page."""
        return await self.post("/oauth2/consent", request=hidden(page, "request"), decision=decision)

    def headers(self) -> dict[str, str]:
        """The headers with the cookie and the browser's name."""
        cookie = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        return cookie | ({"User-Agent": self.agent} if self.agent else {})

    def _noted(self, answer: Result) -> Result:
        if COOKIE in answer.cookies:
            self.cookie = answer.cookies[COOKIE].value
        if found := re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text):
            self.csrf = found[1]
        return answer


def hidden(page: Result, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def password_of(room: Room, name: str = "demo") -> str:
    return room.passwords[name]
