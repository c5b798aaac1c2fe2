"""gstack.auth.oauth.scope_words."""

from gstack import resources
from gstack.auth.oauth.scope_words import words
from gstack.gateway.call import served
from gstack.gateway.discovery import methods

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


def test_what_is_promised_is_granted() -> None:
    """Scopes that open a served method have words; cloud-platform.read-only opens none, and the page says so."""
    resources.load()
    opening = {scope for name in served() for scope in methods()[name].scopes}
    assert [scope for scope in opening if words([scope]).ineffective] == []
    useless = [f"{GOOGLE}cloud-platform.read-only", f"{GOOGLE}devstorage.full_control"]
    assert words(useless).ineffective == tuple(useless)
