"""Names of workers in leases, and how to tell that one is dead.

A worker that was killed leaves its leases behind, and others must wait until they end. But if the name shows that the
worker was a process on this machine (same host, same process id namespace), the system can tell whether it still runs.
"""

import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path

_NAMESPACE = Path("/proc/self/ns/pid")


def new_worker() -> str:
    """Return a name for this worker: its machine, its process id and a random part."""
    return f"{_machine()}/{os.getpid()}/{secrets.token_hex(6)}"


def dead(workers: Iterable[str], me: str) -> set[str]:
    """Return those of these workers that surely do not run any more."""
    machine, my_pid, _ = me.rsplit("/", 2)
    return {name for name in workers if name != me and _is_dead(name, machine, my_pid)}


def _is_dead(name: str, machine: str, my_pid: str) -> bool:
    start, _, random = name.rpartition("/")
    start, _, pid = start.rpartition("/")
    if start != machine or not random or not pid.isdigit() or pid == my_pid:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> str:
    """Return the host and, where there is one, the process id namespace: containers on one host have their own."""
    namespace = str(_NAMESPACE.readlink()) if _NAMESPACE.is_symlink() else ""
    return f"{socket.gethostname()}:{namespace}"
