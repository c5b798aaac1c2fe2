"""`gstack trust`: a CI system's token becomes an account, from the settings to the API call."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import requests
import tomli_w

from fixtures.gce import Gce
from fixtures.issuer import AUDIENCE, SUB, Issuer, issuer
from fixtures.servers import Stack
from fixtures.shells import gstack
from gstack.auth.oauth.grants.token_exchange import GRANT_TYPE
from gstack.config import TrustSettings


@pytest.fixture
def ci() -> Iterator[Issuer]:
    """A CI system's issuer."""
    with issuer() as running:
        yield running


@pytest.fixture
def trusting(start: Callable[..., Stack], ci: Issuer) -> Stack:
    """A product that trusts it; the file says so for the command line."""
    trust = {"ci": TrustSettings(ci.url, AUDIENCE)}
    product = start(trust=trust)
    content = {"initial": {"trust": msgspec.to_builtins(trust)}}
    (product.settings.home / "gstack.toml").write_text(tomli_w.dumps(content))
    return product


def exchanged(product: Stack, file: dict[str, str], token: str) -> requests.Response:
    form = {
        "grant_type": GRANT_TYPE,
        "audience": file["audience"],
        "subject_token_type": file["subject_token_type"],
        "subject_token": token,
    }
    return requests.post(file["token_url"], data=form, verify=str(product.app.authority), timeout=30)


def test_from_the_settings_to_a_call(trusting: Stack, ci: Issuer, tmp_path: Path) -> None:
    """Add, print the file for the job, exchange, call the API; list shows the use; remove ends it all."""
    told = gstack(trusting, "trust", "add", "ci", "--claim", f"sub={SUB}", "--claim-like", "repository=acme/*")
    subject = told.split(":")[0]
    file = json.loads(gstack(trusting, "trust", "file", "ci", "--source", str(tmp_path / "token")))
    assert file["credential_source"] == {"file": str(tmp_path / "token")}
    answer = exchanged(trusting, file, ci.token())
    client = Gce(trusting)
    client.token = answer.json()["access_token"]
    assert client.items("zones")
    listed = gstack(trusting, "trust", "list")
    assert subject in listed
    gstack(trusting, "trust", "remove", subject)
    assert exchanged(trusting, file, ci.token()).json()["error"] == "invalid_grant"
    audit = (trusting.settings.home / "audit.log").read_text()
    for word in ("trust added", "trust removed", "token-exchange", '"result":"granted"', '"result":"invalid_grant"'):
        assert word in audit


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("ci", "--claim", "repository=acme/app"), "sub"),
        (("ci", "--claim", "sub"), "NAME=VALUE"),
        (("ci", "--claim-like", "sub=*"), "begin"),
        (("nobody", "--claim", "sub=x"), "trust.nobody"),
    ],
)
def test_loose_mappings_are_refused(trusting: Stack, arguments: tuple[str, ...], word: str) -> None:
    """No `sub`, no value, a star in front, an unknown issuer: an error that says what to write."""
    with pytest.raises(AssertionError, match=word):
        gstack(trusting, "trust", "add", *arguments)
