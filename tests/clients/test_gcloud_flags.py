"""gcloud, unmodified, flag by flag: each is honoured and shown again, warned about, or refused by name."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.servers import Stack
from fixtures.shells import evaluated, run

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not on this machine's PATH")
ZONE = "--zone=sandbox-east1-a"
Gcloud = Callable[..., Any]
Shown = Callable[..., Any]


@pytest.fixture(scope="module")
def known(product: Stack) -> dict[str, str]:
    return evaluated(product, "gcloud")


@pytest.fixture(scope="module")
def gcloud(known: dict[str, str]) -> Gcloud:
    """Run `gcloud compute …` and read its JSON."""

    def command(*arguments: str) -> Any:
        output = run(["gcloud", "compute", *arguments, "--quiet", "--format=json"], known)
        return json.loads(output) if output.strip() else None

    return command


@pytest.fixture
def said(known: dict[str, str]) -> Callable[..., str]:
    """Run `gcloud compute …`, well or not; what it said on standard error."""

    def command(*arguments: str) -> str:
        words = ["gcloud", "compute", *arguments, "--quiet"]
        done = subprocess.run(words, env=known, capture_output=True, text=True, timeout=240, check=False)
        assert "crashed" not in done.stderr, done.stderr
        return done.stderr

    return command


@pytest.fixture(scope="module")
def everything(gcloud: Gcloud, tmp_path_factory: pytest.TempPathFactory, shown: Shown) -> Iterator[dict[str, Any]]:
    """A machine with every flag of `instances create` that is honoured or kept, as `describe` shows it."""
    script = tmp_path_factory.mktemp("script") / "start.sh"
    script.write_text("echo hello")
    gcloud("disks", "create", "brought", ZONE, "--size=5GB")
    gcloud("instances", "create", "first", ZONE)  # makes the subnetwork, whose range the address is taken from
    network = shown("instances", "first", ZONE)["networkInterfaces"][0]["networkIP"].rpartition(".")[0]
    gcloud(
        "instances", "create", "all", ZONE, "--description=a machine", "--machine-type=n1-standard-2",
        "--image=debian-12-v20260101", "--image-project=debian-cloud", "--boot-disk-size=30GB",
        "--boot-disk-type=pd-balanced", "--boot-disk-device-name=system", "--no-boot-disk-auto-delete",
        "--create-disk=name=more,size=10GB,type=pd-ssd,device-name=dmore,auto-delete=yes,description=more data",
        "--disk=name=brought,device-name=dbrought,mode=rw,auto-delete=no,boot=no",
        "--labels=env=test,empty=", "--tags=web,db", "--metadata=color=blue,enable-oslogin=false",
        f"--metadata-from-file=startup-script={script}", "--deletion-protection",
        f"--private-network-ip={network}.77", "--network-tier=PREMIUM", "--no-public-ptr",
        "--maintenance-policy=TERMINATE", "--no-restart-on-failure", "--host-error-timeout-seconds=90",
        "--provisioning-model=STANDARD", "--min-cpu-platform=Intel Skylake", "--shielded-secure-boot",
        "--shielded-vtpm", "--no-shielded-integrity-monitoring", "--key-revocation-action-type=none",
        "--service-account=me@demo.iam.gserviceaccount.com", "--scopes=storage-ro",
    )  # fmt: skip
    yield gcloud("instances", "describe", "all", ZONE)
    gcloud("instances", "update", "all", ZONE, "--no-deletion-protection")
    gcloud("instances", "delete", "all", "first", ZONE, "--delete-disks=all")


def test_create_round_trips(everything: dict[str, Any]) -> None:
    """`describe` shows what `create` was told."""
    shown = everything
    assert (shown["description"], shown["deletionProtection"]) == ("a machine", True)
    assert shown["machineType"].endswith("/n1-standard-2")
    assert (shown["labels"], shown["tags"]["items"]) == ({"env": "test", "empty": ""}, ["web", "db"])
    metadata = {item["key"]: item["value"] for item in shown["metadata"]["items"]}
    assert metadata == {"color": "blue", "enable-oslogin": "false", "startup-script": "echo hello"}
    assert [
        (disk["source"].rpartition("/")[2], disk["deviceName"], disk["boot"], disk["autoDelete"], disk["diskSizeGb"])
        for disk in shown["disks"]
    ] == [
        ("all", "system", True, False, "30"),
        ("brought", "dbrought", False, False, "5"),
        ("more", "dmore", False, True, "10"),
    ]
    (nic,) = shown["networkInterfaces"]
    assert nic["networkIP"].endswith(".77")
    assert nic["accessConfigs"][0]["networkTier"] == "PREMIUM"


def test_create_keeps_what_has_no_effect(everything: dict[str, Any]) -> None:
    """What CloudStack decides by itself comes back as it was told."""
    shown = everything
    assert shown["minCpuPlatform"] == "Intel Skylake"
    assert shown["shieldedInstanceConfig"] == {
        "enableSecureBoot": True, "enableVtpm": True, "enableIntegrityMonitoring": False,
    }  # fmt: skip
    scheduling = {"automaticRestart": False, "hostErrorTimeoutSeconds": 90, "onHostMaintenance": "TERMINATE"}
    assert scheduling.items() <= shown["scheduling"].items()
    (account,) = shown["serviceAccounts"]
    assert account["email"] == "me@demo.iam.gserviceaccount.com"
    assert [scope.rpartition("/")[2] for scope in account["scopes"]] == ["devstorage.read_only"]


def test_create_warns(said: Callable[..., str], gcloud: Gcloud) -> None:
    """One warning for each habit that has no effect."""
    nic = "network=default,no-address,nic-type=GVNIC,queue-count=4"
    flags = ["--min-node-cpu=2", "--preemptible", "--shielded-secure-boot", f"--network-interface={nic}"]
    told = said("instances", "create", "warned", ZONE, *flags)
    for word in ("no preemptible machines", "shieldedInstanceConfig", "nicType", "queueCount"):
        assert word in told
    gcloud("instances", "delete", "warned", ZONE)


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--accelerator=count=1,type=nvidia-tesla-t4", "--maintenance-policy=TERMINATE"], "guestAccelerators"),
        (["--can-ip-forward"], "canIpForward"),
        (["--hostname=a.example.com"], "hostname"),
        (["--local-ssd=interface=nvme"], "disks[1].type"),
        (["--create-disk=mode=ro,size=10"], "disks[1].mode"),
        (["--max-run-duration=1h", "--instance-termination-action=DELETE"], "scheduling.maxRunDuration"),
        (["--network-tier=STANDARD"], "networkTier"),
        (["--stack-type=IPV4_IPV6"], "stackType"),
        (["--source-machine-image=none"], "sourceMachineImage"),
    ],
)
def test_create_refuses_by_name(said: Callable[..., str], flags: list[str], word: str) -> None:
    """A flag that asks for what is not here is refused, and its field named; policy's tests know all fields."""
    told = said("instances", "create", "refused", ZONE, *flags)
    assert "Unsupported value for field 'resource." in told
    assert word in told


