"""Google's Python SDK, with the key and the variables that `gstack client python` gives."""

from typing import Any

import pytest
from google.cloud import compute_v1
from google.oauth2 import service_account

from fixtures.servers import Stack
from fixtures.shells import evaluated

ZONE = "sandbox-east1-a"


@pytest.fixture
def client(product: Stack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a client of the SDK as the printed notes say."""
    known = evaluated(product, "python")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", known["REQUESTS_CA_BUNDLE"])
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", known["GOOGLE_CLOUD_UNIVERSE_DOMAIN"])
    credentials = service_account.Credentials.from_service_account_file(known["GOOGLE_APPLICATION_CREDENTIALS"])
    options = {"api_endpoint": product.app.url}
    return lambda kind: kind(credentials=credentials, client_options=options)


def machine(name: str) -> compute_v1.Instance:
    disk = compute_v1.AttachedDisk(
        boot=True,
        auto_delete=True,
        initialize_params=compute_v1.AttachedDiskInitializeParams(
            source_image="projects/debian-cloud/global/images/family/debian-12", disk_size_gb=10
        ),
    )
    return compute_v1.Instance(
        name=name,
        machine_type=f"zones/{ZONE}/machineTypes/n1-standard-1",
        disks=[disk],
        network_interfaces=[compute_v1.NetworkInterface(network="global/networks/default")],
    )


def test_the_life_of_a_machine(client: Any) -> None:
    """insert().result(), get, list, aggregated_list, delete().result()."""
    machines = client(compute_v1.InstancesClient)
    machines.insert(project="demo", zone=ZONE, instance_resource=machine("sdk1")).result(timeout=60)
    found = machines.get(project="demo", zone=ZONE, instance="sdk1")
    assert found.status == "RUNNING"
    assert found.id > 0
    assert [one.name for one in machines.list(project="demo", zone=ZONE)] == ["sdk1"]
    scopes = {scope: listed.instances for scope, listed in machines.aggregated_list(project="demo")}
    assert [one.name for one in scopes[f"zones/{ZONE}"]] == ["sdk1"]
    machines.delete(project="demo", zone=ZONE, instance="sdk1").result(timeout=60)
    assert list(machines.list(project="demo", zone=ZONE)) == []


def test_a_disk_of_an_image(client: Any) -> None:
    """insert().result() of a disk with source_image; a machine boots from it, and takes it along when it goes."""
    disks, machines = client(compute_v1.DisksClient), client(compute_v1.InstancesClient)
    image = "projects/debian-cloud/global/images/family/debian-12"
    wish = compute_v1.Disk(name="sdk-boot", source_image=image, size_gb=12)
    operation = disks.insert(project="demo", zone=ZONE, disk_resource=wish)
    operation.result(timeout=60)
    assert [warning.code for warning in operation.warnings] == ["EXTERNAL_API_WARNING"]
    found = disks.get(project="demo", zone=ZONE, disk="sdk-boot")
    assert (found.size_gb, found.source_image.rpartition("/")[2]) == (12, "debian-12-v20260101")
    boots = machine("sdk-boots")
    boots.disks = [compute_v1.AttachedDisk(boot=True, auto_delete=True, source=found.self_link)]
    machines.insert(project="demo", zone=ZONE, instance_resource=boots).result(timeout=60)
    assert machines.get(project="demo", zone=ZONE, instance="sdk-boots").disks[0].source == found.self_link
    machines.delete(project="demo", zone=ZONE, instance="sdk-boots").result(timeout=60)
    assert list(disks.list(project="demo", zone=ZONE)) == []


def test_a_failure_is_an_exception_with_google_s_reason(client: Any) -> None:
    """What is refused raises google.api_core's exception of that status."""
    from google.api_core import exceptions  # noqa: PLC0415

    machines = client(compute_v1.InstancesClient)
    with pytest.raises(exceptions.NotFound, match="was not found"):
        machines.get(project="demo", zone=ZONE, instance="nobody")
    with pytest.raises(exceptions.BadRequest, match="name"):
        machines.insert(project="demo", zone=ZONE, instance_resource=machine("Not_A_Name"))


def test_reference_lists(client: Any) -> None:
    """Zones, machine types, images, disks, firewalls, networks: every list client reads its answers."""
    assert ZONE in {zone.name for zone in client(compute_v1.ZonesClient).list(project="demo")}
    types = client(compute_v1.MachineTypesClient).list(project="demo", zone=ZONE)
    assert "n1-standard-1" in {one.name for one in types}
    images = client(compute_v1.ImagesClient)
    assert images.get_from_family(project="debian-cloud", family="debian-12").name.startswith("debian-12-v")
    assert "default" in {network.name for network in client(compute_v1.NetworksClient).list(project="demo")}
    assert isinstance(list(client(compute_v1.FirewallsClient).list(project="demo")), list)
    assert isinstance(list(client(compute_v1.DisksClient).list(project="demo", zone=ZONE)), list)
