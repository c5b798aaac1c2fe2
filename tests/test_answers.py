"""What is an answer of gstack-configure and what is none."""

import pytest

from gstack import answers
from gstack.answers import Answers, earlier, zone_names


def test_defaults_are_those_of_the_first_gstack() -> None:
    """localhost:5000, and CloudStack at http://localhost:8080/client/api."""
    assert earlier({}) == Answers()
    assert Answers().endpoint == "http://localhost:8080/client/api"


def test_a_profile_gives_the_answers_it_was_made_from() -> None:
    """Written, read, the same; an IPv6 host stands in brackets in the URL."""
    given = Answers(bind="0.0.0.0", port=1, host="::1", cloudstack_port=2, protocol="https", path="/api")
    assert given.endpoint == "https://[::1]:2/api"
    profile = {"server": {"bind": "0.0.0.0", "port": 1}, "cloudstack": {"endpoint": given.endpoint}}
    assert earlier(profile) == given


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (answers.host, "https://localhost"), (answers.host, ""), (answers.host, "a b"), (answers.host, "a/b?c"),
        (answers.port, "0"), (answers.port, "65536"), (answers.port, "http"), (answers.protocol, "ftp"),
        (answers.path, "client/api"), (answers.path, "/a b"), (answers.bind_address, "not an address"),
        (answers.bind_address, "192.0.2.1"),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_why(read: object, text: str) -> None:
    """The error's text is for the user and names the value."""
    with pytest.raises(ValueError, match=r"no|neither"):
        read(text)  # type: ignore[operator]  # one of our readers


def test_names_of_zones_are_checked_together() -> None:
    """Fit names, known zones, one region each; chosen names win over earlier ones and proposals."""
    zones = {"Zone 1": "cs-zone-1-a", "east1-a": "cs-east1-a", "cs-west1-a": "cs-west1-a"}
    assert zone_names(zones, (), {}) == {"Zone 1": "cs-zone-1-a", "east1-a": "cs-east1-a"}
    chosen = zone_names(zones, ("Zone 1=cs-south1-b",), {"east1-a": "cs-north1-a"})
    assert chosen == {"Zone 1": "cs-south1-b", "east1-a": "cs-north1-a"}
    for wrong in ("Zone 1=BAD NAME", "Zone 1=cs-west1-b", "Zone 9=cs-a-a", "Zone 1"):
        with pytest.raises(ValueError, match=r"zone|Zone"):
            zone_names(zones, (wrong,), {})
