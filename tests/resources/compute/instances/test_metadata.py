"""The document that a guest gets, and instances.setMetadata by the front door."""

import base64
import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.gce import Gce
from fixtures.instances import Ask
from gstack.errors import Problem
from gstack.resources.compute.instances.metadata import LIMIT, RUNNER_PATH, keys_without_effect, user_data

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BASIC, VPC = "Sandbox-simulator", "sandbox-east1-a"
Made = Callable[..., dict[str, Any]]


def config_of(document: bytes) -> dict[str, object]:
    head, _, body = document.partition(b"\n")
    assert head == b"#cloud-config"
    decoded: dict[str, object] = json.loads(body)
    return decoded


def parts_of(document: bytes) -> list[tuple[str, bytes]]:
    """Type and decoded content of each part, as cloud-init's own parser reads them."""
    leaves = [part for part in message_from_bytes(document).walk() if not part.is_multipart()]
    return [(part.get_content_type(), bytes(part.get_payload(decode=True))) for part in leaves]


def test_nothing_to_tell() -> None:
    """A machine without guest keys gets no document."""
    assert user_data({"color": "blue"}, {}) == b""


def test_user_data_alone_is_passed_on() -> None:
    """A user-data key alone goes to the guest byte for byte."""
    assert user_data({"user-data": "#!ipxe\nchain x\n"}, {}) == b"#!ipxe\nchain x\n"


def test_encoded_user_data() -> None:
    """user-data-encoding=base64 is undone before the document is sent."""
    raw = b"\x1f\x8b\x08rest"
    encoded = base64.b64encode(raw).decode()
    assert user_data({"user-data": encoded, "user-data-encoding": "base64"}, {}) == raw


def test_user_data_that_is_no_base64() -> None:
    """user-data that breaks its own encoding is a 400."""
    with pytest.raises(Problem) as told:
        user_data({"user-data": "a", "user-data-encoding": "base64"}, {})
    assert told.value.status == 400


def test_keys_become_users() -> None:
    """Every user of ssh-keys and sshKeys becomes a user with sudo and each of its keys once."""
    keys = "ann:ssh-rsa A a\nbob:ssh-ed25519 B b\nann:ssh-rsa C\nann:ssh-rsa A a\nno colon here"
    users = config_of(user_data({"ssh-keys": keys}, {}))["users"]
    assert isinstance(users, list)
    assert [users[0], *[(user["name"], user["ssh_authorized_keys"]) for user in users[1:]]] == [
        "default",
        ("ann", ["ssh-rsa A a", "ssh-rsa C"]),
        ("bob", ["ssh-ed25519 B b"]),
    ]


@pytest.mark.parametrize(
    ("instance", "seen"),
    [
        ({}, True),
        ({"ssh-keys": "bob:ssh-rsa B"}, True),
        ({"block-project-ssh-keys": "TRUE"}, False),
        ({"block-project-ssh-keys": "false"}, True),
        ({"sshKeys": "bob:ssh-rsa B"}, False),
    ],
)
def test_project_keys(instance: dict[str, str], seen: bool) -> None:
    """Keys of the project count unless the instance blocks them or has the old sshKeys."""
    document = user_data(instance, {"ssh-keys": "ann:ssh-rsa A"})
    assert (b"ssh-rsa A" in document) is seen


def test_expired_key_is_left_out() -> None:
    """A google-ssh key counts until its expireOn."""
    line = 'ann:ssh-rsa A google-ssh {"userName":"ann","expireOn":"%s"}'
    assert user_data({"ssh-keys": line % "2026-11-22T11:59:59+0000"}, {}, now=NOW) == b""
    assert b"ssh-rsa A" in user_data({"ssh-keys": line % "2026-11-22T12:00:01+0000"}, {}, now=NOW)
    assert b"ssh-rsa A" in user_data({"ssh-keys": line % "when pigs fly"}, {}, now=NOW)


