"""Bad input at the whole product: always a Google error, never a fault of ours, nothing left behind."""

import json
import string
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.gce import Gce
from gstack.gateway.call import served
from gstack.gateway.discovery import methods

ZONE = "sandbox-east1-a"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
GOOD = {
    "name": "good",
    "machineType": f"zones/{ZONE}/machineTypes/n1-standard-1",
    "disks": [
        {"boot": True, "initializeParams": {"sourceImage": "projects/debian-cloud/global/images/family/debian-12"}}
    ],
    "networkInterfaces": [{"network": "global/networks/default"}],
    "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
    "items": [{"key": "a", "value": "b"}],
    "labels": {"a": "b"},
}
MORE = ("unknown", "sizeGb", "sourceRanges", "priority", "metadata", "tags")
PLACES = ("demo", ZONE, "Sandbox-simulator", "default", "n1-standard-1", "vm", "0", "1" * 30, "..", "%00", "-")
ODD = ("name eq (", "name:*", "(", "a/b(c")
WRITES = sorted(m for m in methods() if m.split(".")[-1] in {"insert", "setCommonInstanceMetadata"})
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["", "../x", "projects/p/zones/z/disks/d", "a" * 70, "\x00", "💥", "-1", "1e3", "ffffffff", "x" * 3000]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A good body with some of it replaced, removed or added."""
    body: dict[str, Any] = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = body
        key = draw(
            st.sampled_from([*sorted(body), "unknown", "sizeGb", "sourceRanges", "priority", "metadata", "tags"])
        )
        while isinstance(holder.get(key), dict) and holder[key] and draw(st.booleans()):
            holder = holder[key]
            key = draw(st.sampled_from(sorted(holder)))
        if draw(st.booleans()):
            holder[key] = draw(values)
        else:
            holder.pop(key, None)
    return body


segments = st.one_of(
    st.sampled_from(
        ["demo", ZONE, "Sandbox-simulator", "default", "n1-standard-1", "vm", "0", "1" * 30, "..", "%00", "-"]
    ),
    st.text(string.ascii_letters + string.digits + "-_.~:@%+,; '\"<>{}", min_size=1, max_size=40),
    st.text(min_size=1, max_size=10),
)
parameters = st.dictionaries(
    st.sampled_from(["filter", "maxResults", "orderBy", "pageToken", "fields", "requestId", "alt", "deviceName", "x"]),
    st.one_of(st.text(max_size=30), st.integers(-5, 10**12).map(str), st.sampled_from(ODD)),
    max_size=3,
)


def is_google_s_error(answer: requests.Response) -> bool:
    error = answer.json()["error"]
    return bool(error["code"] == answer.status_code and error["errors"][0]["reason"] and error["message"])


def check(answer: requests.Response) -> None:
    assert answer.status_code not in {500, 502, 503}, answer.text
    if answer.status_code >= 400:
        assert is_google_s_error(answer), answer.text


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method_id=st.sampled_from(
        sorted(m for m in methods() if m.split(".")[-1] in {"insert", "setCommonInstanceMetadata"})
    ),
    body=st.one_of(mutated(), values),
)
def test_mutated_bodies_never_break_the_server(gce: Gce, method_id: str, body: Any) -> None:
    """Any body for any insert gives an answer of Google's, never a 5xx but 501."""
    method = methods()[method_id]
    path = method.path.replace("{project}", "demo").replace("{zone}", ZONE).replace("{region}", "sandbox-east1")
    check(gce.call("POST", f"/compute/v1/{path}", body))


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_paths_never_break_the_server(gce: Gce, data: st.DataObject) -> None:
    """Any segment in any path, any query parameter: a Google error or an answer."""
    method_id = data.draw(st.sampled_from([*sorted(served()), *sorted(methods())[:50]]))
    method = methods()[method_id]
    path = "/".join(data.draw(segments) if part.startswith("{") else part for part in method.path.split("/"))
    if data.draw(st.booleans()):
        path = path.replace(path.split("/")[1], "demo", 1)
    query = data.draw(parameters)
    if method.http_method == "GET":
        check(gce.call("GET", f"/compute/v1/{path}", **query))
    else:
        check(gce.call(method.http_method, f"/compute/v1/{path}", data.draw(values), **query))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "parseError"),
        (b'{"name": }', "parseError"),
        (b"\xff\xfe", "parseError"),
        (b"[]", "invalid"),
        (b'{"name": 5}', "invalid"),
        (b'{"name": "Bad_Name", "allowed": [{"IPProtocol": "tcp"}]}', "invalid"),
    ],
)
def test_a_bad_body_is_named(gce: Gce, raw: bytes, reason: str) -> None:
    """Malformed JSON, wrong types and bad names are 400 with a reason, and nothing is created."""
    before = {rule["name"] for rule in gce.items("global/firewalls")}
    answer = gce.session.post(
        f"{gce.base}/projects/demo/global/firewalls",
        data=raw,
        headers={"Authorization": f"Bearer {gce.token}", "Content-Type": "application/json"},
        timeout=30,
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["errors"][0]["reason"] in {reason, "invalid", "badRequest"}
    assert {rule["name"] for rule in gce.items("global/firewalls")} == before


@pytest.mark.parametrize("size", [2_000_000, 30_000_000])
def test_a_body_beyond_the_limit_is_413(gce: Gce, size: int) -> None:
    """An oversized body is refused before it is read as JSON, and a client that is still sending hears of it."""
    answer = gce.call("POST", "global/firewalls", {"name": "x", "description": "y" * size})
    assert answer.status_code == 413
    assert is_google_s_error(answer)


@pytest.mark.parametrize("bad", ["", "%20", "%00", "a%0Ab", "x" * 256])
def test_a_segment_that_names_nothing_is_400(gce: Gce, bad: str) -> None:
    """An empty segment, or one that neither Google nor CloudStack could name anything, is 400 in every served path."""
    names = {"project": "demo", "zone": ZONE, "region": "sandbox-east1"}
    headers = {"Authorization": f"Bearer {gce.token}"}
    for method in (methods()[method_id] for method_id in sorted(served())):
        for parameter in (name for name, facts in method.parameters.items() if facts["location"] == "path"):
            values = {name: names.get(name, "vm") for name in method.parameters} | {parameter: bad}
            url = f"{gce.base}/{method.flat_path.format_map(values)}"
            body: Any = None if method.http_method in {"GET", "DELETE"} else {}
            answer = gce.session.request(method.http_method, url, json=body, headers=headers, timeout=30)
            assert answer.status_code == 400, (method.id, parameter, answer.text)
            assert f"Invalid value for field '{parameter}'" in answer.json()["error"]["message"]
            assert "Must be a match of regex" in answer.json()["error"]["message"]


def test_foreign_and_unknown_projects_are_404(gce: Gce) -> None:
    """Another account's name is no more a project of mine than one that does not exist."""
    for project in ("other", "nobody", "00000000-0000-0000-0000-000000000000"):
        answer = gce.call("GET", f"/compute/v1/projects/{project}/zones/{ZONE}/instances")
        assert answer.status_code == 404
        assert answer.json()["error"]["errors"][0]["reason"] == "notFound"


def test_unserved_methods_name_themselves(gce: Gce) -> None:
    """A method of Google's that is not served is 501 by name; a path that is no method is 404."""
    error = gce.refused("GET", "global/sslCertificates", 501)
    assert "compute.sslCertificates.list" in error["message"]
    assert gce.refused("GET", "global/nonsense", 404)["reason"] == "notFound"
    assert gce.call("PUT", f"zones/{ZONE}").status_code in {404, 405}


def test_references_to_nothing_are_refused_before_anything_is_made(gce: Gce) -> None:
    """An image, machine type, network or zone that is not there: 400 or 404 naming it, and no machine."""
    for change, word in (
        ({"machineType": f"zones/{ZONE}/machineTypes/none"}, "none"),
        ({"networkInterfaces": [{"network": "global/networks/none"}]}, "none"),
        ({"disks": [{"boot": True, "initializeParams": {"sourceImage": "global/images/none"}}]}, "none"),
    ):
        fields = {key: GOOD[key] for key in ("machineType", "disks", "networkInterfaces")}
        body = {"name": "never-made"} | fields | change
        answer = gce.call("POST", f"zones/{ZONE}/instances", body)
        assert answer.status_code in {400, 404}, answer.text
        assert word in answer.json()["error"]["message"]
    assert "never-made" not in {one["name"] for one in gce.items(f"zones/{ZONE}/instances")}


def ignored(operation: dict[str, Any]) -> list[str]:
    """The unknown fields that an operation warns about."""
    warnings = [one for one in operation.get("warnings", []) if one["code"] == "UNDECLARED_PROPERTIES"]
    return [one["data"][0]["value"] for one in warnings]


def test_what_google_ignores_is_ignored_with_a_warning(gce: Gce) -> None:
    """Unknown fields, empty enums and nulls, as Terraform and others send them, cost a warning and no request."""
    machine = {
        "name": "u1",
        "machineType": f"zones/{ZONE}/machineTypes/n1-standard-1",
        "networkInterfaces": [{"network": "global/networks/default", "subnetwork": "", "nicType": ""}],
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "diskSizeGb": "20",
                "diskType": f"zones/{ZONE}/diskTypes/pd-ssd",
                "interface": "",
                "initializeParams": {"sourceImage": IMAGE, "architecture": "", "resourcePolicies": [None]},
            },
            None,
        ],
        "scheduling": {"automaticRestart": True, "instanceTerminationAction": "", "provisioningModel": ""},
        "hostnme": "u1",
    }
    made = gce.done(gce.post(f"zones/{ZONE}/instances", machine))
    assert ignored(made) == ["resource.disks[0].diskType", "resource.hostnme"]
    assert "Did you mean 'hostname'?" in str(made["warnings"])
    assert gce.get(f"zones/{ZONE}/instances/u1")["scheduling"]["automaticRestart"] is True

    disk = f"zones/{ZONE}/disks/u1"
    sent = {"name": "kcc", "sourceDisk": f"projects/demo/{disk}", "zone": f"projects/demo/global/zones/{ZONE}"}
    assert ignored(gce.done(gce.post(f"{disk}/createSnapshot", sent))) == ["resource.zone"]

    fingerprint = gce.get(disk)["labelFingerprint"]
    labels = {"labels": {"a": "b"}, "labelFingerprint": fingerprint, "sizeGb": "20"}
    assert ignored(gce.done(gce.post(f"{disk}/setLabels", labels))) == ["resource.sizeGb"]

    gce.done(gce.post(f"zones/{ZONE}/instances/u1/stop"))
    image = {"name": "imgz", "sourceDisk": disk, "zone": ZONE, "description": None, "family": None}
    assert ignored(gce.done(gce.post("global/images", image))) == ["resource.zone"]


def test_an_unknown_value_of_a_known_field_is_refused(gce: Gce) -> None:
    """A field that exists is never ignored: a value that it cannot have is 400 by name."""
    body = {"name": "x", "allowed": [{"IPProtocol": "tcp"}], "direction": "SIDEWAYS"}
    error = gce.refused("POST", "global/firewalls", 400, body)
    assert (error["reason"], error["location"]) == ("invalid", "resource.direction")
