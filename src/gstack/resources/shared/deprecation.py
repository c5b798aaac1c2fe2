"""Google's DeprecationStatus of an image <-> tags of the template. Whoever sees the template sees its tags. Pure.

As with Google, the dates are only information: no state changes by itself. They are kept as they were sent, since
gcloud writes them without a time zone.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gstack.errors import Problem

STATE, REPLACEMENT = "gstack-state", "gstack-replacement"
DATES = {name: f"gstack-{name}-on" for name in ("deprecated", "obsolete", "deleted")}
ACTIVE = "ACTIVE"
UNUSABLE = frozenset({"OBSOLETE", "DELETED"})


def state_of(tags: Iterable[Mapping[str, Any]]) -> str:
    """ACTIVE, DEPRECATED, OBSOLETE or DELETED."""
    return _values(tags).get(STATE, ACTIVE)


def replacement_of(tags: Iterable[Mapping[str, Any]]) -> str:
    """The image to use instead, `projects/p/global/images/i`, or empty."""
    return _values(tags).get(REPLACEMENT, "")


def to_gce(tags: Iterable[Mapping[str, Any]], replacement: str) -> dict[str, str]:
    """A DeprecationStatus with this URL as replacement; empty for an active image."""
    values = _values(tags)
    shown = {name: values[tag] for name, tag in DATES.items() if tag in values}
    shown |= {"replacement": replacement} if replacement else {}
    state = values.get(STATE, "")
    return shown | ({"state": state or ACTIVE} if state or shown else {})


def to_cloudstack(status: Mapping[str, str], replacement: str) -> dict[str, str]:
    """The tags of a status as it was sent; an empty value removes a tag."""
    dates = {tag: _checked(name, status.get(name, "")) for name, tag in DATES.items()}
    state = status.get("state", "")
    return {STATE: "" if state == ACTIVE else state, REPLACEMENT: replacement, **dates}


def _checked(name: str, text: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or "T" not in text:
        raise Problem.invalid(name, f"'{text}'. Must be a time as RFC 3339 writes it: 2026-01-31T12:00:00Z.")
    return text


def _values(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(tag["key"]): str(tag.get("value", "")) for tag in tags}
