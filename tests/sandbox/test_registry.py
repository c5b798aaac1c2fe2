"""How commands are found."""

from __future__ import annotations

from gstack.sandbox import catalog
from gstack.sandbox.commands import load
from gstack.sandbox.registry import COMMANDS, WORKS


def test_every_command_is_cloudstacks() -> None:
    """No command is made up: each one is in listApis, and each asynchronous one has its work."""
    load()
    entries = catalog.entries()
    assert set(COMMANDS) <= set(entries)
    lacking = {entry.name for name, entry in entries.items() if entry.isasync and name in COMMANDS} - set(WORKS)
    assert lacking == set()
