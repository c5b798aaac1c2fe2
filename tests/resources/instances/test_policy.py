"""What of a new instance's body is honoured, kept or refused."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.gateway.discovery import schema
from gstack.resources.instances import policy

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
    assert policy.INSTANCE.keys() | set(policy.KEPT) <= schema("Instance")["properties"].keys()


def test_habits_are_kept_in_silence() -> None:
    """What gcloud sends with every instance is kept and warned about nowhere."""
    body = {
        "scheduling": {"automaticRestart": True, "provisioningModel": "STANDARD"},
        "serviceAccounts": [{"email": "default", "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
        "shieldedInstanceConfig": {"enableSecureBoot": False, "enableVtpm": True, "enableIntegrityMonitoring": True},
        "minCpuPlatform": "",
    }
    found = policy.kept(body, ACCOUNT)
    assert found["serviceAccounts"][0]["email"] == ACCOUNT
    assert list(policy.warnings(found, ACCOUNT)) == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"minCpuPlatform": "Intel Haswell"}, "minCpuPlatform"),
        ({"shieldedInstanceConfig": {"enableSecureBoot": True}}, "shielded"),
        ({"scheduling": {"preemptible": True}}, "preemptible"),
        ({"scheduling": {"provisioningModel": "SPOT"}}, "preemptible"),
        ({"serviceAccounts": [{"email": "me@p.iam.gserviceaccount.com"}]}, "serviceAccounts"),
    ],
)
def test_wishes_are_kept_with_a_warning(body: dict[str, Any], word: str) -> None:
    """What was really wished for and has no effect is kept, and the warning says so."""
    (message,) = policy.warnings(policy.kept(body, ACCOUNT), ACCOUNT)
    assert word in message
