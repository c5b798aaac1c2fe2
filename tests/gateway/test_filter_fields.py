"""The fields of a filter are checked against the schema of the list's resources."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.gateway.filter_fields import resolver
from gstack.gateway.filters import Filter, parse_filter

URL = "https://www.googleapis.com/compute/v1/projects/demo/"
# What tools send (their sources say so): the filter, the list's resources, one that matches, one that does not
SENT = {
    "juju, machines of a model": (
        "name eq '^juju-1a2b(-.+)?$'", "Instance", {"name": "juju-1a2b-0"}, {"name": "x-juju-1a2b-0"},
    ),
    "juju, the model itself": ("name eq '^juju-1a2b(-.+)?$'", "Firewall", {"name": "juju-1a2b"}, {"name": "juju-1"}),
    "juju, zones of a region": ("name eq region-.*", "Zone", {"name": "region-b"}, {"name": "other-b"}),
    "BOSH and fog, machines": ("name eq .*vm-1", "Instance", {"name": "vm-1"}, {"name": "vm-12"}),
    "BOSH and fog, addresses": (
        "address eq .*203.0.113.7", "Address", {"address": "203.0.113.7"}, {"address": "203.0.113.70"},
    ),
    "cloud-provider-gcp, firewalls": (
        "network eq .*/net", "Firewall", {"network": f"{URL}global/networks/net"}, {"network": f"{URL}networks/net2"},
    ),
    "cloud-provider-gcp, routes": (
        "network eq .*/net$", "Route", {"network": f"{URL}global/networks/net"}, {"network": f"{URL}networks/net2"},
    ),
    "PD CSI, snapshots of a disk": (
        "sourceDisk eq .*pvc-1$", "Snapshot", {"sourceDisk": f"{URL}zones/z/disks/pvc-1"}, {"sourceDisk": f"{URL}d"},
    ),
    "PD CSI, one snapshot": ("name=snapshot-1", "Snapshot", {"name": "snapshot-1"}, {"name": "snapshot-12"}),
    "karpenter, zones": (
        "(zone eq .*region-.*)", "Instance", {"zone": f"{URL}zones/region-b"}, {"zone": f"{URL}zones/other-b"},
    ),
    "karpenter, nodes": ("name=gke-c-*", "Instance", {"name": "gke-c-pool-1"}, {"name": "gke-d-pool-1"}),
    "kops": ("address eq 203.0.113.7", "Address", {"address": "203.0.113.7"}, {"address": "203.0.113.77"}),
    "syzkaller": ("name = ci-1", "Instance", {"name": "ci-1"}, {"name": "ci-2"}),
    "rancher": ("labels.team=a", "Instance", {"labels": {"team": "a"}}, {"labels": {"team": "b"}}),
    "slurm-gcp, nodes": ("name=cluster-*", "Instance", {"name": "cluster-n0"}, {"name": "other-n0"}),
    "slurm-gcp, nodes that run": (
        "(name=cluster-*) AND (status=RUNNING OR status=STAGING) AND NOT (labels.role=login)", "Instance",
        {"name": "cluster-1", "status": "STAGING", "labels": {"role": "node"}},
        {"name": "cluster-1", "status": "RUNNING", "labels": {"role": "login"}},
    ),
    "cluster-autoscaler, Spinnaker, go-discover": ("name eq vm-1", "Instance", {"name": "vm-1"}, {"name": "vm-11"}),
    "gcloud, snake_case": ("guest_cpus > 0", "MachineType", {"guestCpus": 2}, {"guestCpus": 0}),
}  # fmt: skip


def parsed(text: str, resource: str) -> Filter:
    found = parse_filter(text, resolver(schema(resource)))
    assert found
    return found


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_filters_that_tools_send(sent: tuple[str, str, dict[str, Any], dict[str, Any]]) -> None:
    """Each filter that a known tool sends is accepted and tells resources apart."""
    text, resource, match, other = sent
    assert parsed(text, resource).matches(match)
    assert not parsed(text, resource).matches(other)


@pytest.mark.parametrize(
    "text",
    [
        'labels.env != x AND scheduling.automaticRestart != false AND disks.source != "a"',
        'labels."env" > b',
        "disks.diskSizeGb >= 10",
        "disks.index < 2",
        "creationTimestamp > 2026-01-01",
        "id = vm1",
        "labels:*",
        "labels:env",
        "scheduling:*",
        "tags.items = web",
    ],
)
def test_fields_of_an_instance(text: str) -> None:
    """Fields below references, lists and maps exist. Numbers are ordered with numbers, texts with texts."""
    parsed(text, "Instance")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("creation_timestamp > 2026", {"creationTimestamp": "2026-05-01"}),
        ("network_interfaces.access_configs.nat_ip = 203.0.113.7", {"networkInterfaces": [
            {"accessConfigs": [{"natIP": "203.0.113.7"}]}
        ]}),
        ("self_link eq .*/vm1", {"selfLink": f"{URL}zones/z/instances/vm1"}),
        ("labels.my_team = a", {"labels": {"my_team": "a"}}),
        ("NOT labels.my_team = a", {"labels": {"myTeam": "a"}}),
    ],
)  # fmt: skip
def test_snake_case_names_are_fields(text: str, item: dict[str, Any]) -> None:
    """`self_link` means `selfLink`, at every depth. A label's key is no field name and stays as it is."""
    assert parsed(text, "Instance").matches(item)


def test_equal_conditions_have_the_real_names() -> None:
    """A fetch narrows its CloudStack call by the field's real name, however the client spelt it."""
    assert parsed("machine_type = a", "Instance").equals == {"machineType": "a"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("colour = red", "no field 'colour'"),
        ("scheduling.colour = red", "no field 'scheduling.colour'"),
        ("name.first = red", "no field 'name.first'"),
        ("guest_cpus = 1", "no field 'guest_cpus'"),
        ("disks.diskSizeGb > abc", "'disks.diskSizeGb' is a number and cannot be compared with 'abc'"),
        ("name = a OR NOT disks.index <= b", "'disks.index' is a number and cannot be compared with 'b'"),
        ("deletionProtection > false", "'deletionProtection' is true or false"),
        ("scheduling = x", "'scheduling' is an object"),
        ("scheduling != x", "'scheduling' is an object"),
        ("scheduling:x", "'scheduling' is an object"),
        ("disks = d1", "'disks' is an object"),
        ("disks eq .*d1", "'disks' is an object"),
        ("disks:d1", "'disks' is an object"),
        ("networkInterfaces.accessConfigs ne x", "'networkInterfaces.accessConfigs' is an object"),
        ("labels = a", "'labels' is an object"),
        ("labels > 1", "'labels' is an object"),
    ],
)
def test_impossible_comparisons_are_refused(text: str, reason: str) -> None:
    """A field that does not exist and a comparison that makes no sense are 400 by name, never an empty list."""
    with pytest.raises(Problem, match=reason) as caught:
        parsed(text, "Instance")
    assert (caught.value.status, caught.value.location) == (400, "filter")
