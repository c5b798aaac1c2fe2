"""Keys and how they are kept."""

from __future__ import annotations

import stat
from pathlib import Path

from gstack.sandbox.settings import load_or_create_keys


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    """The accounts demo and other get random keys, kept in a file that only its owner reads."""
    first = load_or_create_keys(tmp_path / "home")
    assert [account.name for account in first] == ["demo", "other"]
    assert load_or_create_keys(tmp_path / "home") == first
    assert stat.S_IMODE((tmp_path / "home" / "sandbox.json").stat().st_mode) == 0o600
