"""User data of a guest: one document for cloud-init, made of Google's metadata keys. Pure.

`ssh-keys`/`sshKeys` become users with sudo at the guest's first boot. `startup-script` runs on every boot, as with
Google's guest agent, in its current form: `bootcmd`, which cloud-init reads anew each time, writes it below /run, and a
script of cloud-init's `per-boot` runs what it finds there. Both are one `#cloud-config` part, written as JSON, which is
YAML. `user-data` alone is passed on byte for byte, since it may be for something other than cloud-init. With the other
keys it becomes the first part, and the `merge_how` of our part appends to its lists. Project metadata counts as on GCE:
its keys are added unless `block-project-ssh-keys` is true or the instance has the old `sshKeys`; its startup script
runs if the instance has none; its `user-data` counts for nobody.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

import msgspec

from gstack.errors import Problem

LIMIT = 24_576  # bytes before base64: CloudStack's own limit, above which it refuses deployVirtualMachine
FIELD = "resource.metadata"
SCRIPT_PATH = "/run/gstack-startup-script"
RUNNER_PATH = "/var/lib/cloud/scripts/per-boot/gstack-startup-script"
_COPY = "/var/lib/cloud/gstack-startup-script"  # /run is often mounted so that nothing in it can be run
_RUNNER = f"#!/bin/sh\n[ -f {SCRIPT_PATH} ] || exit 0\ninstall -m 0700 {SCRIPT_PATH} {_COPY} && exec {_COPY}\n"
_WRITE = 'umask 077; mkdir -p "${1%/*}" && printf %s "$2" > "$1" && chmod 0700 "$1"'
NOTHING = b"#cloud-config\n{}\n"
_EXPIRES = re.compile(r'"expireOn"\s*:\s*"([^"]+)"')
_TRUE = {"true", "yes", "y", "1"}
_SUDO = "ALL=(ALL) NOPASSWD:ALL"
_MERGE = [
    {"name": "list", "settings": ["append"]},
    {"name": "dict", "settings": ["no_replace", "recurse_list"]},
]
KEYS = ("ssh-keys", "sshKeys", "block-project-ssh-keys")
_WITHOUT_EFFECT = (
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
    """Return the document for a guest with this metadata; empty where there is nothing to tell.

    Problem.invalid if it exceeds CloudStack's limit, or if `user-data` is not what `user-data-encoding` says.
    """
    own = instance.get("user-data", "").encode()
    if instance.get("user-data-encoding", "") == "base64":
        try:
            own = base64.b64decode(own, validate=False)
        except binascii.Error as error:
            raise Problem.invalid(FIELD, "user-data is not base64, which user-data-encoding says it is.") from error
    config = _cloud_config(_keys(instance, project, now or datetime.now(UTC)), _script(instance, project))
    document = own if not config else config if not own else _joined(own, config)
    if len(document) > LIMIT:
        why = f"user-data, startup-script and ssh-keys make {len(document)} bytes for the guest"
        raise Problem.invalid(FIELD, f"{why}; CloudStack allows {LIMIT}. Let the script download large files.")
    return document


def digest(document: str) -> str:
    """The digest of a document in base64, which the fact `told` of a machine keeps."""
    return hashlib.sha256(document.encode()).hexdigest()


def keys_without_effect(instance: Mapping[str, str]) -> list[str]:
    """Metadata keys that have an effect on GCE and none here."""
    return [key for key in _WITHOUT_EFFECT if instance.get(key, "").lower() not in {"", "false", "0"}]


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
            keys = users.setdefault(user, [])
            keys += [] if key.strip() in keys else [key.strip()]
    return users


def _expired(key: str, now: datetime) -> bool:
    match = _EXPIRES.search(key) if " google-ssh " in key else None
    if match is None:
        return False
    try:
        return datetime.fromisoformat(match[1]) <= now
    except (ValueError, TypeError):  # Google's guest agent, too, ignores an expiry that it cannot read
        return False


def _cloud_config(keys: Mapping[str, list[str]], script: str) -> bytes:
    config: dict[str, Any] = {}
    if keys:
        users = [
            {"name": user, "shell": "/bin/bash", "lock_passwd": True, "sudo": _SUDO, "ssh_authorized_keys": lines}
            for user, lines in keys.items()
        ]
        config["users"] = ["default", *users]
    if script:
        files = ((SCRIPT_PATH, script), (RUNNER_PATH, _RUNNER))
        config["bootcmd"] = [["sh", "-c", _WRITE, "sh", *file] for file in files]
    if not config:
        return b""
    return b"#cloud-config\n" + msgspec.json.encode(config | {"merge_how": _MERGE}) + b"\n"


def _joined(own: bytes, config: bytes) -> bytes:
    """One multipart document. If `user-data` is already multipart, its parts stay as they are."""
    message = message_from_bytes(own)
    if message.is_multipart():
        parts = [part.as_bytes().rstrip(b"\n") + b"\n" for part in message.walk() if not part.is_multipart()]
    else:
        parts = [_part(own)]
    boundary = f"==gstack-{hashlib.sha256(own + config).hexdigest()[:16]}=="
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\nMIME-Version: 1.0\n\n'.encode()
    body = b"".join(f"--{boundary}\n".encode() + part + b"\n" for part in [*parts, _part(config)])
    return head + body + f"--{boundary}--\n".encode()


def _part(content: bytes) -> bytes:
    """One part, in base64 if plain text would not survive. cloud-init recognises its kind by the first line."""
    if content.isascii() and b"\0" not in content and b"\r" not in content:
        return b'Content-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: 7bit\n\n' + content
    kind = b"application/gzip" if content.startswith(b"\x1f\x8b") else b"application/octet-stream"
    head = b"Content-Type: " + kind + b"\nContent-Transfer-Encoding: base64\n\n"
    return head + base64.encodebytes(content)


def without_effect(key: str) -> str:
    """The warning about a key that has no effect."""
    return f"The metadata key '{key}' is kept and has no effect: nothing in the guest reads it."
