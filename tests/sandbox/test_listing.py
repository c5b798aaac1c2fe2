"""Pages, keywords, ids and tags of lists."""

from __future__ import annotations

from typing import Any


def test_pages(demo: Any) -> None:
    """A page holds its part, `count` is that of all pages, a page beyond the end has only the count."""
    first = demo.ok("listOsTypes", page=1, pagesize=3)
    second = demo.ok("listOsTypes", page=2, pagesize=3)
    assert len(first["ostype"]) == 3
    assert {row["id"] for row in first["ostype"]}.isdisjoint(row["id"] for row in second["ostype"])
    assert demo.ok("listOsTypes", page=99, pagesize=3) == {"count": first["count"]}


def test_exact_name_ignores_case_and_keyword_is_a_part(demo: Any) -> None:
    """`name` is exact but for case, `keyword` any part of the name."""
    assert demo.ok("listServiceOfferings", name="SMALL instance")["count"] == 1
    assert demo.ok("listServiceOfferings", name="small") == {}
    assert demo.ok("listServiceOfferings", keyword="e2-")["count"] == 5


def test_tags_choose(demo: Any) -> None:
    """`tags[0].key` and value choose the tagged objects, without regard to case."""
    found = demo.ok("listTemplates", templatefilter="featured", tags__key="FAMILY", tags__value="debian-12")
    assert {row["name"] for row in found["template"]} == {"debian-12-v20260101"}


def test_ids(demo: Any) -> None:
    """`ids` chooses several objects at once."""
    ids = [row["id"] for row in demo.ok("listTemplates", templatefilter="featured", showunique=True)["template"]]
    found = demo.ok("listTemplates", templatefilter="featured", ids=",".join(ids[:2]), showunique=True)
    assert [row["id"] for row in found["template"]] == ids[:2]


def test_keyword_looks_into_texts(demo: Any) -> None:
    """A keyword is a part of a name or of a displayed text, without regard to case."""
    found = demo.ok("listDiskOfferings", keyword="small disk")["diskoffering"]
    assert [row["name"] for row in found] == ["Small"]