def test_lists(everything: dict[str, Any], gcloud: Gcloud) -> None:
    """`list` filters, sorts and limits."""
    found = gcloud("instances", "list", "--filter=labels.env=test AND status=RUNNING AND name~^a", "--sort-by=~name")
    assert [one["name"] for one in found] == ["all"]
    newest = gcloud("instances", "list", "--sort-by=~creationTimestamp", "--limit=1")
    assert [one["name"] for one in newest] == ["all"]


def test_async_and_operations(gcloud: Gcloud, said: Callable[..., str], shown: Shown) -> None:
    """`--async` answers with an operation, which can be described and listed."""
    (begun,) = gcloud("instances", "create", "later", ZONE, "--no-address", "--async")
    ended = gcloud("operations", "describe", begun["name"], ZONE)
    while ended["status"] != "DONE":
        ended = gcloud("operations", "describe", begun["name"], ZONE)
    assert (ended["operationType"], ended["targetId"]) == (
        "insert",
        shown("instances", "later", ZONE)["id"],
    )
    listed = gcloud("operations", "list", f"--filter=name={begun['name']} AND status=DONE")
    assert [one["targetLink"].rpartition("/")[2] for one in listed] == ["later"]
    moved = said("instances", "move", "later", ZONE, "--destination-zone=sandbox-west1-a")
    assert "compute.projects.moveInstance is not served by this server" in moved
    gcloud("instances", "delete", "later", ZONE)


