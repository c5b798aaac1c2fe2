"""Random lives of machines, disks and snapshots through Google's Python SDK, against a model of what must be.

Hypothesis sends anything at any time, what must be refused too, and loses answers of the cloud meanwhile. After every
step all that the SDK lists is what the model says; at the end everything is deleted and nothing is left in CloudStack.
By default a few lives, always the same; `-m soak` lives many, other ones each time.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest
import requests
from google.api_core import exceptions
from google.cloud import compute_v1
from google.oauth2.credentials import Credentials
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fixtures.servers import Stack
from gstack.config import OperationSettings
from gstack.gateway.call import served
from torture.inventory import change, inventory

PROJECT, IMAGE = "demo", "projects/debian-cloud/global/images/family/debian-12"
TIMES = OperationSettings(poll_interval=0.02)
MACHINES = st.sampled_from(["vm-a", "vm-b", "vm-c"])
DISKS = st.sampled_from(["disk-a", "disk-b", "disk-c"])
SNAPSHOTS = st.sampled_from(["snap-a", "snap-b"])
PICKS = st.integers(0, 11)  # which of those that there are
WORDS = st.dictionaries(st.sampled_from(["color", "size", "owner"]), st.sampled_from(["", "red", "x-1"]), max_size=3)
SENT = (
    "deployVirtualMachine",
    "destroyVirtualMachine",
    "startVirtualMachine",
    "stopVirtualMachine",
    "updateVirtualMachine",
    "createVolume",
    "attachVolume",
    "detachVolume",
    "deleteVolume",
    "resizeVolume",
    "createSnapshot",
    "createTags",
    "deleteTags",
)
F = TypeVar("F", bound=Callable[..., Any])


class Disk(msgspec.Struct):
    """What must be true of a disk. `stored`: it was attached once, so CloudStack has it on storage."""

    size: int
    labels: dict[str, str] = {}
    user: str = ""
    stored: bool = False


class Machine(msgspec.Struct):
    """What must be true of a machine. `disks`: name -> auto-delete, in order."""

    disks: dict[str, bool]
    status: str = "RUNNING"
    labels: dict[str, str] = {}
    metadata: dict[str, str] = {}
    tags: list[str] = []
    kind: str = "n1-standard-1"
    protected: bool = False


def serving(*methods: str) -> Callable[[F], F]:
    """Make a rule that takes part where these methods of Google's are served."""
    result: Callable[[F], F] = precondition(lambda _: all(f"compute.{method}" in served() for method in methods))
    return result


