"""gcloud with a service account's key file: each way that it has, unmodified, into a configuration of its own."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.servers import Stack
from fixtures.shells import evaluated, gstack, run

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not on this machine's PATH")
ZONES = ["gcloud", "compute", "zones", "list", "--format=value(name)"]


@pytest.fixture
def key(product: Stack, tmp_path: Path) -> Path:
    """A key file as `gstack keys create` writes it."""
    file = tmp_path / "key.json"
    gstack(product, "keys", "create", "--label", "gcloud", "--output", str(file))
    return file


@pytest.fixture
def environment(product: Stack, tmp_path: Path) -> dict[str, str]:
    """What `gstack client gcloud` prints, but for the key: gcloud is to keep its own."""
    known = evaluated(product, "gcloud") | {"CLOUDSDK_CONFIG": str(tmp_path / "config")}
    del known["CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"]
    return known


@pytest.mark.parametrize("self_signed", ["false", "true"])
@pytest.mark.parametrize("way", [("activate-service-account", "--key-file"), ("login", "--cred-file")])
def test_a_key_file_signs_gcloud_in_until_it_is_revoked(
    product: Stack, key: Path, environment: dict[str, str], way: tuple[str, str], self_signed: str
) -> None:
    """By tokens or by JWTs that gcloud signs itself: it lists zones, and after the revocation it does not."""
    known = environment | {"CLOUDSDK_AUTH_SERVICE_ACCOUNT_USE_SELF_SIGNED_JWT": self_signed}
    facts = json.loads(key.read_text())
    run(["gcloud", "auth", way[0], f"{way[1]}={key}", "--quiet"], known)
    assert "sandbox-east1-a" in run(ZONES, known)
    assert run(["gcloud", "auth", "list", "--format=value(account)"], known).strip() == facts["client_email"]
    gstack(product, "keys", "revoke", facts["private_key_id"])
    refused = subprocess.run(ZONES, env=known, capture_output=True, text=True, check=False, timeout=240)
    assert refused.returncode != 0
    assert "sandbox-east1-a" not in refused.stdout
