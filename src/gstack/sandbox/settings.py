"""The settings of a sandbox."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gstack.sandbox import versions

DEFAULT_DELAYS: Mapping[str, float] = {
    "deployVirtualMachine": 0.3,
    "startVirtualMachine": 0.2,
    "stopVirtualMachine": 0.15,
    "rebootVirtualMachine": 0.15,
    "destroyVirtualMachine": 0.15,
    "createSnapshot": 0.2,
    "createTemplate": 0.2,
}
OTHER_DELAY = 0.05


class AccountKeys(msgspec.Struct, frozen=True):
    """One account of the sandbox with its CloudStack key pair and password; no pair where `api_key` is empty.

    With `two_factor` a second factor must follow the password; as in CloudStack, key pairs need none.
    """

    name: str
    api_key: str
    secret_key: str
    password: str
    two_factor: bool = False


class ZoneSpec(msgspec.Struct, frozen=True):
    """One zone to seed. `networktype` is Basic or Advanced, as CloudStack says it."""

    name: str
    networktype: str
    securitygroups: bool = False


DEFAULT_ZONES = (
    ZoneSpec("Sandbox-simulator", "Basic", securitygroups=True),
    ZoneSpec("sandbox-east1-a", "Advanced"),
    ZoneSpec("sandbox-west1-a", "Advanced"),
)


class SandboxSettings(msgspec.Struct, frozen=True):
    """Everything that `create_app` needs to know.

    `database` is a file path or ":memory:". `job_delay` multiplies the seconds of `DEFAULT_DELAYS`; with 0 a job ends
    in the next turn of the event loop. `page_maximum` is CloudStack's `default.page.size` (500). `expunge_allowed` is
    its `allow.user.expunge.recover.vm`, false by default as there. `limits` overrides what an account may have, by
    CloudStack's names of resource types (-1: no limit). `cloudstack_version` is the version to play, from 4.16 on: up
    to 4.22 a user has one API key pair, which a new one replaces. `plain_seed` leaves out the offerings and templates
    with names of Compute Engine, as in the recorded clouds.
    """

    accounts: tuple[AccountKeys, ...]
    database: str = ":memory:"
    zones: tuple[ZoneSpec, ...] = DEFAULT_ZONES
    job_delay: float = 1.0
    page_maximum: int = 500
    expunge_allowed: bool = False
    limits: Mapping[str, int] = {}
    cloudstack_version: str = versions.NEWEST
    plain_seed: bool = False


def new_account(name: str) -> AccountKeys:
    """Return an account with keys as long as CloudStack's (86 characters)."""
    return AccountKeys(name, secrets.token_urlsafe(64), secrets.token_urlsafe(64), secrets.token_urlsafe(16))


def load_or_create_keys(home: Path) -> tuple[AccountKeys, ...]:
    """Return the accounts `demo` and `other` with the random keys kept in `home`/sandbox.json (mode 0600)."""
    path = home / "sandbox.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=tuple[AccountKeys, ...])
    accounts = (new_account("demo"), new_account("other"))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(path, json.dumps(msgspec.to_builtins(accounts), indent=2))
    return accounts


def _write_private(path: Path, text: str) -> None:
    partial = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)
