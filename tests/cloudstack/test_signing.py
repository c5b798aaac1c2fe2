"""CloudStack's signature, against the library `cs` and by its own rules."""

from datetime import UTC, datetime
from urllib.parse import parse_qs

import cs
from hypothesis import given, strategies

from gstack.cloudstack.signing import KeyPair, flatten, sign

KEYS = KeyPair("api-key", "secret-key")
text = strategies.text(alphabet=strategies.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
names = strategies.from_regex(r"[a-z]{1,12}(\[[0-9]\]\.[a-z]{1,6})?", fullmatch=True)
RESERVED = {"apikey", "response", "signatureversion", "expires", "signature", "command"}


@given(strategies.dictionaries(names.filter(lambda name: name not in RESERVED), text, max_size=6))
def test_signature_is_that_of_cs(parameters: dict[str, str]) -> None:
    """The same parameters get the same signature from the reference client."""
    body = {name: values[0] for name, values in parse_qs(sign(parameters, KEYS), keep_blank_values=True).items()}
    sent = body.pop("signature")
    reference = cs.CloudStack(endpoint="http://localhost", key=KEYS.api_key, secret=KEYS.secret_key)
    reference._sign(body)  # type: ignore[no-untyped-call]  # cs has no types
    assert body["signature"] == sent


def test_signature_ends() -> None:
    """A signed call carries the moment after which CloudStack refuses it."""
    body = parse_qs(sign({"command": "listZones"}, KEYS, now=datetime(2026, 1, 1, tzinfo=UTC), lifetime=60))
    assert body["expires"] == ["2026-01-01T00:01:00+0000"]
    assert body["signatureVersion"] == ["3"]


def test_flatten_gives_the_wire_form() -> None:
    """Lists are joined, maps are indexed, booleans are words, None is left out."""
    flat = flatten(
        {
            "ids": ["a", "b"],
            "details": {"cpuNumber": 2},
            "tags": [{"key": "k", "value": "v"}, {"key": "l", "value": "w"}],
            "listall": True,
            "page": 1,
            "name": None,
            "groups": [],
        }
    )
    assert flat == {
        "ids": "a,b",
        "details[0].cpuNumber": "2",
        "tags[0].key": "k",
        "tags[0].value": "v",
        "tags[1].key": "l",
        "tags[1].value": "w",
        "listall": "true",
        "page": "1",
        "groups": "",
    }


def test_secret_is_not_shown() -> None:
    """A key pair in a log line or a traceback gives nothing away."""
    assert "secret" not in repr(KeyPair("a" * 86, "secret" * 14))
