"""One mutation from its request to its end, whatever happens to the gateway meanwhile."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import requests

from fixtures.gce import Gce
from fixtures.postgresql import rows
from fixtures.servers import Stack
from gstack.config import Settings
from torture.inventory import Inventory, change, inventory, steady
from torture.scenarios import Scenario

Trouble = Callable[[], object]
SECONDS = 90.0
_MADE_UP = re.compile(r"-([0-9a-f]{8}|[0-9a-f]{4})(?=-|$)")  # in names of steps: parts of uuids, random letters


class Step(msgspec.Struct, frozen=True):
    """A recorded step of an operation, read from the journal."""

    name: str
    state: str
    command: str
    job_id: str | None

    @property
    def points(self) -> list[str]:
        """Where a process may die in it, in order (operations.runner)."""
        name = _MADE_UP.sub("-*", self.name)
        if not self.command:
            return [f"{name}:made", f"{name}:done"]
        between = ["job", "ended"] if self.job_id else []
        return [f"{name}:{point}" for point in ("intent", "sent", *between, "done")]


class End(msgspec.Struct, frozen=True):
    """How a mutation ended: its operation, its steps in order, what had changed then and how it showed."""

    operation: dict[str, Any]
    steps: tuple[Step, ...]
    changed: dict[str, int]
    shown_before: tuple[Any, ...]
    shown: tuple[Any, ...]

    @property
    def faults(self) -> list[dict[str, Any]]:
        return list(self.operation.get("error", {}).get("errors", []))

    @property
    def warned(self) -> set[str]:
        """What the operation warns of: what it left behind, or could not do."""
        return {warning["message"] for warning in self.operation.get("warnings", [])}

    @property
    def named(self) -> bool:
        """Whether the operation says what it left behind."""
        return any(warning["code"] == "CLEANUP_FAILED" for warning in self.operation.get("warnings", []))

    @property
    def left(self) -> dict[str, int]:
        """What had come or gone; facts that are other than before count as none."""
        found: Counter[str] = Counter()
        for line, count in self.changed.items():
            found[" ".join(line.split()[:2]) if line.startswith("kept") else line] += count
        return {line: count for line, count in found.items() if count}


class Journal:
    """The journal in the gateway's database, read beside it."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url

    def last(self) -> int:
        """The number of the newest operation."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM operations")[0][0])

    def done(self, key: int) -> bool:
        return bool(self._rows("SELECT status FROM operations WHERE id = ?", key)[0][0] == "DONE")

    def steps(self, key: int) -> tuple[Step, ...]:
        rows = self._rows("SELECT name, state, command, job_id FROM steps WHERE operation_id = ? ORDER BY started", key)
        return tuple(Step(*row) for row in rows)

    def works(self, key: int) -> str:
        return str(self._rows("SELECT work FROM operations WHERE id = ?", key)[0][0])

    def path(self, key: int) -> str:
        """The operation's place, relative to the project."""
        scope, name = self._rows("SELECT scope, name FROM operations WHERE id = ?", key)[0]
        return f"{scope}/operations/{name}"

    def _rows(self, query: str, *values: Any) -> list[Any]:
        return rows(self._url, query, *values)


class Traveller:
    """Takes scenarios through their mutation on one product. It is not `whole` once one did not come to its end."""

    def __init__(self, product: Stack, references: dict[str, End]) -> None:
        self.product = product
        self.gce = Gce(product)
        self.journal = Journal(product.settings)
        self.references = references
        self.whole = True

    def reference(self, scenario: Scenario) -> End:
        """How the scenario ends when nothing happens. Its work is the one that it says."""
        if scenario.name not in self.references:
            end = self.travel(scenario, lambda: None)
            assert not end.faults, end.operation
            self.references[scenario.name] = end
        return self.references[scenario.name]

    def travel(self, scenario: Scenario, trouble: Trouble, calm: Trouble = lambda: None) -> End:
        """Prepare, cause trouble, send the mutation, wait for its end, calm, look, and put everything back.

        Nothing may be left of it all.
        """
        return self.travel_twice(scenario, trouble, calm)[0]

    def travel_twice(self, scenario: Scenario, trouble: Trouble, calm: Trouble) -> tuple[End, End]:
        """Travel; where the mutation failed, send it again without trouble, as a user would. Both ends."""
        self.whole = False
        untouched = inventory(self.product)
        scenario.prepare(self.gce)
        before = inventory(self.product)
        trouble()
        first = last = self._through(scenario, before, calm)
        if first.faults:
            last = self._through(scenario, before, calm)
        scenario.clean(self.gce)
        left = change(untouched, inventory(self.product))
        assert left == {} or first.named, f"the way back left something: {left}\n{first}"
        self.whole = left == {}
        return first, last

    def _through(self, scenario: Scenario, before: Inventory, calm: Trouble) -> End:
        shown_before = self._shown(scenario)
        key = self.sent(scenario.send)
        self.await_done(key)
        calm()
        assert self.journal.works(key) == scenario.work
        return End(
            operation=self.patient(lambda: self.gce.get(self.journal.path(key))),
            steps=self.journal.steps(key),
            changed=change(before, inventory(self.product)),
            shown_before=shown_before,
            shown=self._shown(scenario),
        )

    def sent(self, send: Callable[[Gce], Any]) -> int:
        """Send a mutation; the number of its operation. The answer may be lost with the gateway."""
        before = self.journal.last()
        with suppress(requests.RequestException):
            send(self.gce)
        return self._newer(before)

    def _newer(self, before: int) -> int:
        end = time.monotonic() + SECONDS
        while (key := self.journal.last()) == before:
            assert time.monotonic() < end, "the mutation left no operation"
            time.sleep(0.02)
        return key

    def await_done(self, key: int) -> None:
        end = time.monotonic() + SECONDS
        while not self.journal.done(key):
            assert time.monotonic() < end, f"{self.journal.path(key)} hangs: {self.journal.steps(key)}"
            time.sleep(0.02)

    def patient(self, ask: Callable[[], Any]) -> Any:
        """Ask until the gateway is there again."""
        for _ in range(200):
            try:
                return ask()
            except requests.RequestException:
                time.sleep(0.05)
        return ask()

    def _shown(self, scenario: Scenario) -> tuple[Any, ...]:
        answers = [self.patient(partial(self.gce.call, "GET", path)) for path in scenario.views]
        return tuple(steady(one.json()) if one.ok else one.status_code for one in answers)


def told(value: Any) -> list[str]:
    """A value as lines, so that a difference can be read."""
    return json.dumps(value, indent=1, sort_keys=True).splitlines()