class Life(RuleBasedStateMachine):
    """One life in one zone."""

    def __init__(self, product: Stack) -> None:
        super().__init__()
        self.faults = product.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
        self.product = product
        self.before = inventory(product)
        options: dict[str, Any] = {
            "credentials": Credentials(token=product.token()),  # type: ignore[no-untyped-call]  # Google's
            "client_options": {"api_endpoint": product.app.url},
        }
        self.instances_client = compute_v1.InstancesClient(**options)
        self.disks_client = compute_v1.DisksClient(**options)
        self.snapshots_client = compute_v1.SnapshotsClient(**options)
        self.machines: dict[str, Machine] = {}
        self.disks: dict[str, Disk] = {}
        self.snapshots: dict[str, dict[str, str]] = {}
        self.place: dict[str, Any] = {}

    @initialize(zone=st.sampled_from(["Sandbox-simulator", "sandbox-east1-a"]))
    def begin(self, zone: str) -> None:
        self.zone = zone
        self.place = {"project": PROJECT, "zone": zone}
        self.insert("vm-a", {"color": "red"}, auto=True)
        self.insert_disk("disk-a", {})
        self.attach(0, 0, auto=False)

    def ends(self, expected: type[Exception] | None, send: Callable[..., Any], **request: Any) -> bool:
        """Send a mutation; whether it went well, which must be as the model says."""
        if expected is None:
            send(timeout=60, **request).result(timeout=60)
            return True
        with pytest.raises(expected):
            send(timeout=60, **request).result(timeout=60)
        return False

    def some(self, of: Mapping[str, Any], pick: int) -> str:
        """The name of one of those that there are; where there are none, a name that nothing has."""
        names = sorted(of)
        return names[pick % len(names)] if names else "nothing"

    def data_disk(self, pick: int) -> str:
        return self.some({name: disk for name, disk in self.disks.items() if name.startswith("disk")}, pick)

    def stored(self) -> dict[str, Disk]:
        return {name: disk for name, disk in self.disks.items() if disk.stored}

    # Trouble

    @rule(command=st.sampled_from(SENT), kind=st.sampled_from(["lost", "error", "drop"]))
    def lose(self, command: str, kind: str) -> None:
        """The next call of a command is not heard, or its answer is not."""
        requests.post(self.faults, json={"command": command, "kind": kind, "count": 1}, timeout=10).raise_for_status()

    # Instances

    @serving("instances.insert")
    @rule(name=MACHINES, labels=WORDS, auto=st.booleans())
    def insert(self, name: str, labels: dict[str, str], auto: bool) -> None:
        taken = name in self.machines or name in self.disks
        boot = compute_v1.AttachedDisk(
            boot=True,
            auto_delete=auto,
            initialize_params=compute_v1.AttachedDiskInitializeParams(source_image=IMAGE, disk_size_gb=10),
        )
        body = compute_v1.Instance(
            name=name,
            labels=labels,
            machine_type=f"zones/{self.zone}/machineTypes/n1-standard-1",
            disks=[boot],
            network_interfaces=[compute_v1.NetworkInterface(network="global/networks/default")],
        )
        expected = exceptions.Conflict if taken else None
        if self.ends(expected, self.instances_client.insert, instance_resource=body, **self.place):
            self.machines[name] = Machine({name: auto}, labels=labels)
            self.disks[name] = Disk(10, user=name, stored=True)

    @serving("instances.delete")
    @precondition(lambda self: len(self.machines) != 1)
    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        name = self.some(self.machines, pick)
        machine = self.machines.get(name)
        expected = self.missing(name) or (exceptions.BadRequest if machine and machine.protected else None)
        if self.ends(expected, self.instances_client.delete, instance=name, **self.place):
            for disk, goes in self.machines.pop(name).disks.items():
                self.disks[disk].user = ""
                if goes:
                    del self.disks[disk]

    @serving("instances.start")
    @rule(pick=PICKS)
    def start(self, pick: int) -> None:
        name = self.some(self.machines, pick)
        if self.ends(self.missing(name), self.instances_client.start, instance=name, **self.place):
            self.machines[name].status = "RUNNING"

    @serving("instances.stop")
    @rule(pick=PICKS)
    def stop(self, pick: int) -> None:
        name = self.some(self.machines, pick)
        if self.ends(self.missing(name), self.instances_client.stop, instance=name, **self.place):
            self.machines[name].status = "TERMINATED"

    @serving("instances.reset")
    @rule(pick=PICKS)
    def reset(self, pick: int) -> None:
        name = self.some(self.machines, pick)
        machine = self.machines.get(name)
        stopped = exceptions.BadRequest if machine and machine.status != "RUNNING" else None
        self.ends(self.missing(name) or stopped, self.instances_client.reset, instance=name, **self.place)

    @serving("instances.setMachineType")
    @rule(pick=PICKS, kind=st.sampled_from(["e2-small", "n1-standard-2"]))
    def set_machine_type(self, pick: int, kind: str) -> None:
        name = self.some(self.machines, pick)
        machine = self.machines.get(name)
        running = exceptions.BadRequest if machine and machine.status == "RUNNING" else None
        body = compute_v1.InstancesSetMachineTypeRequest(machine_type=f"zones/{self.zone}/machineTypes/{kind}")
        request = {"instance": name, "instances_set_machine_type_request_resource": body, **self.place}
        if self.ends(self.missing(name) or running, self.instances_client.set_machine_type, **request):
            self.machines[name].kind = kind

    @serving("instances.setLabels")
    @precondition(lambda self: self.machines)
    @rule(pick=PICKS, labels=WORDS)
    def set_labels(self, pick: int, labels: dict[str, str]) -> None:
        name = self.some(self.machines, pick)
        known = self.instances_client.get(instance=name, **self.place)
        body = compute_v1.InstancesSetLabelsRequest(labels=labels, label_fingerprint=known.label_fingerprint)
        request = {"instance": name, "instances_set_labels_request_resource": body, **self.place}
        self.ends(None, self.instances_client.set_labels, **request)
        self.machines[name].labels = labels

    @serving("instances.setMetadata")
    @precondition(lambda self: self.machines)
    @rule(pick=PICKS, words=WORDS)
    def set_metadata(self, pick: int, words: dict[str, str]) -> None:
        name = self.some(self.machines, pick)
        known = self.instances_client.get(instance=name, **self.place)
        items = [compute_v1.Items(key=key, value=value) for key, value in words.items()]
        body = compute_v1.Metadata(items=items, fingerprint=known.metadata.fingerprint)
        self.ends(None, self.instances_client.set_metadata, instance=name, metadata_resource=body, **self.place)
        self.machines[name].metadata = words

    @serving("instances.setTags")
    @precondition(lambda self: self.machines)
    @rule(pick=PICKS, tags=st.lists(st.sampled_from(["web", "db"]), unique=True))
    def set_tags(self, pick: int, tags: list[str]) -> None:
        name = self.some(self.machines, pick)
        known = self.instances_client.get(instance=name, **self.place)
        body = compute_v1.Tags(items=tags, fingerprint=known.tags.fingerprint)
        self.ends(None, self.instances_client.set_tags, instance=name, tags_resource=body, **self.place)
        self.machines[name].tags = tags

    @serving("instances.setDeletionProtection")
    @rule(pick=PICKS, protected=st.booleans())
    def protect(self, pick: int, protected: bool) -> None:
        name = self.some(self.machines, pick)
        request = compute_v1.SetDeletionProtectionInstanceRequest(
            resource=name, deletion_protection=protected, **self.place
        )
        if self.ends(self.missing(name), self.instances_client.set_deletion_protection, request=request):
            self.machines[name].protected = protected

    # Disks of instances

    @serving("instances.attachDisk")
    @precondition(lambda self: self.data_disk(0) in self.disks)
    @rule(pick=PICKS, which=PICKS, auto=st.booleans())
    def attach(self, pick: int, which: int, auto: bool) -> None:
        name, disk = self.some(self.machines, pick), self.data_disk(which)
        user = self.disks[disk].user
        body = compute_v1.AttachedDisk(source=f"zones/{self.zone}/disks/{disk}", device_name=disk, auto_delete=auto)
        expected = self.missing(name) or (exceptions.BadRequest if user else None)
        request = {"instance": name, "attached_disk_resource": body, **self.place}
        if self.ends(expected, self.instances_client.attach_disk, **request):
            self.machines[name].disks[disk] = auto
            self.disks[disk].user, self.disks[disk].stored = name, True

    @serving("instances.detachDisk")
    @rule(pick=PICKS, which=PICKS)
    def detach(self, pick: int, which: int) -> None:
        disk = self.data_disk(which)
        user = self.disks[disk].user if disk in self.disks else ""
        name = user if user and pick % 4 else self.some(self.machines, pick)
        machine = self.machines.get(name)
        expected = self.missing(name) or (None if machine and disk in machine.disks else exceptions.BadRequest)
        if self.ends(expected, self.instances_client.detach_disk, instance=name, device_name=disk, **self.place):
            del self.machines[name].disks[disk]
            self.disks[disk].user = ""

    @serving("instances.setDiskAutoDelete")
    @precondition(lambda self: self.machines)
    @rule(pick=PICKS, which=PICKS, auto=st.booleans())
    def set_auto_delete(self, pick: int, which: int, auto: bool) -> None:
        name = self.some(self.machines, pick)
        disk = self.some(self.machines[name].disks, which)
        device = disk if disk != name else "persistent-disk-0"
        request = {"instance": name, "device_name": device, "auto_delete": auto, **self.place}
        self.ends(None, self.instances_client.set_disk_auto_delete, **request)
        self.machines[name].disks[disk] = auto

    # Disks

    @serving("disks.insert")
    @rule(name=DISKS, labels=WORDS)
    def insert_disk(self, name: str, labels: dict[str, str]) -> None:
        body = compute_v1.Disk(name=name, size_gb=5, labels=labels)
        expected = exceptions.Conflict if name in self.disks else None
        if self.ends(expected, self.disks_client.insert, disk_resource=body, **self.place):
            self.disks[name] = Disk(5, labels)

    @serving("disks.delete")
    @rule(pick=PICKS)
    def delete_disk(self, pick: int) -> None:
        name = self.some(self.disks, pick)
        disk = self.disks.get(name)
        expected = exceptions.NotFound if disk is None else exceptions.BadRequest if disk.user else None
        if self.ends(expected, self.disks_client.delete, disk=name, **self.place):
            del self.disks[name]

    @serving("disks.resize")
    @rule(pick=PICKS, more=st.sampled_from([-1, 1, 3]))
    def resize(self, pick: int, more: int) -> None:
        name = self.data_disk(pick)
        disk = self.disks.get(name)
        size = (disk.size if disk else 5) + more
        expected = exceptions.NotFound if disk is None else exceptions.BadRequest if more < 0 else None
        body = compute_v1.DisksResizeRequest(size_gb=size)
        if self.ends(expected, self.disks_client.resize, disk=name, disks_resize_request_resource=body, **self.place):
            self.disks[name].size = size

    # Snapshots

    @serving("snapshots.insert")
    @precondition(lambda self: self.stored())
    @rule(name=SNAPSHOTS, pick=PICKS, labels=WORDS)
    def snapshot(self, name: str, pick: int, labels: dict[str, str]) -> None:
        disk = self.some(self.stored(), pick)
        body = compute_v1.Snapshot(name=name, source_disk=f"zones/{self.zone}/disks/{disk}", labels=labels)
        expected = exceptions.Conflict if name in self.snapshots else None
        if self.ends(expected, self.snapshots_client.insert, project=PROJECT, snapshot_resource=body):
            self.snapshots[name] = labels

    @serving("snapshots.delete")
    @rule(pick=PICKS)
    def delete_snapshot(self, pick: int) -> None:
        name = self.some(self.snapshots, pick)
        expected = None if name in self.snapshots else exceptions.NotFound
        if self.ends(expected, self.snapshots_client.delete, project=PROJECT, snapshot=name):
            del self.snapshots[name]

    # What must be true at any time

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        if not self.place:
            return
        found = {one.name: one for one in self.instances_client.list(**self.place)}
        assert {name: seen(one) for name, one in found.items()} == self.machines
        disks = {one.name: one for one in self.disks_client.list(**self.place)}
        assert {name: (one.size_gb, dict(one.labels), users(one)) for name, one in disks.items()} == {
            name: (one.size, one.labels, [one.user] if one.user else []) for name, one in self.disks.items()
        }
        snapshots = self.snapshots_client.list(project=PROJECT)
        assert {one.name: dict(one.labels) for one in snapshots} == self.snapshots

    def teardown(self) -> None:
        requests.delete(self.faults, timeout=10).raise_for_status()
        self.end()
        left = change(self.before, inventory(self.product))
        assert not left, left

    def end(self) -> None:
        """Delete everything."""
        while self.machines:
            self.protect(0, protected=False)
            self.delete(0)
        while self.disks:
            self.delete_disk(0)
        while self.snapshots:
            self.delete_snapshot(0)

    def missing(self, name: str) -> type[Exception] | None:
        return None if name in self.machines else exceptions.NotFound


