"""gstack.auth.scope_words."""

from gstack.auth.scope_words import words

GOOGLE = "https://www.googleapis.com/auth/"


def test_writing_includes_reading() -> None:
    """Who may change machines may see them: one sentence says so."""
    assert len(words([f"{GOOGLE}compute", f"{GOOGLE}compute.readonly", f"{GOOGLE}cloud-platform"]).sentences) == 1


def test_reading_alone_says_so() -> None:
    """A read-only scope promises no change."""
    (sentence,) = words([f"{GOOGLE}compute.readonly"]).sentences
    assert "create" not in sentence


def test_what_means_nothing_here_is_named() -> None:
    """A scope of another service grants nothing, and the page says so by its name."""
    found = words(["openid", f"{GOOGLE}sqlservice.login"])
    assert found.ineffective == (f"{GOOGLE}sqlservice.login",)
    assert len(found.sentences) == 1
