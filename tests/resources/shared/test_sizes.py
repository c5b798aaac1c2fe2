"""Sizes in bytes and in GB."""

from gstack.resources.shared.sizes import GIB, gigabytes


def test_gigabytes() -> None:
    """A size that has begun another GB counts it in full."""
    assert [gigabytes(size) for size in (0, 1, GIB, GIB + 1, 10 * GIB)] == [0, 1, 1, 2, 10]
