"""A work inside another: its steps are the outer operation's."""

import uuid
from typing import Any

import msgspec

from fixtures.journals import Bench
from fixtures.works import OWNER, NewDisk, do_nothing, make_disk
from gstack.operations.model import Op, work
from gstack.operations.nested import Nested


class NewDisks(msgspec.Struct, frozen=True):
    """Disks to create in one operation."""

    names: tuple[str, ...]
    zone: str
    offering: str


@work("test.outer", NewDisks)
async def make_two(op: Op, request: NewDisks) -> None:
    """Two disks by the same work, in one operation."""
    for name in request.names:
        await make_disk(Nested(op, name), NewDisk(name, request.zone, request.offering))
    await do_nothing(Nested(op, "nothing"))


async def test_parts_are_steps_of_one_operation(bench: Bench) -> None:
    """Each part has its own request and step names; warnings reach the operation, targets and progress do not."""
    names, journal = [f"part-{uuid.uuid4().hex[:8]}" for _ in range(2)], bench.journal()
    asked: dict[str, Any] = {**bench.place, "names": names}
    operation = await bench.done(journal, await journal.start(bench.draft("whole", "test.outer", args=asked)))
    assert (operation.status, operation.faults, operation.target.id) == ("DONE", (), "")
    assert [warned.message for warned in operation.warnings] == ["said once"]
    for name in names:
        volumes = await bench.volumes(name)
        assert [volume["name"] for volume in volumes] == [name]
        assert (await bench.sidecar.facts([volumes[0]["id"]]))[volumes[0]["id"]]["name"] == name
    assert operation.owner == OWNER
