"""`gstack apps`: a client is registered, used, and removed."""

import subprocess

import requests

from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, gstack


def known(product: Stack, client_id: str) -> bool:
    """Whether the running server asks this client's users to sign in."""
    asked = {"client_id": client_id, "redirect_uri": "http://localhost:1/cb", "response_type": "code"}
    page = requests.get(f"{product.app.url}/oauth2/auth", asked, verify=str(product.app.authority), timeout=30)
    return page.status_code == 200 and "to continue to <strong>Our portal" in page.text


def test_a_client_comes_and_goes(product: Stack) -> None:
    """Registered on the command line, it is known to the running server at once; removed, it is not."""
    lines = gstack(product, "apps", "add", "Our portal", "--redirect-uri", "http://localhost/cb").splitlines()
    facts = dict(line.split(": ", 1) for line in lines)
    assert set(facts) == {"client_id", "client_secret"}
    assert known(product, facts["client_id"])
    listed = gstack(product, "apps", "list")
    assert facts["client_id"] in listed
    assert facts["client_secret"] not in listed
    gstack(product, "apps", "remove", facts["client_id"])
    assert not known(product, facts["client_id"])


def test_what_cannot_be_registered_is_said(product: Stack) -> None:
    """A redirect to plain http elsewhere, and a client that is not there, are error lines, not tracebacks."""
    for arguments in (["add", "x", "--redirect-uri", "http://evil.example/"], ["remove", "nobody"]):
        command = [str(PROGRAM), "apps", *arguments]
        done = subprocess.run(command, env=environment(product), capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "Error" in done.stderr
        assert "Traceback" not in done.stderr
