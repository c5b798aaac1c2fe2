"""How snapshots are named and found: pure."""

from gstack.resources.inventory.snapshots import FoundSnapshot, VolumeSnapshot, names_of
from gstack.resources.shared.sizes import GIB


def test_names() -> None:
    """A name of the sidecar stays; CloudStack's own are slugged, and equal ones told apart."""
    policy = VolumeSnapshot(id="s1", name="vm1_ROOT-54_20260101120000")
    kept, twin = VolumeSnapshot(id="s2", name="Copy"), VolumeSnapshot(id="s3", name="copy")
    names = names_of([policy, kept, twin], {"s2": {"name": "copy"}})
    assert (names["s1"], names["s2"]) == ("vm1-root-54-20260101120000", "copy")
    assert names["s3"].startswith("copy-")


def test_size() -> None:
    """The size is that of the disk at the snapshot's time; else CloudStack's, in whole GB."""
    one = VolumeSnapshot(id="s1", virtualsize=20 * GIB + 1)
    assert FoundSnapshot(one, "s", {"size_gb": 10}).gigabytes == 10
    assert FoundSnapshot(one, "s", {}).gigabytes == 21


def test_destroyed_ones_are_nothing() -> None:
    """CloudStack finds a deleted snapshot by its id; it is no snapshot of Google's."""
    assert not VolumeSnapshot(id="s1", state="Destroyed").shown
    assert VolumeSnapshot(id="s1", state="Error").shown