def boot(metadata: dict[str, str], root: Path) -> str:
    """What a guest in this folder would print when it boots: cloud-init's bootcmd, then its scripts per boot."""
    (root / "run").mkdir(exist_ok=True)
    for old in (root / "run").iterdir():
        old.unlink()
    document = user_data(metadata, {})
    commands = config_of(document)["bootcmd"] if document else []
    assert isinstance(commands, list)
    for command in commands:
        moved = [str(word).replace("/run/", f"{root}/run/").replace("/var/", f"{root}/var/") for word in command]
        subprocess.run(moved, check=True)
    runner = Path(f"{root}{RUNNER_PATH}")
    return subprocess.run([runner], check=True, capture_output=True, text=True).stdout if runner.exists() else ""


def test_startup_script_runs_on_every_boot(tmp_path: Path) -> None:
    """The script that is in the metadata when the guest boots is run, whatever is in it; without one nothing is."""
    assert boot({}, tmp_path) == ""
    quoted = "echo 'it'\\''s' \"$((1 + 1))\" '\\n' %s"
    assert boot({"startup-script": quoted}, tmp_path) == "it's 2 \\n %s\n"
    assert boot({"startup-script": "#!/bin/sh\necho other"}, tmp_path) == "other\n"
    assert boot({}, tmp_path) == ""
    assert boot({"ssh-keys": "ann:ssh-rsa A", "startup-script": "echo back"}, tmp_path) == "back\n"


def test_startup_script_of_the_project() -> None:
    """The project's startup-script runs where the instance has none."""
    document = user_data({}, {"startup-script": "#!/usr/bin/perl\nprint 1"})
    assert b"#!/usr/bin/perl\\nprint 1" in document


def test_user_data_beside_keys() -> None:
    """With keys, user-data is the first part of a multipart document and ours, which appends, the second."""
    document = user_data({"user-data": "#cloud-config\nusers: [x]", "ssh-keys": "ann:ssh-rsa A"}, {})
    (_, first), (_, second) = parts_of(document)
    assert first.rstrip() == b"#cloud-config\nusers: [x]"
    assert config_of(second)["merge_how"]


def test_multipart_user_data_gets_one_more_part() -> None:
    """user-data that is multipart already keeps its parts and their types."""
    given_text = (
        'Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n\n'
        "--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho 1\n"
        "--b\nContent-Type: text/cloud-config\n\na: 1\n--b--\n"
    )
    parts = parts_of(user_data({"user-data": given_text, "ssh-keys": "ann:ssh-rsa A"}, {}))
    assert [kind for kind, _ in parts] == ["text/x-shellscript", "text/cloud-config", "text/plain"]


def test_too_long() -> None:
    """A document over CloudStack's limit is refused and the limit named; one at the limit passes."""
    assert len(user_data({"user-data": "x" * LIMIT}, {})) == LIMIT
    with pytest.raises(Problem, match=str(LIMIT)):
        user_data({"user-data": "x" * (LIMIT + 1)}, {})


def test_keys_that_do_nothing_here() -> None:
    """Keys with an effect on GCE and none here are named, unless they are off."""
    assert keys_without_effect({"shutdown-script": "halt", "serial-port-enable": "FALSE", "color": "blue"}) == [
        "shutdown-script"
    ]


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_any_text_survives(script: str, own: str) -> None:
    """Whatever a script or user-data holds, the guest reads it back unchanged."""
    document = user_data({"startup-script": script, "user-data": own}, {})
    if message_from_bytes(own.encode()).is_multipart():
        return
    (_, first), (_, second) = parts_of(document)
    commands = config_of(second)["bootcmd"]
    assert isinstance(commands, list)
    assert commands[0][-1].removeprefix("#!/bin/bash\n") == script.removeprefix("#!/bin/bash\n")
    assert first.rstrip(b"\n") == own.encode().rstrip(b"\n")


def _items(**items: str) -> dict[str, Any]:
    return {"items": [{"key": key.replace("_", "-"), "value": value} for key, value in items.items()]}


def _told(ask: Ask, name: str) -> str:
    """What CloudStack would tell the guest."""
    machine = ask("listVirtualMachines", keyword=name)["virtualmachine"][0]["id"]
    answer = ask("getVirtualMachineUserData", virtualmachineid=machine)["virtualmachineuserdata"]
    return base64.b64decode(answer.get("userdata", "")).decode()


