"""What the operation collections share."""

from collections.abc import Callable

from fixtures.gce import Gce
from fixtures.instances import body_of, fault

__all__ = ["fault"]

ZONE = "sandbox-east1-a"


def test_read_while_cloudstack_is_silent(gce: Gce, fault: Callable[..., None]) -> None:
    """An operation is read though CloudStack does not answer: the journal knows it."""
    operation = gce.done(gce.post(f"zones/{ZONE}/instances", body_of(ZONE, "silent-vm")))
    gce.done(gce.delete(f"zones/{ZONE}/instances/silent-vm"))
    fault("*", "error", count=100)
    assert gce.get(f"zones/{ZONE}/operations/{operation['name']}") == operation


def test_pages_of_the_journal(gce: Gce) -> None:
    """Pages of one operation each hold every operation once."""
    for value in ("1", "2", "3"):
        gce.done(gce.post("setCommonInstanceMetadata", {"items": [{"key": "a", "value": value}]}))
    listed = [operation["id"] for operation in gce.items("global/operations", maxResults=1)]
    assert len(listed) == len(set(listed)) == len(gce.items("global/operations"))
