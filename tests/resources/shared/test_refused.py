"""Which fields of a new instance are refused, and which are accepted without effect."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.resources.shared import refused as policy

ACCOUNT = "1-compute@developer.gserviceaccount.com"


@pytest.mark.parametrize(
    "value",
    [None, False, "", 0, [], {}, [{}], {"enableDisplay": False}, {"consumeReservationType": "ANY_RESERVATION"}],
)
def test_values_that_ask_for_nothing(value: Any) -> None:
    """Empty values and Google's defaults, which clients send by habit, ask for nothing."""
    assert policy.is_void(value)


@pytest.mark.parametrize("value", [True, "x", 1, ["a"], {"a": {"b": True}}])
def test_values_that_ask(value: Any) -> None:
    """Everything else asks for something."""
    assert not policy.is_void(value)


def test_refused_by_name() -> None:
    """A field that cannot be honoured is a 400 that names it."""
    with pytest.raises(Problem, match=r"resource\.canIpForward") as told:
        policy.refuse({"canIpForward": True, "hostname": ""}, policy.INSTANCE, "resource")
    assert told.value.status == 400
    policy.refuse({"canIpForward": False, "guestAccelerators": []}, policy.INSTANCE, "resource")


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (policy.SCHEDULING, "Scheduling"),
        (policy.DISK, "AttachedDisk"),
        (policy.INITIALIZE, "AttachedDiskInitializeParams"),
        (policy.INTERFACE, "NetworkInterface"),
        (policy.ACCESS, "AccessConfig"),
    ],
)
def test_refused_fields_are_googles(table: dict[str, str], name: str) -> None:
    """Every field that is refused is one of Google's document, so none is refused under a wrong name."""
    assert table.keys() <= schema(name)["properties"].keys()


def test_refused_instance_fields_are_googles() -> None:
    """The same for the instance itself."""
    assert policy.INSTANCE.keys() | set(policy.ACCEPTED) <= schema("Instance")["properties"].keys()


def test_habits_are_kept_in_silence() -> None:
    """What gcloud sends with every instance is kept and warned about nowhere."""
    body = {
        "scheduling": {
            "automaticRestart": True,
            "provisioningModel": "STANDARD",
            "onHostMaintenance": "MIGRATE",
            "preemptible": False,
            "nodeAffinities": [],
        },
        "serviceAccounts": [{"email": "default", "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
        "shieldedInstanceConfig": {"enableSecureBoot": False, "enableVtpm": True, "enableIntegrityMonitoring": True},
        "minCpuPlatform": "",
    }
    found = policy.accepted(body, ACCOUNT)
    assert found["serviceAccounts"][0]["email"] == ACCOUNT
    assert list(policy.warnings(found, ACCOUNT)) == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"minCpuPlatform": "Intel Haswell"}, "minCpuPlatform"),
        ({"shieldedInstanceConfig": {"enableSecureBoot": True}}, "shielded"),
        ({"scheduling": {"preemptible": True}}, "preemptible"),
        ({"scheduling": {"provisioningModel": "SPOT"}}, "preemptible"),
        ({"scheduling": {"automaticRestart": False}}, "automaticRestart"),
        ({"scheduling": {"onHostMaintenance": "TERMINATE", "minNodeCpus": 2}}, r"minNodeCpus, onHostMaintenance"),
        ({"serviceAccounts": [{"email": "me@p.iam.gserviceaccount.com"}]}, "serviceAccounts"),
    ],
)
def test_wishes_are_kept_with_a_warning(body: dict[str, Any], word: str) -> None:
    """What was really wished for and has no effect is kept, and the warning says so."""
    (message,) = policy.warnings(policy.accepted(body, ACCOUNT), ACCOUNT)
    assert word in message


def test_what_has_no_effect_is_told() -> None:
    """Fields that nothing here reads are named with their places, and void ones are not."""
    body = {
        "disks": [{"guestOsFeatures": []}, {"initializeParams": {"architecture": "X86_64", "licenses": []}}],
        "networkInterfaces": [{"nicType": "VIRTIO_NET"}, {"nicType": "GVNIC", "queueCount": 4}],
        "shieldedInstanceIntegrityPolicy": {"updateAutoLearnPolicy": False},
    }
    assert [message.split(" has no effect: ")[0] for message in policy.ignored(body)] == [
        "resource.disks[1].initializeParams.architecture",
        "resource.networkInterfaces[1].nicType",
        "resource.networkInterfaces[1].queueCount",
    ]


@pytest.mark.parametrize(
    ("name", "tables", "honoured"),
    [
        (
            "Instance",
            (policy.INSTANCE, policy.ACCEPTED, policy.NO_EFFECT),
            "deletionProtection description disks labels machineType metadata name networkInterfaces tags",
        ),
        ("AttachedDisk", (policy.DISK, policy.DISK_NO_EFFECT), "autoDelete boot deviceName initializeParams source"),
        (
            "AttachedDiskInitializeParams",
            (policy.INITIALIZE, policy.INITIALIZE_NO_EFFECT),
            "description diskName diskType labels sourceImage sourceSnapshot",
        ),
        (
            "NetworkInterface",
            (policy.INTERFACE, policy.INTERFACE_NO_EFFECT),
            "accessConfigs name network networkIP subnetwork",
        ),
        ("AccessConfig", (policy.ACCESS,), "name"),
    ],
)
def test_no_field_is_dropped_in_silence(name: str, tables: tuple[Any, ...], honoured: str) -> None:
    """Every field that Google takes is honoured, kept, warned about or refused: each in one place."""
    sizes = {"diskSizeGb", "fingerprint", "labelFingerprint"}  # read beside others
    known = [*honoured.split(), *(field for table in tables for field in table)]
    assert len(known) == len(set(known))
    taken = {field for field, facts in schema(name)["properties"].items() if _is_input(facts)}
    assert taken - sizes - set(known) == set()


def _is_input(facts: dict[str, Any]) -> bool:
    told = facts.get("description", "").lower()
    return not facts.get("readOnly") and not told.startswith(("[output only]", "output only"))
