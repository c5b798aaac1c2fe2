"""Request bodies."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack import resources
from gstack.errors import Problem
from gstack.gateway.bodies import Unknown, check_body, read_body
from gstack.gateway.call import served
from gstack.gateway.discovery import methods, schema

INSERT = methods()["compute.instances.insert"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "disks", "labels"]), inner),
)


def read(body: Any) -> dict[str, Any]:
    return read_body(INSERT, json.dumps(body).encode()).fields


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
    found = read_body(methods()["compute.disks.update"], json.dumps(sent).encode()).fields
    assert found == {"name": "d", "description": "", "labels": {}, "licenses": []}


def test_output_only_fields_may_come_back() -> None:
    """Clients that read, change and write send ids and links along."""
    sent = {"kind": "compute#instance", "id": "1", "selfLink": "https://x/", "status": "RUNNING", "name": "vm1"}
    assert read(sent) == sent


def test_protocols_may_be_numbers() -> None:
    """A number is sent by gcutil: `IPProtocol: 6`."""
    sent = json.dumps({"name": "f", "allowed": [{"IPProtocol": 6, "ports": ["22"]}]}).encode()
    found = read_body(methods()["compute.firewalls.insert"], sent).fields
    assert found["allowed"] == [{"IPProtocol": "6", "ports": ["22"]}]


@pytest.mark.parametrize("raw", [b'"ignored"', b"{}"])
def test_an_empty_body(raw: bytes) -> None:
    """The client libcloud sends the word "ignored"."""
    assert read_body(INSERT, raw).fields == {}


@pytest.mark.parametrize("raw", [b"", b"  ", b"null"])
def test_no_body_is_not_an_empty_one(raw: bytes) -> None:
    """Who sends nothing to setLabels has not asked to take all labels away."""
    with pytest.raises(Problem) as caught:
        read_body(methods()["compute.instances.setLabels"], raw)
    assert (caught.value.status, caught.value.reason) == (400, "required")


def test_methods_without_a_body_ignore_it() -> None:
    """Where Google's document has no request, whatever is sent counts for nothing."""
    assert read_body(methods()["compute.instances.reset"], b"{broken").fields == {}


@pytest.mark.parametrize(
    ("body", "rest", "path", "similar"),
    [
        ({"machinetype": "x"}, {}, "resource.machinetype", "machineType"),
        ({"machine_type": "x"}, {}, "resource.machine_type", "machineType"),
        ({"disks": [{}, {"sorce": "d"}]}, {"disks": [{}, {}]}, "resource.disks[1].sorce", "source"),
        ({"disks": [{"diskColour": "red"}]}, {"disks": [{}]}, "resource.disks[0].diskColour", ""),
        ({"zoen": "z"}, {}, "resource.zoen", "zone"),
        ({"colour": 1}, {}, "resource.colour", ""),
        ({"x" * 5000: [[None]]}, {}, f"resource.{'x' * 5000}"[:160], ""),
    ],
)
def test_unknown_fields_are_ignored_and_reported(body: Any, rest: Any, path: str, similar: str) -> None:
    """Like Google, the server ignores a field that it does not know. The report names the field that was meant."""
    found = read_body(INSERT, json.dumps({"name": "vm1", **body}).encode())
    assert found.fields == {"name": "vm1", **rest}
    assert found.unknown == (Unknown(path, similar),)


def test_reports_of_unknown_fields_are_few() -> None:
    """A body full of unknown fields does not become an operation full of warnings."""
    assert len(read_body(INSERT, json.dumps({f"x{n}": n for n in range(1000)}).encode()).unknown) == 10


def enums(described: dict[str, Any], path: tuple[str, ...] = (), above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all enums of a request schema. `[]` stands for a list's entry."""
    if described.get("readOnly") or described.get("$ref") in above:
        return []
    if name := described.get("$ref"):
        return enums(schema(name), path, (*above, name))
    if "enum" in described:
        return [path]
    found = [
        one for name, inner in described.get("properties", {}).items() for one in enums(inner, (*path, name), above)
    ]
    for part, step in (("items", "[]"), ("additionalProperties", "key")):
        if part in described:
            found += enums(described[part], (*path, step), above)
    return found


def holding(path: tuple[str, ...], value: Any) -> Any:
    """A body with a value at a path."""
    for step in reversed(path):
        value = [value] if step == "[]" else {step: value}
    return value


def served_requests() -> list[str]:
    resources.load()
    return sorted({request for name in served() if (request := methods()[name].request)})


@pytest.mark.parametrize("name", served_requests())
def test_an_empty_enum_is_unset_everywhere(name: str) -> None:
    """An empty string and a null in any enum of any served body mean that it is unset; a wrong value is still 400."""
    for path in enums({"$ref": name}):
        for empty in ("", None):
            found = check_body(name, holding(path, empty)).fields
            assert found == (holding(path[:-1], {}) if path[-1] != "[]" else holding(path[:-1], [])), path
        with pytest.raises(Problem, match="Must be one of"):
            check_body(name, holding(path, "NONSENSE"))


def test_the_walk_finds_the_enums() -> None:
    """The test above sees enums in fields, in lists and below lists."""
    found = enums({"$ref": "Instance"})
    assert ("scheduling", "instanceTerminationAction") in found
    assert ("disks", "[]", "guestOsFeatures", "[]", "type") in found
    assert len(found) > 20


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ({"scheduling": {"instanceTerminationAction": ""}}, {"scheduling": {}}),
        ({"disks": [{"diskSizeGb": "", "source": ""}]}, {"disks": [{"source": ""}]}),
        ({"guestAccelerators": [{"acceleratorCount": ""}]}, {"guestAccelerators": [{}]}),
        ({"resourcePolicies": ""}, {}),
        ({"resourcePolicies": [None, "a", None]}, {"resourcePolicies": ["a"]}),
        ({"disks": [None, {"boot": True}]}, {"disks": [{"boot": True}]}),
        ({"labels": {"a": "", "b": None}}, {"labels": {"a": ""}}),
    ],
)
def test_empty_means_unset(body: Any, meant: Any) -> None:
    """Empty strings mean nothing in enums, numbers and lists; nulls mean nothing anywhere."""
    assert read(body) == meant


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"name": "VM"}, "resource.name", "Must be a match of regex"),
        ({"name": 1}, "resource.name", "Must be of type string."),
        ({"disks": 1}, "resource.disks", "Must be of type array."),
        ({"disks": [1]}, "resource.disks[0]", "Must be of type object."),
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
    assert check_body("Metadata", {"items": [{"key": "a-_1", "value": "ä"}]}).fields["items"][0]["key"] == "a-_1"
    found = check_body("UrlMap", {"pathMatchers": [{"routeRules": [policy]}]})
    assert found.unknown == (Unknown("resource.pathMatchers[0].routeRules[0].wafRule"),)
    with pytest.raises(Problem, match=r"routeRules\[0\].priority"):
        check_body("UrlMap", {"pathMatchers": [{"routeRules": [{"priority": "first"}]}]})


def test_every_request_of_the_document_can_be_checked() -> None:
    """Each of Google's request schemas compiles, and takes an empty body."""
    for name in {method.request for method in methods().values() if method.request}:
        assert check_body(name, {}).fields == {}


def test_an_empty_name_is_wrong() -> None:
    """A name is never unset by an empty string: the message is the one about its form."""
    assert "Must be a match of regex" in refusal({"name": ""}).message


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
