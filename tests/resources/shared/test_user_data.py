"""The document that a guest gets."""

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstack.errors import Problem
from gstack.resources.shared.user_data import LIMIT, RUNNER_PATH, keys_without_effect, user_data

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
