"""People at our pages, in a real browser: sign in, look around, make a key, use it, revoke it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from google.cloud import compute_v1
from google.oauth2 import service_account
from playwright.sync_api import Browser, Page, expect

from browser.conftest import shot, sign_in
from fixtures.servers import Stack

GCLOUD = "32555940559.apps.googleusercontent.com"
SECRET = "ZmssLNjJy2998hD4CTg2ejr2"
REDIRECT = "http://localhost:8085/"


def authorize(**fields: str) -> str:
    asked = {
        "client_id": GCLOUD,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/accounts.reauth",
        "state": "s-1",
    }
    return f"/oauth2/auth?{urlencode(asked | fields)}"


def catch(page: Page) -> list[str]:
    """Stand in for the client's little web server; return the URLs that it was sent."""
    seen: list[str] = []

    def answer(route: object) -> None:
        seen.append(route.request.url)  # type: ignore[attr-defined]  # playwright's Route
        route.fulfill(status=200, content_type="text/plain", body="done")  # type: ignore[attr-defined]

    page.route("http://localhost:8085/**", answer)
    return seen


def test_sign_in_consent_and_a_token(page: Page, product: Stack) -> None:
    """A person signs in, reads who asks for what, allows it; the client gets a code that brings tokens."""
    seen = catch(page)
    page.goto(authorize())
    expect(page.get_by_text("to continue to Google Cloud SDK")).to_be_visible()
    shot(page, "sign-in")
    sign_in(page)
    expect(page.get_by_role("heading", name="Google Cloud SDK wants access")).to_be_visible()
    expect(page.get_by_text("See, create, change and delete your machines")).to_be_visible()
    shot(page, "consent")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("done")).to_be_visible()
    answer = dict(parse_qsl(urlsplit(seen[0]).query))
    assert answer["state"] == "s-1"
    form = {"grant_type": "authorization_code", "client_id": GCLOUD, "client_secret": SECRET, "redirect_uri": REDIRECT}
    token = requests.post(
        f"{product.app.url}/oauth2/token",
        data=form | {"code": answer["code"]},
        verify=str(product.app.authority),
        timeout=30,
    )
    assert token.status_code == 200, token.text
    page.goto("/")
    program = page.get_by_role("row", name="Google Cloud SDK")
    program.get_by_text("Revoke…").click()
    shot(page, "console-with-program")
    program.get_by_role("button").click()
    expect(page.get_by_text("The session is revoked.")).to_be_visible()
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    zones = f"{product.app.url}/compute/v1/projects/demo/zones"
    assert requests.get(zones, headers=bearer, verify=str(product.app.authority), timeout=30).status_code == 401


def test_deny(page: Page) -> None:
    """Who denies sends the client away without a code."""
    seen = catch(page)
    page.goto(authorize())
    sign_in(page)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("done")).to_be_visible()
    assert dict(parse_qsl(urlsplit(seen[0]).query)).items() >= {"error": "access_denied", "state": "s-1"}.items()
    assert "code=" not in seen[0]


def test_wrong_password(page: Page) -> None:
    """A wrong password is told as such, the name stays, the password does not; the right one then works."""
    page.goto("/")
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("does not accept this user, password and domain")
    expect(page.get_by_label("User")).to_have_value("demo")
    expect(page.get_by_label("Password")).to_have_value("")
    shot(page, "wrong-password")
    sign_in(page)
    expect(page.get_by_role("heading", name="Your Compute Engine")).to_be_visible()


def test_a_key_from_creation_to_refusal(page: Page, product: Stack, tmp_path: Path) -> None:
    """A key is made, downloaded, used with Google's SDK, revoked, and refused; its CloudStack pair is gone too."""
    page.goto("/")
    sign_in(page)
    page.get_by_label("Name").fill("nightly <b>build</b>")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("This is the only time")).to_be_visible()
    shot(page, "new-key")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the key file").click()
    waiting.value.save_as(tmp_path / "key.json")
    assert zones(product, tmp_path / "key.json")
    assert len(pairs(product)) == 2
    page.get_by_role("link", name="Back to your keys").click()
    row = page.get_by_role("row", name="nightly <b>build</b>")
    expect(row).to_be_visible()
    row.get_by_text("Revoke…").click()
    row.get_by_role("button").click()
    expect(page.get_by_text("The key is revoked.")).to_be_visible()
    expect(page.get_by_text("You have no keys yet.")).to_be_visible()
    with pytest.raises(Exception, match=r"401|Invalid"):
        zones(product, tmp_path / "key.json")
    assert len(pairs(product)) == 1


