"""Which OS type a new image gets. Pure."""

import pytest

from gstack.resources.inventory.os_types import OsType, choose_os_type

TYPES = [
    OsType("1", "AlmaLinux 9"),
    OsType("2", "Other PV (64-bit)"),
    OsType("3", "Other Linux (64-bit)"),
    OsType("4", "Debian GNU/Linux 12 (64-bit)"),
]


@pytest.mark.parametrize(
    ("name", "family", "chosen"),
    [("AlmaLinux 9", "debian-12", "1"), ("", "debian-12", "4"), ("gone", "lab", "3"), ("", "", "3")],
)
def test_os_type(name: str, family: str, chosen: str) -> None:
    """The source's OS type comes first, then that of the family, then a generic one."""
    assert choose_os_type(TYPES, name, family) == chosen


def test_os_types_without_a_generic_one() -> None:
    """Some type is chosen on any cloud that has one."""
    assert choose_os_type(TYPES[:2], "", "") == "2"
    assert choose_os_type(TYPES[:1], "", "") == "1"
