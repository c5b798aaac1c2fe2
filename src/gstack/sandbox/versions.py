"""The CloudStack version to play: commands, parameters and fields of later versions are missing.

listApis tells with which version a command or a parameter came (`since`). Older clouds refuse an unknown command and
silently ignore an unknown parameter. listApis has no versions of fields in answers: this module lists those known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ALL = tuple(f"4.{minor}" for minor in range(16, 24))
NEWEST = ALL[-1]
# Fields that came with a version, by the object that shows them. Source: recordings of 4.22 and 4.23.
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "capability": {"snapshotshowchainsize": "4.23"},
    "loadbalancerruleinstance": {"isos": "4.23", "isomaxcount": "4.23", "deleteprotection": "4.20"},
    "nic": {"enabled": "4.23"},
    "portforwardingrule": {"networkname": "4.23"},
    "virtualmachine": {"isos": "4.23", "isomaxcount": "4.23", "deleteprotection": "4.20"},
    "volume": {"deleteprotection": "4.20"},
    "vpc": {"vpcofferingconservemode": "4.23"},
    "vpcoffering": {"conservemode": "4.23"},
}


def number(text: str) -> tuple[int, int, int]:
    """Return a version such as `4.18`, `4.15.0.0` or `4.9+` as three numbers that can be compared."""
    parts = [int(part) for part in re.findall(r"\d+", text)[:3]]
    return (*parts, *(0 for _ in range(3 - len(parts))))  # type: ignore[return-value]  # three by construction


def has(version: str, since: str | None) -> bool:
    """Tell whether `version` has what came with `since`; None means that it always existed."""
    return since is None or number(since) <= number(version)


def as_of(version: str, answer: Any, name: str = "") -> Any:
    """Return an answer without the fields that came after `version`."""
    if version == NEWEST:
        return answer
    if isinstance(answer, list):
        return [as_of(version, entry, name) for entry in answer]
    if not isinstance(answer, dict):
        return answer
    later = {field for field, since in _FIELDS.get(name, {}).items() if not has(version, since)}
    return {field: as_of(version, value, field) for field, value in answer.items() if field not in later}
