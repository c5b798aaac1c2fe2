"""The note of a running server: its settings in force, in one file of the home folder.

`gstack serve --port 5001` and a later `gstack client gcloud` in another shell must mean the same server. The server
holds a lock on its note as long as it lives, so the note of a server that was killed is known to be dead, whatever
process has its number since.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from gstack.config import Settings, check_known, decode, encode


class RunningServer(msgspec.Struct, frozen=True):
    """A server of this profile. `settings` are those in force; on the sandbox they hold the sandbox's endpoint."""

    settings: Settings
    on_sandbox: bool


class _File(msgspec.Struct):
    pid: int
    on_sandbox: bool
    settings: str


class Note:
    """The note of this process. It counts until `remove`, or until the process ends."""

    def __init__(self, settings: Settings, *, on_sandbox: bool) -> None:
        self._path = _path(settings)
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        self._descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        os.write(self._descriptor, msgspec.json.encode(_File(os.getpid(), on_sandbox, encode(settings))))
        partial.replace(self._path)

    def remove(self) -> None:
        """Remove the note, unless another server of the profile has replaced it."""
        with suppress(FileNotFoundError):
            if os.path.samestat(self._path.stat(), os.fstat(self._descriptor)):
                self._path.unlink()
        os.close(self._descriptor)


def server_in_force(settings: Settings) -> RunningServer:
    """Return the running server of this profile, else one with the settings that a server would start with.

    Raises SettingsError where none runs and `gstack.toml` lacks the profile.
    """
    with suppress(OSError, msgspec.DecodeError), _path(settings).open("rb") as file:  # or another version's note
        noted = msgspec.json.decode(file.read(), type=_File)
        if _is_locked(file.fileno()):
            return RunningServer(decode(noted.settings), noted.on_sandbox)
    check_known(settings)
    return RunningServer(settings, on_sandbox=not settings.cloudstack.endpoint)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _path(settings: Settings) -> Path:
    return settings.home / f"running-{settings.profile}.json"
