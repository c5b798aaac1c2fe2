"""Tags."""

from __future__ import annotations

from typing import Any


def tags(demo: Any, identity: str) -> dict[str, str]:
    rows = demo.ok("listTags", resourceid=identity).get("tag", [])
    return {row["key"]: row["value"] for row in rows}


def create(demo: Any, identity: str, **values: str) -> dict[str, Any]:
    sent: dict[str, str] = {}
    for number, (key, value) in enumerate(values.items()):
        sent |= {f"tags[{number}].key": key, f"tags[{number}].value": value}
    return {"resourcetype": "Volume", "resourceids": identity, **sent}


def test_existing_key_fails_all(demo: Any, seeds: Any) -> None:
    """A key that exists, in whatever case, fails the whole call: no other tag of it is made."""
    volume = seeds.volume(demo, "tagged")["id"]
    demo.ok("createTags", **create(demo, volume, env="prod"))
    code, text = demo.failure("createTags", **create(demo, volume, team="web", ENV="again"))
    assert (code, text) == (530, f"tag ENV already on Volume with id {volume}")
    assert tags(demo, volume) == {"env": "prod"}


def test_empty_and_long_values(demo: Any, seeds: Any) -> None:
    """An empty value is refused; a long one is cut at 255 characters in silence."""
    volume = seeds.volume(demo, "long")["id"]
    assert demo.failure("createTags", **create(demo, volume, empty=""))[0] == 431
    demo.ok("createTags", **create(demo, volume, long="x" * 300))
    assert tags(demo, volume) == {"long": "x" * 255}


def test_deleted_by_key(demo: Any, seeds: Any) -> None:
    """DeleteTags takes the named keys, and all of them if none is named."""
    volume = seeds.volume(demo, "untagged")["id"]
    demo.ok("createTags", **create(demo, volume, a="1", b="2", c="3"))
    demo.ok("deleteTags", resourcetype="Volume", resourceids=volume, tags__key="A")
    assert tags(demo, volume) == {"b": "2", "c": "3"}
    demo.ok("deleteTags", resourcetype="Volume", resourceids=volume)
    assert tags(demo, volume) == {}


def test_foreign_and_unknown_resources(demo: Any, other: Any, seeds: Any) -> None:
    """Another account's object is 531, an unknown type or id 431; each in the job, as recorded."""
    volume = seeds.volume(demo, "mine")["id"]
    assert other.failure("createTags", **create(demo, volume, a="1"))[0] == 531
    assert demo.failure("createTags", **{**create(demo, volume, a="1"), "resourcetype": "Nope"})[0] == 431
    assert demo.failure("createTags", **create(demo, "1", a="1"))[0] == 431


def test_nothing_to_delete(demo: Any, seeds: Any) -> None:
    """Deleting tags that an object does not have fails the job with 530."""
    volume = seeds.volume(demo, "untagged")["id"]
    sent = {"resourcetype": "Volume", "resourceids": volume}
    assert demo.failure("deleteTags", **sent) == (530, "Failed to delete tags")
    demo.ok("createTags", tags__key="a", tags__value="1", **sent)
    assert demo.failure("deleteTags", tags__key="a", tags__value="2", **sent)[0] == 530
    assert demo.ok("listTags", resourceid=volume, keyword="A")["count"] == 1