def zones(product: Stack, key: Path) -> list[str]:
    """What Google's SDK lists with a key file."""
    from_key: Any = service_account.Credentials
    credentials = from_key.from_service_account_info(json.loads(key.read_text()))
    client: Any = compute_v1.ZonesClient(credentials=credentials, client_options={"api_endpoint": product.app.url})
    client.transport._session.verify = str(product.app.authority)
    return [zone.name for zone in client.list(project="demo")]


def pairs(product: Stack) -> list[str]:
    """The API key pairs of demo's user at CloudStack."""
    world = product.sandbox.sandbox.world
    user = world.first("user", username="demo")
    assert user
    return [row["name"] for row in world.find("userkey", userid=user["id"])]


def test_out_of_band_codes_are_shown(page: Page) -> None:
    """Where no program listens, the code stands on a page to be copied."""
    page.goto(authorize(redirect_uri="urn:ietf:wg:oauth:2.0:oob"))
    sign_in(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_label("Authorization code")).to_contain_text("4/")
    shot(page, "code")


def test_signing_out_and_back(page: Page) -> None:
    """After signing out the way back shows nothing; keys sign in as well as a password."""
    page.goto("/")
    sign_in(page)
    page.get_by_role("button", name="Sign out").click()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 360), ("dark", 360)])
def test_pages_fit_and_can_be_read(chromium: Browser, product: Stack, scheme: str, width: int) -> None:
    """On a desk and on a phone, light and dark: nothing is too wide, text stands out (WCAG 4.5:1), all has a name."""
    context = chromium.new_context(
        base_url=product.app.url,
        ignore_https_errors=True,
        color_scheme=scheme,  # type: ignore[arg-type]  # a literal
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    page.goto("/")
    judge(page, f"sign-in-{scheme}-{width}")
    sign_in(page)
    expect(page.get_by_role("heading", name="Your Compute Engine")).to_be_visible()
    judge(page, f"console-{scheme}-{width}")
    page.get_by_label("Name").fill("nightly build")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("This is the only time")).to_be_visible()
    judge(page, f"new-key-{scheme}-{width}")
    page.goto(authorize(redirect_uri="urn:ietf:wg:oauth:2.0:oob"))
    judge(page, f"consent-{scheme}-{width}")
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_label("Authorization code")).to_be_visible()
    judge(page, f"code-{scheme}-{width}")
    page.goto("/")
    page.evaluate("document.querySelectorAll('details').forEach((part) => part.open = true)")
    judge(page, f"console-open-{scheme}-{width}")
    page.goto("/oauth2/auth?client_id=nobody")
    judge(page, f"error-{scheme}-{width}")
    context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 360)])
def test_a_user_without_a_pair(chromium: Browser, product: Stack, scheme: str, width: int) -> None:
    """Who has no key pair is asked before CloudStack makes one, and comes to the console with it."""
    world = product.sandbox.sandbox.world
    user = world.first("user", username="other")
    assert user
    for row in world.find("userkey", userid=user["id"]):
        world.delete("userkey", row["id"])
    context = chromium.new_context(
        base_url=product.app.url,
        ignore_https_errors=True,
        color_scheme=scheme,  # type: ignore[arg-type]  # a literal
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    page.goto("/")
    sign_in(page, "wrong", "other")
    expect(page.get_by_role("alert")).to_be_visible()
    judge(page, f"wrong-password-{scheme}-{width}")
    sign_in(page, "other-password", "other")
    expect(page.get_by_role("heading", name="A key pair for you")).to_be_visible()
    assert not world.find("userkey", userid=user["id"])
    judge(page, f"make-pair-{scheme}-{width}")
    page.get_by_role("button", name="Make a key pair").click()
    expect(page.get_by_role("heading", name="Your Compute Engine")).to_be_visible()
    assert [row["name"][:14] for row in world.find("userkey", userid=user["id"])] == ["gstack sign-in"]
    context.close()


CONTRAST, STRUCTURE = (
    (Path(__file__).parent / name).read_text().partition("\n")[2] for name in ("contrast.js", "structure.js")
)


def judge(page: Page, name: str) -> None:
    shot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    assert page.evaluate(CONTRAST) == [], name
    assert page.evaluate(STRUCTURE) == [], name
