"""What is known of a running server: its settings in force and its process, in one file of the home folder.

`gstack serve --port 5001` and then `gstack client gcloud` in another shell must speak of the same server.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from gstack.config import Settings, check_known, decode, encode
from gstack.tls import write_private


class RunningServer(msgspec.Struct, frozen=True):
    """A server of this profile. `settings` are those in force; on the sandbox its endpoint is filled in."""

    settings: Settings
    on_sandbox: bool


class _File(msgspec.Struct):
    pid: int
    on_sandbox: bool
    settings: str


def note(settings: Settings, *, on_sandbox: bool) -> None:
    """Say that this process serves."""
    content = msgspec.json.encode(_File(os.getpid(), on_sandbox, encode(settings)))
    write_private(_path(settings), content)


def forget(settings: Settings) -> None:
    """Say that this process serves no more; what another one noted since stays."""
    path = _path(settings)
    with suppress(OSError, msgspec.DecodeError):
        if msgspec.json.decode(path.read_bytes(), type=_File).pid == os.getpid():
            path.unlink()


def server_in_force(settings: Settings) -> RunningServer:
    """The settings of the running server of this profile, else those that one would start with.

    Raises SettingsError where none runs and the profile is not known.
    """
    try:
        known = msgspec.json.decode(_path(settings).read_bytes(), type=_File)
        os.kill(known.pid, 0)
        return RunningServer(decode(known.settings), known.on_sandbox)
    except (OSError, msgspec.DecodeError):  # also the note of another version, whose settings are not ours
        check_known(settings)
        return RunningServer(settings, on_sandbox=not settings.cloudstack.endpoint)


def _path(settings: Settings) -> Path:
    return settings.home / f"running-{settings.profile}.json"
