"""Names of workers, and which of them are dead."""

import asyncio
import os
import sys

from gstack.operations.workers import dead, new_worker


def test_every_worker_has_a_name_of_its_own() -> None:
    """Two workers of one process are two, and the name tells the process."""
    one, two = new_worker(), new_worker()
    assert one != two
    assert one.rsplit("/", 2)[1] == str(os.getpid())


async def test_a_process_of_this_place_that_ended_is_dead() -> None:
    """The system knows of the ended one; it, a living one, another machine's and ourselves are told apart."""
    me = new_worker()
    place, mine, _ = me.rsplit("/", 2)
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    gone = f"{place}/{ended.pid}/abc"
    living = f"{place}/{os.getppid()}/abc"
    elsewhere = f"another-host:pid:[1]/{ended.pid}/abc"
    sibling = f"{place}/{mine}/abc"
    assert dead([me, gone, living, elsewhere, sibling, "nonsense"], me) == {gone}
