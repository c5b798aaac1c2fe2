"""Metadata of a project or an instance: its items are checked and shown with a fingerprint. Pure.

The limits are Google's: keys of 1 to 128 letters, digits, `-` and `_`; values of 256 KiB; 512 KiB in all.
"""

import re
from collections.abc import Mapping
from typing import Any

from gstack.errors import Problem
from gstack.resources.shared.naming import fingerprint

KEY_LENGTH = 128
VALUE_BYTES = 262_144
TOTAL_BYTES = 524_288
_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_gce(items: Mapping[str, str]) -> dict[str, Any]:
    """Google's Metadata of these items, in their order."""
    shown: dict[str, Any] = {"kind": "compute#metadata", "fingerprint": fingerprint(dict(items))}
    return shown | ({"items": [{"key": key, "value": value} for key, value in items.items()]} if items else {})


def check_metadata(metadata: object, field: str) -> dict[str, str]:
    """The items that a client sent; nulls count as absent. 400 names the key and the rule that it breaks."""
    sent = metadata.get("items") if isinstance(metadata, Mapping) else None
    items: dict[str, str] = {}
    for item in sent or ():
        key, value = _item(item, f"{field}.items")
        if key in items:
            raise Problem.invalid(f"{field}.items", f"metadata has duplicate keys: {key}")
        items[key] = value
    if sum(len(key) + len(value.encode()) for key, value in items.items()) > TOTAL_BYTES:
        raise Problem.invalid(f"{field}.items", f"metadata may have at most {TOTAL_BYTES} bytes in total.")
    return items


def _item(item: object, field: str) -> tuple[str, str]:
    if not isinstance(item, Mapping) or not isinstance(item.get("key"), str):
        raise Problem.required(f"{field}.key")
    key, value = str(item["key"]), item.get("value")
    if len(key) > KEY_LENGTH or not _KEY.fullmatch(key):
        raise Problem.invalid(f"{field}.key", f"'{key}' must be 1 to {KEY_LENGTH} letters, digits, '-' or '_'.")
    text = "" if value is None else str(value)
    if len(text.encode()) > VALUE_BYTES:
        raise Problem.invalid(f"{field}.value", f"the value of '{key}' is larger than {VALUE_BYTES} bytes.")
    _refuse_os_login(key, text, field)
    return key, text


def _refuse_os_login(key: str, value: str, field: str) -> None:
    """Refuse OS Login: gcloud would send SSH keys to a service that does not exist here, and nobody could log in."""
    if key.lower() == "enable-oslogin" and value.strip().lower() in {"true", "1", "yes", "y"}:
        raise Problem.unsupported(field, "OS Login is not available on this cloud. Use the metadata key 'ssh-keys'.")
