"""gcloud, unmodified: the methods of a machine that lives."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.servers import Stack
from fixtures.shells import evaluated, run

pytestmark = pytest.mark.skipif(not shutil.which("gcloud"), reason="gcloud is not on this machine's PATH")
EAST, BASIC = "sandbox-east1-a", "Sandbox-simulator"
Gcloud = Callable[..., Any]
Shown = Callable[..., Any]


@pytest.fixture(scope="module")
def known(product: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user, with a home of its own for the SSH keys that gcloud makes."""
    return evaluated(product, "gcloud") | {"HOME": str(tmp_path_factory.mktemp("user")), "USER": "me"}


@pytest.fixture(scope="module")
def gcloud(known: dict[str, str]) -> Gcloud:
    """Run `gcloud compute instances …` and read its JSON."""

    def command(*arguments: str) -> Any:
        output = run(["gcloud", "compute", "instances", *arguments, "--quiet", "--format=json"], known)
        return json.loads(output) if output.strip() else None

    return command


@pytest.fixture(scope="module", params=[EAST, pytest.param(BASIC, marks=pytest.mark.soak)])
def machine(request: pytest.FixtureRequest, gcloud: Gcloud) -> Iterator[tuple[str, str]]:
    """A machine in each kind of zone: the arguments that name it."""
    place = (f"vm-{request.param.lower()}", f"--zone={request.param}")
    gcloud("create", *place)
    yield place
    gcloud("delete", *place)


def test_power(gcloud: Gcloud, machine: tuple[str, str], shown: Shown) -> None:
    """stop, start and reset; the machine type and the name change in between."""
    name, zone = machine
    gcloud("stop", *machine)
    assert shown("instances", *machine)["status"] == "TERMINATED"
    gcloud("set-machine-type", *machine, "--machine-type=n1-standard-2")
    gcloud("set-machine-type", *machine, "--custom-cpu=2", "--custom-memory=4GB")
    assert shown("instances", *machine)["machineType"].endswith("custom-2-4096")
    gcloud("set-name", *machine, "--new-name=renamed")
    gcloud("set-name", "renamed", zone, f"--new-name={name}")
    gcloud("update", *machine, "--min-cpu-platform=Intel Skylake", "--shielded-secure-boot")
    gcloud("set-service-account", *machine, "--no-service-account", "--no-scopes")
    gcloud("start", *machine)
    gcloud("reset", *machine)
    described = shown("instances", *machine)
    assert (described["status"], described["minCpuPlatform"]) == ("RUNNING", "Intel Skylake")
    assert described["shieldedInstanceConfig"]["enableSecureBoot"] is True
    assert "serviceAccounts" not in described


def test_what_is_written_on_it(gcloud: Gcloud, machine: tuple[str, str], shown: Shown) -> None:
    """Metadata, tags, labels, scheduling and deletion protection come and go, and `describe` shows them."""
    gcloud("add-metadata", *machine, "--metadata=color=blue,startup-script=echo hello")
    gcloud("remove-metadata", *machine, "--keys=color")
    gcloud("add-tags", *machine, "--tags=web,db")
    gcloud("remove-tags", *machine, "--tags=db")
    gcloud("add-labels", *machine, "--labels=env=test,tier=web")
    gcloud("remove-labels", *machine, "--labels=tier")
    gcloud("update", *machine, "--update-labels=more=1", "--deletion-protection")
    gcloud("set-scheduling", *machine, "--no-restart-on-failure", "--maintenance-policy=TERMINATE")
    described = shown("instances", *machine)
    assert described["metadata"]["items"] == [{"key": "startup-script", "value": "echo hello"}]
    assert (described["tags"]["items"], described["labels"]) == (["web"], {"env": "test", "more": "1"})
    assert described["deletionProtection"] is True
    assert described["scheduling"]["automaticRestart"] is False
    assert described["scheduling"]["onHostMaintenance"] == "TERMINATE"
    gcloud("update", *machine, "--no-deletion-protection")


def test_update_from_file(gcloud: Gcloud, machine: tuple[str, str], tmp_path: Any, shown: Shown) -> None:
    """What `export` writes can be changed and put back."""
    written = tmp_path / "vm.yaml"
    gcloud("export", *machine, f"--destination={written}")
    text = written.read_text()
    assert "deletionProtection: false" in text
    written.write_text(text.replace("deletionProtection: false", "deletionProtection: true"))
    gcloud("update-from-file", *machine, f"--source={written}")
    assert shown("instances", *machine)["deletionProtection"] is True
    gcloud("update", *machine, "--no-deletion-protection")


def test_access_config(gcloud: Gcloud, machine: tuple[str, str], known: dict[str, str], shown: Shown) -> None:
    """The external address comes and goes with VPCs; with security groups gcloud is told why it stays."""
    delete = ["delete-access-config", *machine, "--access-config-name=external-nat"]
    if machine[1].endswith(BASIC):
        command = ["gcloud", "compute", "instances", *delete, "--quiet"]
        done = subprocess.run(command, env=known, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode != 0
        assert "guest address is also the external address, and CloudStack cannot give another" in done.stderr
        return
    gcloud(*delete)
    assert "accessConfigs" not in shown("instances", *machine)["networkInterfaces"][0]
    gcloud("add-access-config", *machine, "--access-config-name=external-nat")
    assert shown("instances", *machine)["networkInterfaces"][0]["accessConfigs"][0]["natIP"]


def test_ssh(gcloud: Gcloud, machine: tuple[str, str], known: dict[str, str], shown: Shown) -> None:
    """`ssh --dry-run` puts the key into the metadata and prints a command to the external address."""
    output = run(["gcloud", "compute", "ssh", *machine, "--dry-run", "--quiet"], known)
    described = shown("instances", *machine)
    address = described["networkInterfaces"][0]["accessConfigs"][0]["natIP"]
    assert f"HostKeyAlias=compute.{described['id']}" in output
    assert f"@{address}" in output


def test_bulk_create(gcloud: Gcloud) -> None:
    """`bulk create` makes several machines in one command and says which."""
    made = gcloud(
        "bulk", "create", "--name-pattern=many-#", "--count=2", f"--zone={EAST}", "--machine-type=n1-standard-1"
    )
    assert made["createdInstanceCount"] == 2
    assert {one["name"] for one in made["instances"]} == {"many-1", "many-2"}
    gcloud("bulk", "create", "--predefined-names=more-a,more-b", f"--zone={BASIC}", "--machine-type=n1-standard-1")
    names = {one["name"] for one in gcloud("list")}
    assert names >= {"many-1", "many-2", "more-a", "more-b"}
    gcloud("delete", "many-1", "many-2", f"--zone={EAST}")
    gcloud("delete", "more-a", "more-b", f"--zone={BASIC}")
