"""Volumes as rows."""

from __future__ import annotations

import pytest

from gstack.sandbox.errors import CloudStackError
from gstack.sandbox.volumes import GIB, offered_size

FIXED, CUSTOM = {"iscustomized": False, "disksize": 5}, {"iscustomized": True, "disksize": 0}


def test_sizes_that_offerings_allow() -> None:
    """A fixed offering gives its own size, a custom one the wanted size."""
    assert (offered_size(FIXED, None), offered_size(CUSTOM, 7)) == (5 * GIB, 7 * GIB)


@pytest.mark.parametrize(("offering", "size"), [(FIXED, 5), (CUSTOM, None), (CUSTOM, 0), (CUSTOM, 1025)])
def test_sizes_that_they_do_not(offering: dict[str, object], size: int | None) -> None:
    """A size with a fixed offering, and none, nothing or too much with a custom one, are 431."""
    with pytest.raises(CloudStackError) as caught:
        offered_size(offering, size)
    assert caught.value.code == 431
