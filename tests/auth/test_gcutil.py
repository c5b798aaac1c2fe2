"""gcutil 1.15 signs in with its real requests, word for word. It has no PKCE and no state."""

import html
import re
from urllib.parse import urlencode

import pytest

from auth.room import Room
from auth.visitor import GCLOUD, SECRET, Visitor, password_of

GOOGLE = "https://www.googleapis.com/auth/"
SCOPES = " ".join(
    f"{GOOGLE}{scope}"
    for scope in (
        "appengine.admin",
        "bigquery",
        "compute",
        "devstorage.full_control",
        "userinfo.email",
        "ndev.cloudman",
        "cloud-platform",
        "sqlservice.admin",
        "prediction",
        "projecthosting",
    )
)


@pytest.mark.parametrize("redirect", ["urn:ietf:wg:oauth:2.0:oob", "http://localhost:8080/", "http://localhost:8090/"])
async def test_gcutil_signs_in_and_stays_so(room: Room, redirect: str) -> None:
    """Signing in works with a pasted code and --auth_local_webserver, and so do userinfo and repeated refreshes."""
    sent = {"scope": SCOPES, "redirect_uri": redirect, "response_type": "code", "client_id": GCLOUD}
    visitor = Visitor(room)
    here = f"/oauth2/auth?{urlencode(sent | {'access_type': 'offline'})}"
    assert "to continue to <strong>Google Cloud SDK" in (await visitor.get(here)).text
    signed_in = await visitor.post(
        "/sign-in", way="password", username="demo", password=password_of(room), domain="", next=here
    )
    page = await visitor.get(signed_in.headers["location"])
    assert "Google Cloud SDK wants access" in page.text
    assert "projecthosting" in page.text
    answer = await visitor.decide(page, "allow")
    place = answer.headers.get("location", answer.text)
    assert "state=" not in place
    found = re.search(r"code=([^&]+)$|(4/[A-Za-z0-9_-]+)", html.unescape(place).replace("%2F", "/"))
    assert found, place
    client = {"client_id": GCLOUD, "client_secret": SECRET}
    form = {"redirect_uri": redirect, "code": found[1] or found[2], "scope": SCOPES}
    tokens = (await room.token("authorization_code", None, **client, **form)).json
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    me = await room.http.simulate_get("/userinfo/v2/me", headers=headers)
    assert me.json["email"] == "demo@example.org"
    for _ in range(3):
        fresh = await room.token("refresh_token", None, **client, refresh_token=tokens["refresh_token"])
        assert (await room.who(fresh.json["access_token"])).status_code == 200
