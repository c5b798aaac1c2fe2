"""`gcloud auth login` with a CloudStack key pair as its client, end to end."""

import html
import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
import requests

from fixtures.servers import Stack

GCLOUD = shutil.which("gcloud")
pytestmark = pytest.mark.skipif(GCLOUD is None, reason="gcloud is not on PATH")


@pytest.fixture
def environment(product: Stack, tmp_path: Path) -> dict[str, str]:
    """The environment that points gcloud at the product, with a folder of its own."""
    pair = product.pair()
    return os.environ | {
        "CLOUDSDK_CONFIG": str(tmp_path),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{product.app.url}/compute/v1/",
        "CLOUDSDK_AUTH_TOKEN_HOST": f"{product.app.url}/oauth2/token",
        "CLOUDSDK_AUTH_AUTH_HOST": f"{product.app.url}/oauth2/auth",
        "CLOUDSDK_AUTH_CLIENT_ID": pair.api_key,
        "CLOUDSDK_AUTH_CLIENT_SECRET": pair.secret_key,
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(product.app.authority),
        "REQUESTS_CA_BUNDLE": str(product.app.authority),
        "CLOUDSDK_CORE_PROJECT": "demo",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
    }


def sign_in(product: Stack, environment: dict[str, str]) -> int:
    """Open the URL that gcloud prints, and paste the code that our page shows."""
    command = [str(GCLOUD), "auth", "login", "--no-launch-browser"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as gcloud:  # type: ignore[call-overload]
        for line in gcloud.stdout:
            if found := re.search(r"https://localhost:\d+/oauth2/auth\S+", line):
                page = requests.get(found[0], verify=str(product.app.authority), timeout=30).text
                code = re.search(r'<pre class="token"[^>]*>([^<]+)<', page)
                assert code
                gcloud.stdin.write(html.unescape(code[1]) + "\n")
                gcloud.stdin.flush()
    return int(gcloud.returncode)


def zones(environment: dict[str, str]) -> list[str]:
    command = [str(GCLOUD), "compute", "zones", "list", "--format=value(name)"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def expire(environment: dict[str, str]) -> None:
    """Make gcloud believe that its access token has expired."""
    with sqlite3.connect(Path(environment["CLOUDSDK_CONFIG"]) / "access_tokens.db") as database:
        database.execute("update access_tokens set token_expiry = '2020-01-01 00:00:00'")
    database.close()


def test_gcloud_signs_in_and_stays_so(product: Stack, environment: dict[str, str]) -> None:
    """The code from our page signs gcloud in; it works, and still does after several refreshes."""
    assert sign_in(product, environment) == 0
    for _ in range(3):
        assert "Sandbox-simulator" in zones(environment)
        expire(environment)
