"""Names of workers in leases, and how to tell that one is dead.

A worker that was killed leaves leases behind. Others would wait until they end; but where the name says that it was a
process of this very machine (same host, same space of process ids), the system knows whether it still lives.
"""

import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path

_NAMESPACE = Path("/proc/self/ns/pid")


def new_worker() -> str:
    """A name for this worker: place, process id and a random part."""
    return f"{_place()}/{os.getpid()}/{secrets.token_hex(6)}"


def dead(workers: Iterable[str], me: str) -> set[str]:
    """Which of these workers surely do not live any more."""
    place, my_pid, _ = me.rsplit("/", 2)
    return {name for name in workers if name != me and _is_dead(name, place, my_pid)}


def _is_dead(name: str, place: str, my_pid: str) -> bool:
    where, _, rest = name.rpartition("/")
    where, _, pid = where.rpartition("/")
    if where != place or not rest or not pid.isdigit() or pid == my_pid:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _place() -> str:
    """Host and, where the system tells it, the space of process ids: containers on one host have their own."""
    space = str(_NAMESPACE.readlink()) if _NAMESPACE.is_symlink() else ""
    return f"{socket.gethostname()}:{space}"