def test_templates(gcloud: Gcloud, shown: Shown) -> None:
    """`instance-templates create` with flags, and a machine of it that overrides two of them."""
    gcloud(
        "instance-templates", "create", "of-flags", "--machine-type=n1-standard-2", "--boot-disk-size=30GB",
        "--boot-disk-type=pd-ssd", "--boot-disk-device-name=system", "--no-boot-disk-auto-delete",
        "--create-disk=size=10,name=extra,device-name=extra,auto-delete=yes", "--description=flags", "--labels=a=1",
        "--metadata=k=v", "--tags=web", "--no-address", "--min-cpu-platform=Intel Skylake", "--preemptible",
        "--image-family=debian-12", "--image-project=debian-cloud", "--shielded-vtpm",
    )  # fmt: skip
    override = ["--labels=b=2", "--machine-type=n1-standard-1"]
    gcloud("instances", "create", "templated", ZONE, "--source-instance-template=of-flags", *override)
    machine = shown("instances", "templated", ZONE)
    assert (machine["labels"], machine["machineType"].rpartition("/")[2]) == ({"b": "2"}, "n1-standard-1")
    assert [(disk["deviceName"], disk["diskSizeGb"], disk["autoDelete"]) for disk in machine["disks"]] == [
        ("system", "30", False), ("extra", "10", True),
    ]  # fmt: skip
    assert machine["metadata"]["items"] == [{"key": "k", "value": "v"}]
    assert (machine["tags"]["items"], machine["minCpuPlatform"]) == (["web"], "Intel Skylake")
    assert "accessConfigs" not in machine["networkInterfaces"][0]
    assert {"preemptible": True, "onHostMaintenance": "TERMINATE"}.items() <= machine["scheduling"].items()
    of_machine = ["--source-instance=templated", f"--source-instance{ZONE.removeprefix('-')}"]
    configured = "--configure-disk=device-name=extra,instantiate-from=do-not-include"
    gcloud("instance-templates", "create", "of-machine", *of_machine, configured)
    kept = gcloud("instance-templates", "describe", "of-machine")["properties"]
    assert [disk["deviceName"] for disk in kept["disks"]] == ["system"]
    assert (kept["labels"], kept["minCpuPlatform"]) == ({"b": "2"}, "Intel Skylake")
    gcloud("instances", "delete", "templated", ZONE, "--delete-disks=all")
    gcloud("instance-templates", "delete", "of-flags", "of-machine")


def test_disks_snapshots_and_images(gcloud: Gcloud, said: Callable[..., str], shown: Shown) -> None:
    """Their flags, too: what is honoured is shown, what is not is refused by name."""
    flags = ["--size=10GB", "--type=pd-ssd", "--labels=x=y", "--description=d", "--access-mode=READ_WRITE_SINGLE"]
    gcloud("disks", "create", "flagged", ZONE, *flags, "--architecture=X86_64")
    gcloud("instances", "create", "user", ZONE, "--no-address", "--disk=name=flagged,device-name=dd")
    for refused, word in (("--mode=ro", "mode"), ("--interface=NVME", "interface"), ("--force-attach", "forceAttach")):
        assert f"{word}'" in said("instances", "attach-disk", "user", ZONE, "--disk=flagged", refused)
    place = ["--source-disk=flagged", f"--source-disk{ZONE.removeprefix('-')}"]
    gcloud("snapshots", "create", "kept", *place, "--snapshot-type=STANDARD", "--storage-location=sandbox-east1")
    assert "guestFlush" in said("snapshots", "create", "flushed", *place, "--guest-flush")
    gcloud("images", "create", "copied", "--source-image-family=debian-12", "--source-image-project=debian-cloud")
    gcloud("images", "deprecate", "copied", "--state=OBSOLETE", "--delete-in=1d")
    image = shown("images", "copied")
    assert image["sourceImage"].endswith("projects/debian-cloud/global/images/debian-12-v20260101")
    assert image["deprecated"].keys() == {"state", "deleted"}
    disk = shown("disks", "flagged", ZONE)
    assert (disk["labels"], disk["description"], disk["architecture"]) == ({"x": "y"}, "d", "X86_64")
    gcloud("instances", "delete", "user", ZONE, "--delete-disks=all")
