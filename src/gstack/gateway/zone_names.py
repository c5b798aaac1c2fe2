"""Zones in answers: a request that names a zone by its alias is answered with the alias, everywhere in the answer.

Lists show one name for a zone. A client that was configured with the alias compares what it reads with what it wrote:
Terraform would replace a disk whose zone seems to have changed.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_CONTENT = frozenset({"metadata", "labels", "description"})  # what users wrote is theirs


def in_alias(answer: Any, listed: str, alias: str) -> Any:
    """Return the answer with `alias` in place of the zone's `listed` name: in URLs, in paths, and in `zone` fields."""
    path = re.compile(rf"((?:^|/)zones/){re.escape(listed)}(?=/|$)")
    return _renamed(answer, lambda text: path.sub(rf"\g<1>{alias}", text), listed, alias)


def _renamed(value: Any, rename: Callable[[str], str], listed: str, alias: str) -> Any:
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, (list, tuple)):
        return [_renamed(item, rename, listed, alias) for item in value]
    if not isinstance(value, Mapping):
        return value
    renamed = {
        name: inner if name in _CONTENT else _renamed(inner, rename, listed, alias) for name, inner in value.items()
    }
    if value.get("zone") == listed:  # machine types have the bare name
        renamed["zone"] = alias
    if value.get("kind") == "compute#zone" and value.get("name") == listed:
        renamed["name"] = alias
    return renamed
