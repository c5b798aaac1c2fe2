"""State: objects, indexes, transactions, the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gstack.sandbox.world import World


def test_everything_survives(tmp_path: Path) -> None:
    """Objects in their order, changes, deletions and counters are there after opening the file again."""
    path = str(tmp_path / "world.db")
    world = World(path)
    rows = [world.put("thing", {"name": name}) for name in "abc"]
    world.update("thing", rows[0]["id"], name="z")
    world.delete("thing", rows[1]["id"])
    world.next_number("n")
    world.close()
    again = World(path)
    assert [row["name"] for row in again.all("thing")] == ["z", "c"]
    assert again.next_number("n") == 2
    again.close()
    again.close()


def test_failed_transaction_leaves_nothing() -> None:
    """What a failed transaction changed is as before, in objects and in indexes."""
    world = World()
    kept = world.put("thing", {"name": "kept"})
    assert world.find("thing", name="kept")
    with pytest.raises(RuntimeError):
        _change_and_fail(world, kept["id"])
    assert [row["name"] for row in world.find("thing")] == ["kept"]
    assert (world.find("thing", name="changed"), len(world.find("thing", name="kept"))) == ([], 1)


def test_none_removes_a_field() -> None:
    """A field set to None is gone, and found no more."""
    world = World()
    row = world.put("thing", {"owner": "me"})
    assert world.find("thing", owner="me")
    assert "owner" not in world.update("thing", row["id"], owner=None)
    assert world.find("thing", owner="me") == []


def _change_and_fail(world: World, identity: str) -> None:
    with world.transaction():
        world.update("thing", identity, name="changed")
        world.put("thing", {"name": "new"})
        raise RuntimeError
