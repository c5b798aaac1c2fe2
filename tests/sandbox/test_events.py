"""Types of events."""

from __future__ import annotations

import pytest

from gstack.sandbox import events


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("startVirtualMachine", "VM.START"),
        ("deployVirtualMachine", "VM.CREATE"),
        ("createVolume", "VOLUME.CREATE"),
        ("deleteSecurityGroup", "SG.DELETE"),
        ("createTags", "CREATE_TAGS"),
    ],
)
def test_types_follow_from_commands(command: str, kind: str) -> None:
    """A type is noun and verb, but for the odd ones."""
    assert events.type_of(command) == kind
