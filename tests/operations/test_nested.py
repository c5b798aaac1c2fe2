"""A work inside another: its steps are the outer operation's."""

import uuid
from typing import Any

from fixtures.journals import Bench
from fixtures.works import OWNER, do_nothing, make_disk
from gstack.operations.model import Op, work
from gstack.operations.nested import Nested


@work("test.outer")
async def make_two(op: Op) -> None:
    """Two disks by the same work, in one operation."""
    for name in op.args["names"]:
        await make_disk(Nested(op, name, {**op.args, "name": name}))
    await do_nothing(Nested(op, "nothing", {}))


async def test_parts_are_steps_of_one_operation(bench: Bench) -> None:
    """Each part has its own args and step names; warnings reach the operation, the parts' targets and progress not."""
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
