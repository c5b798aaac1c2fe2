"""gstack.auth.caller: the repr of a Caller."""

from gstack.auth.caller import Caller
from gstack.cloudstack.signing import KeyPair


def test_a_caller_does_not_show_its_secret() -> None:
    """The repr of a Caller contains no secret."""
    caller = Caller("c1", KeyPair("k" * 86, "the-secret"), "demo@example.org", "demo", "a1")
    assert "the-secret" not in repr(caller)
    assert "demo@example.org" in repr(caller)
