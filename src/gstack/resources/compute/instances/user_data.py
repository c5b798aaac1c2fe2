"""What a guest is told: Google's metadata keys as the one user-data document that cloud-init understands. Pure.

`ssh-keys`/`sshKeys` become users with sudo, at the guest's first boot. `startup-script` is run on every boot, as
Google's guest agent does, and as it is in the metadata then: `bootcmd`, which cloud-init reads anew each time, puts it
where /run ends with the boot, and a script of cloud-init's `per-boot` runs what is there. Both are one `#cloud-config`
part, written as JSON, which is YAML. `user-data` alone is passed on byte for byte (it may be for something other than
cloud-init); with the others it is a part of its own and comes first, and our part's `merge_how` appends to its lists.
Project metadata counts as on GCE: its keys are added unless `block-project-ssh-keys` is true or the instance has the
old `sshKeys`, its startup script runs where the instance has none, its `user-data` counts for nobody.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from typing import Any

import msgspec

from gstack.errors import Problem

LIMIT = 24_576  # bytes before base64: CloudStack's own limit, beyond it deployVirtualMachine is refused
FIELD = "resource.metadata"
SCRIPT_PATH = "/run/gstack-startup-script"
RUNNER_PATH = "/var/lib/cloud/scripts/per-boot/gstack-startup-script"
_COPY = "/var/lib/cloud/gstack-startup-script"  # /run is often mounted so that nothing in it can be run
_RUNNER = f"#!/bin/sh\n[ -f {SCRIPT_PATH} ] || exit 0\ninstall -m 0700 {SCRIPT_PATH} {_COPY} && exec {_COPY}\n"
_WRITE = 'umask 077; mkdir -p "${1%/*}" && printf %s "$2" > "$1" && chmod 0700 "$1"'
_EXPIRES = re.compile(r'"expireOn"\s*:\s*"([^"]+)"')
_TRUE = {"true", "yes", "y", "1"}
_MERGE = [
    {"name": "list", "settings": ["append"]},
    {"name": "dict", "settings": ["no_replace", "recurse_list"]},
]
_UNSERVED = (
    "startup-script-url",
    "shutdown-script",
    "shutdown-script-url",
    "sysprep-specialize-script-ps1",
    "windows-startup-script-ps1",
    "windows-startup-script-cmd",
    "windows-startup-script-bat",
    "serial-port-enable",
)


def user_data(instance: Mapping[str, str], project: Mapping[str, str], *, now: datetime | None = None) -> bytes:
    """Return the document for a machine with this metadata; empty where there is nothing to tell.

    Problem.invalid where it is beyond CloudStack's limit or `user-data` is not what `user-data-encoding` says.
    """
    own = _own(instance)
    config = _cloud_config(_keys(instance, project, now or datetime.now(UTC)), _script(instance, project))
    document = own if not config else config if not own else _joined(own, config)
    if len(document) > LIMIT:
        why = f"user-data, startup-script and ssh-keys make {len(document)} bytes for the guest"
        raise Problem.invalid(FIELD, f"{why}; CloudStack takes {LIMIT}. Fetch what is large from the script instead.")
    return document


def told(document: str) -> str:
    """The digest of a document in base64, as the fact `told` of a machine keeps it: what the machine has."""
    return hashlib.sha256(document.encode()).hexdigest()


def unserved_keys(instance: Mapping[str, str]) -> list[str]:
    """Metadata keys that do something on GCE and nothing here: they are kept and shown, and to be warned about."""
    return [key for key in _UNSERVED if instance.get(key, "").lower() not in {"", "false", "0"}]


def _own(instance: Mapping[str, str]) -> bytes:
    text = instance.get("user-data", "")
    if instance.get("user-data-encoding", "") != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error as error:
        raise Problem.invalid(FIELD, "user-data is not base64, which user-data-encoding says it is.") from error


def _script(instance: Mapping[str, str], project: Mapping[str, str]) -> str:
    text = instance.get("startup-script") or project.get("startup-script") or ""
    return text if not text or text.startswith("#!") else f"#!/bin/bash\n{text}"


def _keys(instance: Mapping[str, str], project: Mapping[str, str], now: datetime) -> dict[str, list[str]]:
    """User -> public keys, in the order given, each once."""
    texts = [instance.get("sshKeys", ""), instance.get("ssh-keys", "")]
    blocked = instance.get("block-project-ssh-keys", "").lower() in _TRUE
    if not blocked and "sshKeys" not in instance:
        texts += [project.get("sshKeys", ""), project.get("ssh-keys", "")]
    users: dict[str, list[str]] = {}
    for line in "\n".join(texts).splitlines():
        user, colon, key = line.strip().partition(":")
        if colon and user and key.strip() and not _expired(key, now):
            known = users.setdefault(user, [])
            known += [] if key.strip() in known else [key.strip()]
    return users


def _expired(key: str, now: datetime) -> bool:
    match = _EXPIRES.search(key) if " google-ssh " in key else None
    if match is None:
        return False
    try:
        return datetime.fromisoformat(match[1]) <= now
    except (ValueError, TypeError):  # an end that nobody can read never comes: the guest agent ignores it too
        return False


def _cloud_config(keys: Mapping[str, list[str]], script: str) -> bytes:
    config: dict[str, Any] = {}
    if keys:
        config["users"] = ["default", *(_user(user, its) for user, its in keys.items())]
    if script:
        config["bootcmd"] = [
            ["sh", "-c", _WRITE, "sh", *file] for file in ((SCRIPT_PATH, script), (RUNNER_PATH, _RUNNER))
        ]
    if not config:
        return b""
    return b"#cloud-config\n" + msgspec.json.encode(config | {"merge_how": _MERGE}) + b"\n"


def _user(name: str, keys: list[str]) -> dict[str, Any]:
    sudo = "ALL=(ALL) NOPASSWD:ALL"
    return {"name": name, "shell": "/bin/bash", "lock_passwd": True, "sudo": sudo, "ssh_authorized_keys": keys}


def _joined(own: bytes, config: bytes) -> bytes:
    given = message_from_bytes(own)
    parts = (
        [_given_part(one) for one in given.walk() if not one.is_multipart()] if given.is_multipart() else [_part(own)]
    )
    body = [*parts, _part(config)]
    boundary = f"==gstack-{hashlib.sha256(own + config).hexdigest()[:16]}=="
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\nMIME-Version: 1.0\n\n'.encode()
    return head + b"".join(f"--{boundary}\n".encode() + part + b"\n" for part in body) + f"--{boundary}--\n".encode()


def _given_part(part: Message) -> bytes:
    return part.as_bytes().rstrip(b"\n") + b"\n"


def _part(content: bytes) -> bytes:
    """One part that cloud-init tells the kind of by its first line; base64 where plain text would not survive."""
    if content.isascii() and b"\0" not in content and b"\r" not in content:
        return b'Content-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: 7bit\n\n' + content
    kind = b"application/gzip" if content.startswith(b"\x1f\x8b") else b"application/octet-stream"
    head = b"Content-Type: " + kind + b"\nContent-Transfer-Encoding: base64\n\n"
    return head + base64.encodebytes(content)
