"""`gcloud auth login` with gcloud's own client id: unmodified gcloud, a person in a browser, nothing else."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import sign_in
from fixtures.servers import Stack

GCLOUD = shutil.which("gcloud")
pytestmark = pytest.mark.skipif(GCLOUD is None, reason="gcloud is not on PATH")


@pytest.fixture
def environment(product: Stack, tmp_path: Path) -> dict[str, str]:
    """Gcloud pointed at the product; its browser is a program that writes the URL down."""
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\nprintf '%s' \"$1\" > {tmp_path}/draft && mv {tmp_path}/draft {tmp_path}/url\n")
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    return os.environ | {
        "BROWSER": str(browser),
        "DISPLAY": ":0",
        "CLOUDSDK_CONFIG": str(tmp_path / "config"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{product.app.url}/compute/v1/",
        "CLOUDSDK_AUTH_TOKEN_HOST": f"{product.app.url}/oauth2/token",
        "CLOUDSDK_AUTH_AUTH_HOST": f"{product.app.url}/oauth2/auth",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(product.app.authority),
        "REQUESTS_CA_BUNDLE": str(product.app.authority),
        "CLOUDSDK_CORE_PROJECT": "demo",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
    }


def start(environment: dict[str, str], *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(GCLOUD), "auth", "login", *options],
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def finish(gcloud: "subprocess.Popen[str]", typed: str = "") -> None:
    output, _ = gcloud.communicate(typed, timeout=60)
    assert gcloud.returncode == 0, output


def account(environment: dict[str, str]) -> str:
    """Who gcloud says is signed in, after it has listed zones."""
    for command in (["compute", "zones", "list"], ["auth", "list", "--format=value(account)"]):
        done = subprocess.run([str(GCLOUD), *command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_with_a_browser(page: Page, environment: dict[str, str], tmp_path: Path) -> None:
    """Gcloud opens the browser, its user signs in and allows, the redirect reaches gcloud, which lists zones."""
    gcloud = start(environment)
    for _ in range(300):
        if (tmp_path / "url").exists():
            break
        page.wait_for_timeout(100)
    page.goto((tmp_path / "url").read_text())
    sign_in(page)
    page.get_by_role("button", name="Allow").click()
    finish(gcloud)
    assert account(environment) == "demo@example.org"


def test_without_launching_a_browser(page: Page, environment: dict[str, str]) -> None:
    """Gcloud prints a URL, our page shows the code, the user pastes it."""
    gcloud = start(environment, "--no-launch-browser")
    assert gcloud.stdout
    url = next(
        found[0] for line in gcloud.stdout if (found := re.search(r"https://localhost:\d+/oauth2/auth\S+", line))
    )
    page.goto(url)
    sign_in(page)
    page.get_by_role("button", name="Allow").click()
    code = page.get_by_label("Authorization code")
    expect(code).to_be_visible()
    finish(gcloud, f"{code.inner_text()}\n")
    assert account(environment) == "demo@example.org"


def test_on_a_machine_without_any_browser(page: Page, environment: dict[str, str], tmp_path: Path) -> None:
    """One gcloud asks, another one on a machine with a browser signs in, its answer is pasted back into the first."""
    remote = start(environment, "--no-browser")
    assert remote.stdout
    request = next(found[1] for line in remote.stdout if (found := re.search(r'--remote-bootstrap="([^"]+)"', line)))
    local = start(environment | {"CLOUDSDK_CONFIG": str(tmp_path / "local")}, f"--remote-bootstrap={request}")
    assert local.stdin
    local.stdin.write("y\n")
    local.stdin.flush()
    for _ in range(300):
        if (tmp_path / "url").exists():
            break
        page.wait_for_timeout(100)
    page.goto((tmp_path / "url").read_text())
    sign_in(page)
    page.get_by_role("button", name="Allow").click()
    output, _ = local.communicate(timeout=60)
    answer = re.search(r"https://localhost:\d+/\?\S*code=\S+", output)
    assert answer, output
    finish(remote, f"{answer[0]}\n")
    assert account(environment) == "demo@example.org"