def seen(one: compute_v1.Instance) -> Machine:
    """An instance as the model sees it."""
    return Machine(
        disks={disk.source.rpartition("/")[2]: disk.auto_delete for disk in one.disks},
        status=one.status,
        labels=dict(one.labels),
        metadata={item.key: item.value for item in one.metadata.items},
        tags=list(one.tags.items),
        kind=one.machine_type.rpartition("/")[2],
        protected=one.deletion_protection,
    )


def users(one: compute_v1.Disk) -> list[str]:
    return [user.rpartition("/")[2] for user in one.users]


@pytest.fixture
def product_at_work(start: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A product whose zones have been used before."""
    product = start(operations=TIMES, job_delay=0.03)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(product.app.authority))
    yield product
    assert not product.app.witness.faults, product.app.witness.faults


def live(product: Stack, **changes: Any) -> None:
    checks = list(HealthCheck)
    chosen = settings(deadline=None, database=None, suppress_health_check=checks, print_blob=False, **changes)
    warm_up(product)
    run_state_machine_as_test(partial(Life, product), settings=chosen)  # type: ignore[arg-type]  # makes one


def warm_up(product: Stack) -> None:
    """A machine in each zone, so that what the first one makes for good does not count as left behind."""
    for zone in ("Sandbox-simulator", "sandbox-east1-a"):
        life = Life(product)
        life.begin(zone)
        life.end()


def test_a_few_lives(product_at_work: Stack) -> None:
    """Whatever is done in whatever order, the model is right at every step."""
    live(product_at_work, max_examples=6, stateful_step_count=20, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_lives(product_at_work: Stack) -> None:
    """The same, many times and other ones each time."""
    live(product_at_work, max_examples=150, stateful_step_count=50)
