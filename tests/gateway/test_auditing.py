"""gstack.gateway.auditing: every change is a line of the audit log, every refusal too."""

import json
from typing import Any

from fixtures.gce import Gce
from fixtures.servers import Stack
from gstack.gateway.auditing import is_mutation
from gstack.gateway.discovery import methods

READER = "https://www.googleapis.com/auth/compute.readonly"
FIREWALL = {"name": "audited", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}


def lines(product: Stack, event: str = "mutation") -> list[dict[str, Any]]:
    text = (product.settings.home / "audit.log").read_text()
    return [line for line in map(json.loads, text.splitlines()) if line["event"] == event]


def test_a_change_names_who_what_and_what_came_of_it(product: Stack, gce: Gce) -> None:
    """Account, method, project, target, operation, result, address and the request's id."""
    operation = gce.done(gce.post("global/firewalls", FIREWALL))
    line = lines(product)[-1]
    assert (line["what"], line["project"], line["account"]) == ("compute.firewalls.insert", "demo", "demo")
    assert line["who"] == operation["user"]
    assert line["operation"] == operation["name"]
    assert line["target"] == "global/firewalls/audited"
    assert line["result"] in {"DONE", "RUNNING", "PENDING"}
    assert (line["status"], line["address"]) == (200, "127.0.0.1")
    assert line["id"]
    assert line["time"].endswith("+00:00")


def test_refusals_are_lines_too(product: Stack, gce: Gce) -> None:
    """A read-only token, a foreign project, bad input: the reason stands in the line."""
    gce.refused("POST", "global/firewalls", 400, {"name": "Bad_Name"})
    assert lines(product)[-1]["result"] == "invalid"
    reader = Gce(product, scope=READER)
    reader.refused("POST", "global/firewalls", 403, FIREWALL)
    assert (lines(product)[-1]["result"], lines(product)[-1]["status"]) == ("insufficientPermissions", 403)
    gce.refused("DELETE", "/compute/v1/projects/other/global/firewalls/x", 404)
    assert (lines(product)[-1]["result"], lines(product)[-1]["project"]) == ("notFound", "other")


def test_reads_and_strangers_are_no_lines(product: Stack, gce: Gce) -> None:
    """Reads change nothing; who shows no token is nobody."""
    before = len(lines(product))
    gce.get("global/firewalls")
    nobody = Gce(product)
    nobody.token = ""
    nobody.refused("POST", "global/firewalls", 401, FIREWALL)
    assert len(lines(product)) == before


def test_requests_carry_their_id(product: Stack, gce: Gce) -> None:
    """The client's X-Request-Id is kept where it is harmless; line and answer name the same."""
    headers = {"Authorization": f"Bearer {gce.token}", "X-Request-Id": 'run-7"}\t{"event'}
    url = f"{gce.base}/projects/demo/global/firewalls/none"
    answer = gce.session.delete(url, headers=headers, timeout=30)
    assert answer.headers["X-Request-Id"] == "run-7_____event"
    assert lines(product)[-1]["id"] == "run-7_____event"
    assert len(gce.call("GET", "zones").headers["X-Request-Id"]) == 16


def test_tokens_are_lines(product: Stack) -> None:
    """Each token request, granted or not, with who it was and no secret."""
    product.token(scope=READER)
    line = lines(product, "token")[-1]
    assert (line["what"], line["account"], line["result"], line["scopes"]) == (
        "client_credentials", "demo", "granted", READER,
    )  # fmt: skip
    pair = product.pair()
    assert line["client"] == f"{pair.api_key[:12]}…"


def test_what_is_a_mutation() -> None:
    """Google's scopes say it: waiting for an operation changes nothing, deleting one does."""
    known = methods()
    assert not is_mutation(known["compute.zoneOperations.wait"])
    assert not is_mutation(known["compute.instances.aggregatedList"])
    assert is_mutation(known["compute.zoneOperations.delete"])
    assert is_mutation(known["compute.instances.setLabels"])
    for method in known.values():
        assert is_mutation(method) or method.http_method in {"GET", "POST"}
