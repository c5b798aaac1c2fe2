"""`kind` at every level."""

import msgspec

from gstack.gateway.kinds import with_kinds


class Zone(msgspec.Struct):
    name: str


def test_lists_and_their_items_name_their_type() -> None:
    """A list, its items and what they hold carry Google's kinds."""
    found = with_kinds("InstanceList", {"items": [{"name": "a", "disks": [{"boot": True}], "metadata": {}}]})
    item = found["items"][0]
    assert (found["kind"], item["kind"]) == ("compute#instanceList", "compute#instance")
    assert item["disks"] == [{"kind": "compute#attachedDisk", "boot": True}]
    assert item["metadata"] == {"kind": "compute#metadata"}


def test_aggregated_lists_are_maps() -> None:
    """Kinds reach resources through the map of scopes."""
    found = with_kinds("InstanceAggregatedList", {"items": {"zones/z": {"instances": [{"name": "a"}]}}})
    assert found["items"] == {"zones/z": {"instances": [{"kind": "compute#instance", "name": "a"}]}}


def test_a_kind_that_is_there_stays_and_the_answer_is_not_changed() -> None:
    """Resources may set kinds; what they hand over stays as it is."""
    answer = {"kind": "compute#other"}
    assert with_kinds("Disk", answer) == {"kind": "compute#other"}
    plain = {"name": "d"}
    with_kinds("Disk", plain)
    assert plain == {"name": "d"}


def test_structs_may_be_answers() -> None:
    """A resource may answer a struct."""
    assert with_kinds("Zone", Zone("z")) == {"kind": "compute#zone", "name": "z"}
