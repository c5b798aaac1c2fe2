"""Request bodies."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.gateway.bodies import check_body, read_body
from gstack.gateway.discovery import methods

INSERT = methods()["compute.instances.insert"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "disks", "labels"]), inner),
)


def read(body: Any) -> dict[str, Any]:
    return read_body(INSERT, json.dumps(body).encode())


def refusal(body: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(body)
    return caught.value


def test_bodies_become_canonical() -> None:
    """However a client writes numbers and booleans, a resource sees Google's own form."""
    sent = {
        "canIpForward": "true",
        "disks": [{"boot": True, "diskSizeGb": 10, "initializeParams": {"diskSizeGb": "20"}}],
        "guestAccelerators": [{"acceleratorCount": "2"}],
    }
    assert read(sent) == {
        "canIpForward": True,
        "disks": [{"boot": True, "diskSizeGb": "10", "initializeParams": {"diskSizeGb": "20"}}],
        "guestAccelerators": [{"acceleratorCount": 2}],
    }


def test_nulls_are_absent() -> None:
    """Ansible and libcloud send nulls for what nobody set."""
    assert read({"name": "vm1", "description": None, "disks": [{"source": None}]}) == {"name": "vm1", "disks": [{}]}


def test_nulls_of_a_patch_empty() -> None:
    """A null in a PATCH asks to empty the field, where it can be empty."""
    sent = {"name": "d", "description": None, "labels": None, "licenses": None, "sizeGb": None, "accessMode": None}
    found = read_body(methods()["compute.disks.update"], json.dumps(sent).encode())
    assert found == {"name": "d", "description": "", "labels": {}, "licenses": []}


def test_output_only_fields_may_come_back() -> None:
    """Clients that read, change and write send ids and links along."""
    sent = {"kind": "compute#instance", "id": "1", "selfLink": "https://x/", "status": "RUNNING", "name": "vm1"}
    assert read(sent) == sent


def test_protocols_may_be_numbers() -> None:
    """A number is sent by gcutil: `IPProtocol: 6`."""
    sent = json.dumps({"name": "f", "allowed": [{"IPProtocol": 6, "ports": ["22"]}]}).encode()
    found = read_body(methods()["compute.firewalls.insert"], sent)
    assert found["allowed"] == [{"IPProtocol": "6", "ports": ["22"]}]


@pytest.mark.parametrize("raw", [b'"ignored"', b"{}"])
def test_an_empty_body(raw: bytes) -> None:
    """The client libcloud sends the word "ignored"."""
    assert read_body(INSERT, raw) == {}


@pytest.mark.parametrize("raw", [b"", b"  ", b"null"])
def test_no_body_is_not_an_empty_one(raw: bytes) -> None:
    """Who sends nothing to setLabels has not asked to take all labels away."""
    with pytest.raises(Problem) as caught:
        read_body(methods()["compute.instances.setLabels"], raw)
    assert (caught.value.status, caught.value.reason) == (400, "required")


def test_methods_without_a_body_ignore_it() -> None:
    """Where Google's document has no request, whatever is sent counts for nothing."""
    assert read_body(methods()["compute.instances.reset"], b"{broken") == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"machinetype": "x"}, 'Unknown name "machinetype": Cannot find field.'),
        ({"disks": [{"sise": 1}]}, "Unknown name \"sise\" at 'resource.disks[0]': Cannot find field."),
    ],
)
def test_unknown_fields_are_refused_in_googles_words(body: Any, message: str) -> None:
    """What the server does not know it does not drop in silence."""
    problem = refusal(body)
    assert (problem.status, problem.message) == (400, f"Invalid JSON payload received. {message}")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"name": "VM"}, "resource.name", "Must be a match of regex"),
        ({"name": 1}, "resource.name", "Must be of type string."),
        ({"disks": 1}, "resource.disks", "Must be of type array."),
        ({"disks": [None]}, "resource.disks[0]", "Must be of type object."),
        ({"disks": [{"mode": "RW"}]}, "resource.disks[0].mode", "Must be one of [READ_ONLY, READ_WRITE]."),
        ({"disks": [{"boot": "yes"}]}, "resource.disks[0].boot", "true|false"),
        ({"disks": [{"boot": 1}]}, "resource.disks[0].boot", "Must be of type boolean"),
        ({"disks": [{"diskSizeGb": 2**63}]}, "resource.disks[0].diskSizeGb", "Must be at most"),
        ({"disks": [{"diskSizeGb": str(2**63)}]}, "resource.disks[0].diskSizeGb", "Must be between"),
        ({"disks": [{"diskSizeGb": 1.5}]}, "resource.disks[0].diskSizeGb", "Must be of type integer"),
        ({"disks": [{"diskSizeGb": "ten"}]}, "resource.disks[0].diskSizeGb", "Must be a match"),
        ({"labels": {"a": 1}}, "resource.labels.a", "Must be of type string."),
        ({"metadata": {"fingerprint": "ä"}}, "resource.metadata.fingerprint", "Must be a match"),
    ],
)
def test_wrong_values_are_named_with_their_path(body: Any, field: str, said: str) -> None:
    """A wrong type, value or size is a 400 that names the field and what would be right."""
    problem = refusal(body)
    assert (problem.status, problem.reason, problem.location) == (400, "invalid", field)
    assert said in problem.message


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"{",
            b"[1]",
            b'"x"',
            b"1",
            b"\xff",
            b'{"name":"\xff"}',
            b"[" * 100_000,
            b'{"name": "\\ud800"}',
            b'{"description": "a\\u0000"}',
        ),
        *(b'{"name": ' + b"[" * deep + b"null" + b"]" * deep + b"}" for deep in (300, 600, 900, 990)),
        b'{"name": ' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    """Broken, endlessly nested or unprintable JSON is a 400, never a fault."""
    with pytest.raises(Problem) as caught:
        read_body(INSERT, raw)
    assert caught.value.status == 400


def test_long_values_are_not_sent_back_whole() -> None:
    """A message shows the beginning of a bad value."""
    assert len(refusal({"name": "X" * 5000}).message) < 300


def test_schemas_in_a_circle_can_be_checked() -> None:
    """A schema that refers to itself is compiled and checks at every depth."""
    policy = {"wafRule": "x"}
    assert check_body("Metadata", {"items": [{"key": "a-_1", "value": "ä"}]})["items"][0]["key"] == "a-_1"
    with pytest.raises(Problem):
        check_body("UrlMap", {"pathMatchers": [{"routeRules": [policy]}]})


def test_every_request_of_the_document_can_be_checked() -> None:
    """Each of Google's request schemas compiles, and takes an empty body."""
    for name in {method.request for method in methods().values() if method.request}:
        assert check_body(name, {}) == {}


def outcome(body: Any) -> int:
    try:
        read(body)
    except Problem as problem:
        return problem.status
    return 200


@given(JSON)
def test_no_body_is_a_fault(body: Any) -> None:
    """Whatever JSON arrives is taken or refused as bad."""
    assert outcome(body) in {200, 400}
