"""Path and query parameters."""

from typing import Any

import pytest

from gstack.errors import Problem
from gstack.gateway.discovery import methods
from gstack.gateway.parameters import read_parameters

PLACES = {"project": "demo", "zone": "Sandbox-simulator", "region": "r", "instance": "vm1", "resource": "vm1"}


def read(method_id: str, **query: Any) -> dict[str, Any]:
    return read_parameters(methods()[method_id], PLACES, query)


def test_values_are_converted_and_defaults_filled_in() -> None:
    """Numbers and booleans arrive as such; what the document gives a default has it."""
    found = read("compute.instances.aggregatedList", maxResults="7", includeAllScopes="True")
    assert (found["maxResults"], found["includeAllScopes"]) == (7, True)
    assert read("compute.instances.list")["maxResults"] == 500


def test_unknown_and_empty_parameters_are_ignored() -> None:
    """Clients send `alt`, `$.xgafv` and empty filters."""
    found = read("compute.instances.list", **{"$.xgafv": "1", "alt": "json", "filter": "", "pageToken": ""})
    assert found == {"project": "demo", "zone": "Sandbox-simulator", "maxResults": 500}


def test_the_none_of_ansible_is_false() -> None:
    """Ansible sends the text `None` for a protection that nobody asked for."""
    assert read("compute.instances.setDeletionProtection", deletionProtection="None")["deletionProtection"] is False


def test_repeated_parameters_are_lists() -> None:
    """A repeated parameter sent once or more is a list."""
    assert read("compute.subnetworks.list", views="DEFAULT")["views"] == ["DEFAULT"]
    assert read("compute.subnetworks.list", views=["DEFAULT", "WITH_UTILIZATION"])["views"][1] == "WITH_UTILIZATION"


def test_names_of_cloudstack_pass_in_paths() -> None:
    """A project may be an e-mail address, a zone may have capitals."""
    places = PLACES | {"project": "brogand93@darrenbrogan.ie"}
    found = read_parameters(methods()["compute.zones.get"], places, {})
    assert (found["project"], found["zone"]) == ("brogand93@darrenbrogan.ie", "Sandbox-simulator")


@pytest.mark.parametrize(
    ("method_id", "query", "field"),
    [
        ("compute.instances.list", {"maxResults": "501"}, "maxResults"),
        ("compute.instances.list", {"maxResults": "-1"}, "maxResults"),
        ("compute.instances.list", {"maxResults": "ten"}, "maxResults"),
        ("compute.instances.list", {"maxResults": "\u0661"}, "maxResults"),
        ("compute.instances.list", {"maxResults": ["1", "2"]}, "maxResults"),
        ("compute.instances.aggregatedList", {"includeAllScopes": "perhaps"}, "includeAllScopes"),
        ("compute.instances.getSerialPortOutput", {"port": "5"}, "port"),
        ("compute.instances.getSerialPortOutput", {"start": str(2**63)}, "start"),
        ("compute.instances.setDiskAutoDelete", {"autoDelete": "true", "deviceName": "a b"}, "deviceName"),
        ("compute.subnetworks.list", {"views": ["DEFAULT", "ALL"]}, "views"),
        ("compute.instances.list", {"filter": "a\x00b"}, "filter"),
        ("compute.routers.listBgpRoutes", {"policyApplied": "2"}, "policyApplied"),
    ],
)
def test_bad_values_are_refused_by_name(method_id: str, query: dict[str, Any], field: str) -> None:
    """A value outside what the document allows is a 400 that names the parameter."""
    places = PLACES | {"router": "r"}
    with pytest.raises(Problem) as caught:
        read_parameters(methods()[method_id], places, query)
    assert (caught.value.status, caught.value.reason, caught.value.location) == (400, "invalid", field)


def test_missing_parameters_are_named() -> None:
    """A required query parameter that is missing or empty is a 400 with Google's reason."""
    with pytest.raises(Problem) as caught:
        read("compute.instances.setDiskAutoDelete", autoDelete="", deviceName="d")
    assert (caught.value.reason, caught.value.location) == ("required", "autoDelete")


@pytest.mark.parametrize("name", ["", "a" * 256, "a\nb", "a\x00"])
def test_impossible_names_in_paths_are_refused(name: str) -> None:
    """Empty, endless and unprintable names never reach a resource."""
    with pytest.raises(Problem) as caught:
        read_parameters(methods()["compute.zones.get"], {"project": "demo", "zone": name}, {})
    assert caught.value.status == 400
