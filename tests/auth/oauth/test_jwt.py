"""gstack.auth.oauth.jwt: reading and checking, whatever comes."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, RSAKey

from gstack.auth.oauth import jwt
from gstack.auth.oauth.jwt import UntrustedError

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
CLAIMS = {"iss": "a@b.c", "exp": 2_000_000_000}


def public(key: RSAKey | ECKey) -> jwt.PublicKey:
    return jwt.public_key(key.as_pem(private=False).decode())


def test_each_kind_of_key_has_its_one_algorithm() -> None:
    """RS256 by an RSA key, ES256 by a key on P-256, and neither by the other's."""
    by_rsa = jwt.read(joserfc_jwt.encode({"alg": "RS256"}, CLAIMS, RSA))
    by_ec = jwt.read(joserfc_jwt.encode({"alg": "ES256"}, CLAIMS, EC))
    jwt.check_signature(by_rsa, public(RSA))
    jwt.check_signature(by_ec, public(EC))
    for signed, key in ((by_rsa, EC), (by_ec, RSA)):
        with pytest.raises(UntrustedError, match="algorithm"):
            jwt.check_signature(signed, public(key))


def test_critical_headers_are_not_understood() -> None:
    """RFC 7515, 4.1.11: a header that must be understood and is not makes the JWT void."""
    text = joserfc_jwt.encode({"alg": "RS256"}, CLAIMS, RSA)
    signed = jwt.read("eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdLCJ4IjoxfQ." + text.split(".", 1)[1])
    with pytest.raises(UntrustedError):
        jwt.check_signature(signed, public(RSA))


@given(st.text(alphabet='eyJ.=-_aA0{}"ü+/', max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either read or untrusted."""
    try:
        jwt.read(text)
    except UntrustedError:
        return
    assert jwt.looks_signed(text) or text.count(".") == 2


@pytest.mark.parametrize("late", [-61, -3661, 3661])
def test_times(late: int) -> None:
    """Outside an hour and a minute of skew a JWT is void."""
    now = time.time()
    with pytest.raises(UntrustedError):
        jwt.check_times(jwt.Claims(iss="a", exp=now + late), now)
    jwt.check_times(jwt.Claims(iss="a", exp=now - 59), now)
    jwt.check_times(jwt.Claims(iss="a", exp=now + 3659, iat=now + 59, nbf=now + 59), now)


def test_sixty_seconds_of_skew_and_no_more() -> None:
    """A minute is forgiven on each end to the millisecond, for exp, iat and nbf alike."""
    now, near = 1_800_000_000.0, 0.001
    good: list[dict[str, Any]] = [
        {"exp": now - 60 + near},
        {"exp": now + 3660},
        {"exp": now + 60, "iat": now + 60},
        {"exp": now + 60, "nbf": now + 60},
    ]
    bad: list[dict[str, Any]] = [
        {"exp": now - 60},
        {"exp": now + 3660 + near},
        {"exp": now + 120, "iat": now + 60 + near},
        {"exp": now + 120, "nbf": now + 60 + near},
    ]
    for times in good:
        jwt.check_times(jwt.Claims(iss="a", **times), now)
    for times in bad:
        with pytest.raises(UntrustedError):
            jwt.check_times(jwt.Claims(iss="a", **times), now)


def test_audiences() -> None:
    """One audience, several, an empty one, none."""
    assert jwt.Claims(iss="a", exp=1, aud="x").audiences == ("x",)
    assert jwt.Claims(iss="a", exp=1, aud=["x", "y", ""]).audiences == ("x", "y")
    assert jwt.Claims(iss="a", exp=1, aud="").audiences == ()
    assert jwt.Claims(iss="a", exp=1).audiences == ()
