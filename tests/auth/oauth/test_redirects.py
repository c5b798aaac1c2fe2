"""gstack.auth.oauth.redirects: where a code may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.auth.oauth.redirects import allowed, with_answer


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:8085/",
        "http://localhost:8085",
        "http://localhost",
        "http://127.0.0.1:1/callback?x=y",
        "http://[::1]:65535/",
        "urn:ietf:wg:oauth:2.0:oob",
        "https://sdk.cloud.google.com/authcode.html",
    ],
)
def test_loopback_and_out_of_band(uri: str) -> None:
    """The redirect URIs of gcloud, gcutil and libcloud are allowed."""
    assert allowed(uri)


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.2/", "http://[::2]/", "http://[::1", "http://localhost:0/", "http://localhost:99999/",
     "ftp://localhost/", "http:localhost", "http://user@localhost/", "http://localhost/#x", "http://localhost./",
     "urn:ietf:wg:oauth:2.0:oob:auto", "https://sdk.cloud.google.com/authcode.html/", "http://l\u043ecalhost/"],
)  # fmt: skip
def test_everything_else(uri: str) -> None:
    """Other addresses and schemes, user names, fragments and look-alikes are refused."""
    assert not allowed(uri)


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    """Any text gets an answer, and only loopback is allowed."""
    assert not allowed(f"http://{text}evil.example/{text}")
    assert allowed(text) in {True, False}


def test_the_answer_joins_the_query() -> None:
    """The answer is appended to an existing query and quoted, without empty values."""
    uri = with_answer("http://localhost:1/x?a=b", {"code": "4/x y", "state": "&=\r\n", "error": ""})
    assert uri == "http://localhost:1/x?a=b&code=4%2Fx+y&state=%26%3D%0D%0A"
