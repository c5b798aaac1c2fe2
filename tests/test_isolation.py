"""Two accounts on one cloud: neither can see, name, guess or change the other's things."""

from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.belongings import MINE, REGION, ZONE, furnish
from fixtures.gce import Gce
from fixtures.instances import asking_of, body_of
from fixtures.servers import Stack
from gstack import resources
from gstack.gateway.auditing import is_mutation
from gstack.gateway.call import Method, served
from gstack.gateway.discovery import methods

resources.load()
PLACES = {"zone": ZONE, "region": REGION}
SHARED = {"network", "subnetwork", "diskType", "machineType"}  # what everybody has under the same name
NAMED = sorted(
    method_id
    for method_id in served()
    if any(
        facts["location"] == "path" and name not in {"project", *PLACES, *SHARED}
        for name, facts in methods()[method_id].parameters.items()
    )
)
LISTS = sorted(method_id for method_id in served() if method_id.endswith((".list", ".aggregatedList")))
KINDS = {
    "instances": f"zones/{ZONE}/instances",
    "disks": f"zones/{ZONE}/disks",
    "firewalls": "global/firewalls",
    "snapshots": "global/snapshots",
    "images": "global/images",
    "instanceTemplates": "global/instanceTemplates",
}
# Collections whose things have no name of demo's here, with the kind whose names are tried instead. A new collection of
# named things belongs into KINDS.
OTHERS = {
    "globalOperations": "instances", "regionOperations": "instances", "zoneOperations": "instances",
    "imageFamilyViews": "images", "regionInstanceTemplates": "instanceTemplates",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(product: Stack) -> Gce:
    """The account whose things are wanted."""
    return Gce(product)


@pytest.fixture(scope="module")
def stranger(product: Stack) -> Gce:
    """The account that wants them."""
    return Gce(product, "other")


@pytest.fixture(scope="module")
def operations(demo: Gce) -> Iterator[dict[str, str]]:
    """The things of `demo`; when all is over each of them is as it was."""
    names = furnish(demo)
    before = state(demo)
    yield names
    assert state(demo) == before


def state(demo: Gce) -> dict[str, Any]:
    return {kind: demo.get(f"{path}/{MINE}") for kind, path in KINDS.items()}


def call(caller: Gce, method: Method, name: str, operation: str) -> Any:
    values = dict.fromkeys(method.parameters, name) | PLACES | {"project": caller.project, "operation": operation}
    query = {
        field: {"integer": "1", "boolean": "true"}.get(facts["type"], name)
        for field, facts in method.parameters.items()
        if facts.get("required") and facts["location"] == "query"
    }
    body: dict[str, Any] | None = _bodies(name).get(method.id, {}) if method.request else None
    return caller.call(method.http_method, f"/compute/v1/{method.flat_path.format_map(values)}", body, **query)


def _bodies(name: str) -> dict[str, dict[str, Any]]:
    """Bodies that are good, so that nothing but the name can be wrong."""
    labels = {"labels": {"a": "b"}, "labelFingerprint": "42WmSpB8rSM="}
    labelled = ("instances", "disks", "snapshots", "images")
    return {f"compute.{collection}.setLabels": labels for collection in labelled} | {
        "compute.disks.resize": {"sizeGb": "100"},
        "compute.disks.createSnapshot": {"name": "taken"},
        "compute.instances.attachDisk": {"source": f"projects/demo/zones/{ZONE}/disks/{name}"},
        "compute.instances.setMachineType": {"machineType": f"zones/{ZONE}/machineTypes/n1-standard-2"},
        "compute.instances.setMetadata": {"items": [{"key": "a", "value": "b"}]},
        "compute.instances.setTags": {"items": ["a"]},
        "compute.images.deprecate": {"state": "DEPRECATED"},
    }


@pytest.mark.parametrize("by", ["name", "id", "uuid"])
@pytest.mark.parametrize("method_id", NAMED)
def test_nothing_of_anothers_can_be_named_or_guessed(
    demo: Gce, stranger: Gce, operations: dict[str, str], product: Stack, method_id: str, by: str
) -> None:
    """By name, by number or by CloudStack's uuid, what is another's is not there."""
    method = methods()[method_id]
    name = _name(demo, product, method, by)
    operation = operations["zones" if "zone" in method.path else "global"]
    answer = call(stranger, method, name, operation)
    assert answer.status_code in {400, 404}, answer.text
    assert answer.status_code == 404 or method.request, answer.text


def _name(demo: Gce, product: Stack, method: Method, by: str) -> str:
    kind = method.collection if method.collection in KINDS else OTHERS[method.collection]
    if by == "name":
        return MINE
    if by == "id":
        return str(demo.get(f"{KINDS[kind]}/{MINE}")["id"])
    machines = asking_of(product)("listVirtualMachines", listall=True)["virtualmachine"]
    return str(machines[0]["id"])


@pytest.mark.parametrize("method_id", LISTS)
def test_no_list_shows_anothers_things(demo: Gce, stranger: Gce, operations: dict[str, str], method_id: str) -> None:
    """Neither the names nor the numbers of another's things are in any list, filtered for or not."""
    method = methods()[method_id]
    path = method.flat_path.format_map(PLACES | {"project": "other"})
    numbers = {thing["id"] for thing in state(demo).values()}
    for query in ({}, {"filter": f"name eq {MINE}"}):
        text = stranger.call("GET", f"/compute/v1/{path}", **query).text
        assert f"/{MINE}" not in text
        assert f'"{MINE}"' not in text
        assert not [number for number in numbers if number in text]


def disk(**source: str) -> dict[str, Any]:
    return {"name": "stolen", "sizeGb": "50", **source}


def machine(**changes: Any) -> dict[str, Any]:
    return body_of(ZONE, "stolen") | changes


THEIRS = "projects/demo"
REFERENCES = {
    "a disk of a snapshot": (f"zones/{ZONE}/disks", disk(sourceSnapshot=f"{THEIRS}/global/snapshots/{MINE}")),
    "a disk of an image": (f"zones/{ZONE}/disks", disk(sourceImage=f"{THEIRS}/global/images/{MINE}")),
    "a disk of a family": (f"zones/{ZONE}/disks", disk(sourceImage=f"{THEIRS}/global/images/family/{MINE}")),
    "a disk of a disk": (f"zones/{ZONE}/disks", disk(sourceDisk=f"{THEIRS}/zones/{ZONE}/disks/{MINE}")),
    "an image of a disk": ("global/images", disk(sourceDisk=f"{THEIRS}/zones/{ZONE}/disks/{MINE}")),
    "an image of a snapshot": ("global/images", disk(sourceSnapshot=f"{THEIRS}/global/snapshots/{MINE}")),
    "a machine with a disk": (
        f"zones/{ZONE}/instances",
        machine(disks=[{"boot": True, "source": f"{THEIRS}/zones/{ZONE}/disks/{MINE}"}]),
    ),
    "a machine of an image": (
        f"zones/{ZONE}/instances",
        machine(disks=[{"boot": True, "initializeParams": {"sourceImage": f"{THEIRS}/global/images/{MINE}"}}]),
    ),
    "a machine of a snapshot": (
        f"zones/{ZONE}/instances",
        machine(disks=[{"boot": True, "initializeParams": {"sourceSnapshot": f"{THEIRS}/global/snapshots/{MINE}"}}]),
    ),
    "a machine on a network": (
        f"zones/{ZONE}/instances",
        machine(networkInterfaces=[{"network": f"{THEIRS}/global/networks/default"}]),
    ),
    "a machine on a subnetwork": (
        f"zones/{ZONE}/instances",
        machine(networkInterfaces=[{"subnetwork": f"{THEIRS}/regions/{REGION}/subnetworks/default"}]),
    ),
    "a firewall on a network": (
        "global/firewalls",
        {"name": "stolen", "network": f"{THEIRS}/global/networks/default", "allowed": [{"IPProtocol": "icmp"}]},
    ),
}


@pytest.mark.parametrize("what", REFERENCES)
def test_nothing_is_made_of_anothers_things(demo: Gce, stranger: Gce, operations: dict[str, str], what: str) -> None:
    """A body that names another's disk, image, snapshot, template or network makes nothing."""
    path, body = REFERENCES[what]
    answer = stranger.call("POST", path, body)
    if answer.status_code == 200:  # accepted: then it must fail, and leave nothing
        assert "error" in stranger.finished(answer.json()), what
    else:
        assert answer.status_code in {400, 403, 404}, answer.text
    assert stranger.call("GET", f"{path}/stolen").status_code == 404


def test_names_are_free_for_everybody(demo: Gce, stranger: Gce, operations: dict[str, str]) -> None:
    """That another has a name is not told: the stranger may use it as well, and both keep their own."""
    rule = {"name": MINE, "allowed": [{"IPProtocol": "tcp", "ports": ["443"]}]}
    stranger.done(stranger.post("global/firewalls", rule))
    assert stranger.get(f"global/firewalls/{MINE}")["allowed"][0]["ports"] == ["443"]
    assert demo.get(f"global/firewalls/{MINE}")["allowed"][0]["ports"] == ["22"]
    stranger.done(stranger.delete(f"global/firewalls/{MINE}"))
    assert demo.get(f"global/firewalls/{MINE}")


def test_the_matrix_is_not_empty() -> None:
    """What is generated covers reads and changes of every kind above."""
    assert {methods()[method_id].collection for method_id in NAMED} >= set(KINDS)
    assert sum(is_mutation(methods()[method_id]) for method_id in NAMED) > 20
