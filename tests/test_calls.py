"""How many CloudStack calls each method costs. The table may only shrink.

A call takes 120 to 200 ms on a real cloud. `tests/calls.txt` holds the table. It leaves out looking whether a job has
ended: how often that happens depends on time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from conftest import CALLED, free_port
from fixtures.gce import Gce
from fixtures.instances import body_of
from fixtures.servers import Stack, stack

TABLE = Path(__file__).parent / "calls.txt"
MEASURED = Path(__file__).parent.parent / "artifacts" / "calls.txt"
ZONES = {"groups": "Sandbox-simulator", "vpc": "sandbox-east1-a"}
MOST = 1000


class Counter:
    """Counts CloudStack calls by the sandbox's fault switches, which do nothing else here."""

    def __init__(self, stack: Stack, gce: Gce, kind: str) -> None:
        self.lines: list[str] = []
        self._url = stack.settings.cloudstack.endpoint.removesuffix("/client/api") + "/faults"
        self._gce = gce
        self._kind = kind

    def __call__(self, method: str, request: Callable[[], Any], *, changes: bool = True) -> None:
        """Count the calls of one request, and of the operation that it begins."""
        for command in ("queryAsyncJobResult", "listAsyncJobs", "*"):
            rule = {"command": command, "kind": "slow", "seconds": 0.0, "count": MOST}
            requests.post(self._url, json=rule, timeout=10).raise_for_status()
        answer = request()
        if changes:
            self._gce.done(answer)
        left = {rule["command"]: rule["count"] for rule in requests.get(self._url, timeout=10).json()}
        requests.delete(self._url, timeout=10).raise_for_status()
        self.lines.append(f"{self._kind} {method} {MOST - left['*']}")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The lines of the table, as they are now: reference data is warm, as it is for a client that works."""
    home = tmp_path_factory.mktemp("home")
    CALLED.mkdir(parents=True, exist_ok=True)
    with stack(home, CALLED / "calls.txt", port=free_port(), reference_seconds=600.0) as running:
        gce = Gce(running)
        lines = [line for kind, zone in ZONES.items() for line in life(running, gce, kind, zone)]
        MEASURED.parent.mkdir(exist_ok=True)
        MEASURED.write_text("\n".join(lines) + "\n")
        yield lines


def life(running: Stack, gce: Gce, kind: str, zone: str) -> list[str]:
    """A machine's life with disks, a snapshot, an image and a firewall, counted."""
    place, count = f"zones/{zone}", Counter(running, gce, kind)
    vm, disk = f"{place}/instances/vm-{kind}", f"{place}/disks/d-{kind}"
    gce.done(gce.post(f"{place}/instances", body_of(zone, f"first-{kind}")))  # makes what the zone needs once
    tags = {"tags": {"items": ["web"]}} if kind == "groups" else {}
    access = [{"accessConfigs": [{"type": "ONE_TO_ONE_NAT", "name": "external-nat"}]}]
    body = body_of(zone, f"vm-{kind}", labels={"a": "b"}, networkInterfaces=access, **tags)
    count("instances.insert", lambda: gce.post(f"{place}/instances", body))
    for name, path in {
        "zones.list": "zones", "machineTypes.list": f"{place}/machineTypes", "images.list": "global/images",
        "instances.get": vm, "instances.list": f"{place}/instances", "disks.list": f"{place}/disks",
        "networks.list": "global/networks", "firewalls.list": "global/firewalls", "projects.get": "",
        "regions.list": "regions",
    }.items():  # fmt: skip
        count(name, lambda path=path: gce.get(path), changes=False)  # type: ignore[misc]
    shown = gce.get(vm)
    labels = {"labels": {"c": "d"}, "labelFingerprint": shown["labelFingerprint"]}
    count("instances.setLabels", lambda: gce.post(f"{vm}/setLabels", labels))
    if kind == "groups":
        tags_body = {"items": ["web", "db"], "fingerprint": gce.get(vm)["tags"]["fingerprint"]}
        count("instances.setTags", lambda: gce.post(f"{vm}/setTags", tags_body))
    metadata = {"items": [{"key": "k", "value": "v"}], "fingerprint": gce.get(vm)["metadata"]["fingerprint"]}
    count("instances.setMetadata", lambda: gce.post(f"{vm}/setMetadata", metadata))
    count("disks.insert", lambda: gce.post(f"{place}/disks", {"name": f"d-{kind}", "sizeGb": "5"}))
    count("disks.get", lambda: gce.get(disk), changes=False)
    count("instances.attachDisk", lambda: gce.post(f"{vm}/attachDisk", {"source": disk, "deviceName": "data"}))
    count("snapshots.insert", lambda: gce.post("global/snapshots", {"name": f"s-{kind}", "sourceDisk": disk}))
    count("instances.detachDisk", lambda: gce.call("POST", f"{vm}/detachDisk", deviceName="data").json())
    count("disks.resize", lambda: gce.post(f"{disk}/resize", {"sizeGb": "6"}))
    count("snapshots.delete", lambda: gce.delete(f"global/snapshots/s-{kind}"))
    count("disks.delete", lambda: gce.delete(disk))
    rule: dict[str, Any] = {"name": f"web-{kind}", "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]}
    count("firewalls.insert", lambda: gce.post("global/firewalls", rule | {"sourceRanges": ["10.0.0.0/8"]}))
    moved = {"sourceRanges": ["192.0.2.0/24"], "allowed": [{"IPProtocol": "tcp", "ports": ["81"]}]}
    count("firewalls.patch", lambda: gce.call("PATCH", f"global/firewalls/web-{kind}", moved).json())
    count("firewalls.delete", lambda: gce.delete(f"global/firewalls/web-{kind}"))
    count("instances.reset", lambda: gce.post(f"{vm}/reset"))
    count("instances.stop", lambda: gce.post(f"{vm}/stop"))
    machine_type = {"machineType": f"{place}/machineTypes/e2-medium"}
    count("instances.setMachineType", lambda: gce.post(f"{vm}/setMachineType", machine_type))
    boot = f"{place}/disks/vm-{kind}"
    count("images.insert", lambda: gce.post("global/images", {"name": f"i-{kind}", "sourceDisk": boot}))
    count("images.delete", lambda: gce.delete(f"global/images/i-{kind}"))
    count("instances.start", lambda: gce.post(f"{vm}/start"))
    count("instances.delete", lambda: gce.delete(vm))
    gce.done(gce.delete(f"{place}/instances/first-{kind}"))
    return count.lines


def test_calls_only_shrink(measured: list[str]) -> None:
    """No method costs more CloudStack calls than the table says, and the table is up to date."""
    table = {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in TABLE.read_text().splitlines()}
    now = {line.rpartition(" ")[0]: int(line.rpartition(" ")[2]) for line in measured}
    more = {name: (table.get(name), count) for name, count in now.items() if count > table.get(name, MOST)}
    assert not more, f"{more} (table, now): find the call that came, and remember or join what it reads"
    assert now == table, "fewer calls, or other methods: copy artifacts/calls.txt to tests/calls.txt"
