"""A real browser for the pages: Debian's chromium, driven by playwright, without any script on our side."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from fixtures.servers import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOTS = Path(__file__).parents[2] / "artifacts" / "pages"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="no chromium on PATH: apt-get install chromium"))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, product: Stack) -> Iterator[BrowserContext]:
    """A fresh browser profile that trusts our certificate, with scripts off: no page may need them."""
    context = chromium.new_context(
        base_url=product.app.url, ignore_https_errors=True, accept_downloads=True, java_script_enabled=False
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page; what the browser itself refuses (a policy, a script) fails the test, and its end is kept as a picture."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    shot(page, f"end-{request.node.name}")
    serious = [text for text in complaints if "status of 4" not in text and "net::ERR_" not in text]
    assert not serious, serious


def shot(page: Page, name: str) -> None:
    """Keep a picture of a page among the artefacts."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    try:
        page.screenshot(path=SHOTS / f"{plain}.png", full_page=True)
    except Exception as error:  # noqa: BLE001  # a picture is no reason to fail
        print(f"no picture of {plain}: {error}", file=sys.stderr)  # noqa: T201


def sign_in(page: Page, password: str = "demo-password", user: str = "demo") -> None:
    """Fill in the sign-in page that is open."""
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
