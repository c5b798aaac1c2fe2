"""The sidecar on the database, on SQLite and on PostgreSQL."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gstack.db.sidecar import Sidecar
from gstack.resources.shared.naming import gce_id

UUID = "0b1c8a52-6d8f-4d0c-9d2f-1f6a6a1f0001"


@pytest.fixture
def store(engine: AsyncEngine) -> Sidecar:
    return Sidecar(engine)


async def test_facts_merge_and_none_removes(store: Sidecar) -> None:
    """A second `keep` adds to the first, and a None takes a fact away."""
    await store.keep(UUID, "o", "disk@z", {"name": "d1", "labels": {"a": "ü"}, "n": 1})
    await store.keep(UUID, "o", "disk@z", {"n": None, "users": ["x"]})
    assert await store.facts([UUID, "unknown"]) == {UUID: {"name": "d1", "labels": {"a": "ü"}, "users": ["x"]}}


async def test_merges_at_the_same_time_lose_nothing(store: Sidecar) -> None:
    """Thirty facts kept at once for one object are all there."""
    await asyncio.gather(*(store.keep(UUID, "o", "k", {f"fact{n}": n}) for n in range(30)))
    assert await store.facts([UUID]) == {UUID: {f"fact{n}": n for n in range(30)}}


async def test_names_lead_back_to_their_object(store: Sidecar) -> None:
    """`named` finds by owner, kind and name, follows a rename, and forgets with the object."""
    await store.keep(UUID, "o", "disk@z", {"name": "d1"})
    assert await store.named("o", "disk@z", "d1") == UUID
    assert await store.named("other", "disk@z", "d1") is None
    assert await store.named("o", "disk@y", "d1") is None
    await store.keep(UUID, "o", "disk@z", {"name": "d2"})
    assert await store.named("o", "disk@z", "d1") is None
    assert await store.named("o", "disk@z", "d2") == UUID
    await store.drop(UUID)
    assert await store.named("o", "disk@z", "d2") is None
    assert await store.facts([UUID]) == {}


async def test_facts_of_many_objects_come_at_once(store: Sidecar) -> None:
    """More ids than one statement may hold are answered whole."""
    await store.keep(UUID, "o", "k", {"n": 1})
    assert await store.facts([*(f"unknown-{n}" for n in range(1300)), UUID]) == {UUID: {"n": 1}}


async def test_objects_are_kept_by_owner_collection_scope_and_name(store: Sidecar) -> None:
    """A GCE-only object is replaced by a second put, listed by name, seen by its owner alone."""
    await store.put_object("o", "instanceTemplates", "global", "b", {"name": "b"})
    await store.put_object("o", "instanceTemplates", "global", "a", {"name": "a"})
    await store.put_object("o", "instanceTemplates", "global", "a", {"name": "a", "n": 2})
    await store.put_object("o", "instanceTemplates", "regions/r", "c", {"name": "c"})
    assert await store.objects("o", "instanceTemplates", "global") == [{"name": "a", "n": 2}, {"name": "b"}]
    assert [each["name"] for each in await store.objects("o", "instanceTemplates")] == ["a", "b", "c"]
    assert await store.objects("other", "instanceTemplates") == []
    assert await store.object("o", "instanceTemplates", "global", "a") == {"name": "a", "n": 2}
    await store.drop_object("o", "instanceTemplates", "global", "a")
    await store.drop_object("o", "instanceTemplates", "global", "a")
    assert await store.object("o", "instanceTemplates", "global", "a") is None


async def test_ids_that_were_shown_lead_to_their_uuid(store: Sidecar) -> None:
    """An id shown once is known, by the same formula that shows it; remembering again does nothing."""
    uuids = [f"uuid-{n}" for n in range(1200)]
    await store.remember_ids(uuids)
    await store.remember_ids(uuids)
    await Sidecar(store._engine).remember_ids(uuids)
    assert await store.uuid_of(gce_id("uuid-0")) == "uuid-0"
    assert await store.uuid_of(gce_id("uuid-1199")) == "uuid-1199"
    assert await store.uuid_of("42") is None


async def test_what_was_kept_outlives_the_process(store: Sidecar) -> None:
    """A second store on the same database sees what the first one kept."""
    await store.keep(UUID, "o", "k", {"name": "d"})
    assert await Sidecar(store._engine).named("o", "k", "d") == UUID
