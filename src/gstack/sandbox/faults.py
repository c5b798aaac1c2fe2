"""Fault switches: make chosen commands slow, fail, vanish, or lose their answer.

Reached over HTTP beside CloudStack's own path, from this machine only:

    POST   /faults   {"command": "deployVirtualMachine", "kind": "error", "count": 1}
    GET    /faults   the rules in force
    DELETE /faults   back to normal

`command` is a shell pattern without regard to case (`list*`); `count` how many calls are hit (absent: all);
`probability` between 0 and 1 (absent: 1). `kind` is one of

* `slow`: wait `seconds`, then go on as usual;
* `error`: answer HTTP `status` (default 503) and do nothing;
* `drop`: close the connection without a whole answer and do nothing;
* `lost`: do the command, then close the connection without a whole answer;
* `job_failed`: the job of the command ends with `errorcode` (530) and `errortext`; nothing is done;
* `cut_off`: the job ends as one that a restart of CloudStack cuts off: failed with 530, without `jobresult`. What it
  had begun stays: a machine that was being deployed is Stopped, with a root volume in state Allocated.
"""

from __future__ import annotations

import secrets
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

Kind = Literal["slow", "error", "drop", "lost", "job_failed", "cut_off"]


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One rule; see the module's docstring."""

    command: str
    kind: Kind
    count: int | None = None
    probability: float = 1.0
    seconds: float = 1.0
    status: int = 503
    errorcode: int = 530
    errortext: str = "The fault switches of the sandbox ended this job."


class FaultBoard:
    """The rules in force, oldest first; the first one that hits counts."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def all(self) -> list[Fault]:
        return list(self._faults)

    def hit(self, command: str, *kinds: Kind) -> Fault | None:
        """Return the rule of one of `kinds` that this call of `command` meets, and count it."""
        for fault in self._faults:
            if fault.kind in kinds and _meets(fault, command):
                self._count_down(fault)
                return fault
        return None

    def job_fault(self, command: str) -> Fault | None:
        """Return the rule that ends the job of this call, and count it."""
        return self.hit(command, "job_failed", "cut_off")

    def _count_down(self, fault: Fault) -> None:
        if fault.count is None:
            return
        fault.count -= 1
        if fault.count <= 0:
            self._faults.remove(fault)


def _meets(fault: Fault, command: str) -> bool:
    if not fnmatchcase(command.lower(), fault.command.lower()):
        return False
    return fault.probability >= 1 or secrets.SystemRandom().random() < fault.probability
