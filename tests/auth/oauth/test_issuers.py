"""gstack.auth.oauth.issuers: how keys are fetched, and which are refused."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

from fixtures.issuer import AUDIENCE, Issuer, issuer
from gstack.auth.oauth.issuers import Issuers
from gstack.auth.oauth.jwt import UntrustedError
from gstack.config import TrustSettings
from gstack.errors import Problem

CI = frozenset({"ci"})
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def ci() -> Iterator[Issuer]:
    """A CI system's issuer."""
    with issuer() as running:
        yield running


def issuers_of(ci: Issuer, **changes: str) -> Issuers:
    return Issuers({"ci": TrustSettings(**{"issuer": ci.url, "audience": AUDIENCE} | changes)})


async def test_keys_come_by_discovery_once(ci: Issuer) -> None:
    """The keys are found by discovery and fetched only once."""
    trusted = issuers_of(ci)
    for _ in range(3):
        name, claims = await trusted.verify(ci.token(), CI)
    assert (name, claims["repository"]) == ("ci", "acme/app")
    assert ci.asked == [DISCOVERY, "/keys"]


async def test_keys_come_from_where_the_settings_say(ci: Issuer) -> None:
    """With `jwks_uri` in the settings there is no discovery."""
    await issuers_of(ci, jwks_uri=f"{ci.url}/keys").verify(ci.token(), CI)
    assert ci.asked == ["/keys"]


async def test_a_token_without_key_id_is_tried_with_all(ci: Issuer) -> None:
    """A token without a key id is accepted if any of the issuer's keys signed it."""
    ci.keys.insert(0, ("zero", RSAKey.generate_key(2048)))
    assert await issuers_of(ci).verify(ci.token(kid=""), CI)


async def test_unknown_key_ids_do_not_ask_again_and_again(ci: Issuer) -> None:
    """Tokens with made-up key ids make us fetch the keys at most once a minute."""
    trusted = issuers_of(ci)
    for number in range(20):
        with pytest.raises(UntrustedError):
            await trusted.verify(ci.token(kid=f"made-up-{number}"), CI)
    assert ci.asked.count("/keys") == 1


async def test_an_issuer_that_is_down(ci: Issuer) -> None:
    """Without keys the answer is 503; keys that were fetched before stay in use."""
    ci.broken = True
    trusted = issuers_of(ci)
    with pytest.raises(Problem) as refused:
        await trusted.verify(ci.token(), CI)
    assert refused.value.status == 503
    ci.broken = False
    fresh = issuers_of(ci)
    await fresh.verify(ci.token(), CI)
    ci.broken = True
    assert await fresh.verify(ci.token(), CI)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        (DISCOVERY, {"issuer": "https://evil.example", "jwks_uri": "{url}/keys"}),
        (DISCOVERY, {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"}),
        (DISCOVERY, {"issuer": "{url}", "jwks_uri": "http://192.0.2.1/keys"}),
        (DISCOVERY, {"issuer": "{url}"}),
        (DISCOVERY, []),
        ("/keys", {"keys": "x"}),
        ("/keys", {"keys": [1, {}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256", "x": "!", "y": 5}]}),
        ("/keys", {"keys": [{"kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB"}]}),
        ("/keys", {"keys": [], "padding": "x" * 300_000}),
    ],
)
async def test_documents_that_cannot_be_believed(ci: Issuer, path: str, document: Any) -> None:
    """Another issuer's document, odd key URLs, and malformed or oversized key sets are not used."""
    ci.replaced[path] = json.dumps(document).replace("{url}", ci.url).encode()
    with pytest.raises(Problem) as refused:
        await issuers_of(ci).verify(ci.token(), CI)
    assert refused.value.status == 503


async def test_keys_of_other_kinds_are_passed_over(ci: Issuer) -> None:
    """Symmetric, weak and encryption keys and keys on other curves verify nothing."""
    with pytest.warns(SecurityWarning):
        weak: Any = RSAKey.generate_key(1024)
    ci.keys = [("weak", weak)]
    signed_weakly = ci.token()
    ci.keys = [("p384", ECKey.generate_key("P-384"))]
    other_curve = ci.token(algorithm="ES384")
    ci.keys = [("one", RSAKey.generate_key(2048))]
    encryption = {**ci.published()["keys"][0], "kid": "enc", "use": "enc"}
    by_encryption_key = ci.token(kid="enc")
    secret = {**OctKey.generate_key(256).as_dict(), "kid": "oct"}
    strange = [{**weak.as_dict(private=False), "kid": "weak"}, encryption, secret, *ci.published()["keys"]]
    ci.replaced["/keys"] = json.dumps({"keys": strange}).encode()
    trusted = issuers_of(ci)
    for token in (signed_weakly, other_curve, by_encryption_key):
        with pytest.raises(UntrustedError):
            await trusted.verify(token, CI)
    assert await trusted.verify(ci.token(), CI)


async def test_a_new_key_is_found(ci: Issuer) -> None:
    """A token with a new key id makes us fetch the keys again, and the old key is no longer accepted."""
    trusted = Issuers({"ci": TrustSettings(ci.url, AUDIENCE)}, pause=0)
    old = ci.token()
    await trusted.verify(old, CI)
    ci.keys = [("two", RSAKey.generate_key(2048))]
    assert await trusted.verify(ci.token(), CI)
    with pytest.raises(UntrustedError, match="no key with this id"):
        await trusted.verify(old, CI)