@pytest.mark.parametrize("zone", [BASIC, VPC])
def test_metadata_reach_the_guest(gce: Gce, ask: Ask, made: Made, zone: str) -> None:
    """The items are replaced while the machine runs, and CloudStack's user data are made anew from them."""
    before = made(zone, "vm-meta", metadata=_items(old="x"))
    path = f"zones/{zone}/instances/vm-meta"
    sent = _items(startup_script="echo one", other="y") | {"fingerprint": before["metadata"]["fingerprint"]}
    operation = gce.done(gce.post(f"{path}/setMetadata", sent))
    assert "warnings" not in operation
    assert gce.get(path)["metadata"]["items"] == sent["items"]
    assert "echo one" in _told(ask, "vm-meta")
    gce.done(gce.post(f"{path}/setMetadata", _items(user_data="#!/bin/sh\nmine")))
    assert _told(ask, "vm-meta") == "#!/bin/sh\nmine"
    gce.done(gce.post(f"{path}/setMetadata", {}))
    assert _told(ask, "vm-meta") == "#cloud-config\n{}\n"
    assert "items" not in gce.get(path)["metadata"]


def test_only_what_the_guest_reads_is_sent(gce: Gce, made: Made, spent: Callable[..., dict[str, int]]) -> None:
    """Items that are for nobody in the guest change nothing in CloudStack; some are warned about."""
    made(VPC, "vm-meta")
    path = f"zones/{VPC}/instances/vm-meta/setMetadata"
    body = _items(color="blue", shutdown_script="halt")
    operations = []
    sent = spent(lambda: operations.append(gce.done(gce.post(path, body))), "updateVirtualMachine")
    assert sent == {"updateVirtualMachine": 0}
    assert ["shutdown-script" in one["message"] for one in operations[0]["warnings"]] == [True]
    keys = gce.done(gce.post(path, _items(ssh_keys="me:ssh-ed25519 AAAA me@here")))
    assert "first boot" in keys["warnings"][0]["message"]


def test_refused(gce: Gce, made: Made, fault: Callable[..., None]) -> None:
    """An old fingerprint is a 412, too much for the guest a 400; a lost answer is none."""
    made(VPC, "vm-meta", metadata=_items(a="1"))
    path = f"zones/{VPC}/instances/vm-meta"
    stale = _items(a="2") | {"fingerprint": "AAAAAAAAAAA="}
    assert gce.refused("POST", f"{path}/setMetadata", 412, stale)["reason"] == "conditionNotMet"
    large = gce.refused("POST", f"{path}/setMetadata", 400, _items(user_data="x" * 30_000))
    assert "24576" in large["message"]
    fault("updateVirtualMachine", "lost")
    gce.done(gce.post(f"{path}/setMetadata", _items(user_data="#!/bin/sh")))
    assert gce.get(path)["metadata"]["items"] == [{"key": "user-data", "value": "#!/bin/sh"}]


def test_changes_at_once_leave_what_is_shown(gce: Gce, ask: Ask, made: Made, fault: Callable[..., None]) -> None:
    """Of two changes at once the later is shown, and CloudStack has that one's document too."""
    made(VPC, "vm-meta", metadata=_items(startup_script="echo first"))
    path = f"zones/{VPC}/instances/vm-meta"
    fault("updateVirtualMachine", "slow", seconds=2)
    with ThreadPoolExecutor() as pool:
        other = pool.submit(gce.post, f"{path}/setMetadata", _items(startup_script="echo other"))
        time.sleep(0.7)
        again = gce.post(f"{path}/setMetadata", _items(startup_script="echo first"))
    gce.done(other.result())
    gce.done(again)
    assert gce.get(path)["metadata"]["items"][0]["value"] == "echo first"
    assert "echo first" in _told(ask, "vm-meta")


def test_a_key_that_the_project_lost_goes(gce: Gce, ask: Ask, made: Made) -> None:
    """A key that the project has no more leaves a machine's user data with its next change, not before."""
    common = "setCommonInstanceMetadata"
    gce.done(gce.post(common, _items(ssh_keys="joe:ssh-ed25519 AAAAjoe joe@here")))
    made(VPC, "vm-meta")
    gce.done(gce.post(common, {}))
    assert "AAAAjoe" in _told(ask, "vm-meta")
    gce.done(gce.post(f"zones/{VPC}/instances/vm-meta/setMetadata", _items(foo="1")))
    assert _told(ask, "vm-meta") == "#cloud-config\n{}\n"
