"""Names, ids, labels and fingerprints: how CloudStack's words become Google's and back. Pure.

Oddities: a label whose key is one of our own tag keys (prefix `gstack-`, or `family`) is stored under the tag
`label:<key>`, since no label key contains a colon. CloudStack refuses empty tag values, so an empty label value is
stored as the tag value `(empty)`, which cannot be a label value. CloudStack silently cuts keys and values after 255
characters; Google allows only 63.
"""

import base64
import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from gstack.errors import Problem
from gstack.ids import gce_id as gce_id  # noqa: PLC0414  # re-exported: names and ids go together

NAME_PATTERN = r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"  # Google's discovery document, `Instance.name`
NAME_LENGTH = 63
DESCRIPTION_LENGTH = 2048  # characters, in prose of Google's document
EMPTY_VALUE = "(empty)"
KEPT_KEY = "label:"  # prefix of the tag of a label whose key is one of our own tag keys
LABEL_LENGTH = 63
LABELS_AT_MOST = 64
_LABEL_SIGNS = "only contain lowercase letters, numeric characters, underscores and dashes."  # Google's words
_LABEL_LENGTH = "can be at most 63 characters long. International characters are allowed."

_NAME = re.compile(NAME_PATTERN)
_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")
_LETTERS = {"Ll", "Lo"}


def is_name(text: str) -> bool:
    """Whether Google would accept this name (RFC 1035, at most 63 characters)."""
    return _NAME.fullmatch(text) is not None


@lru_cache(16384)  # pure, and asked again for every listing
def slug(name: str) -> str:
    """The nearest GCE name of any CloudStack name; a GCE name stays as it is."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") if not is_name(name) else name
    if not text[:1].isalpha():
        text = f"cs-{text or suffix(name)}"
    return text[:NAME_LENGTH].rstrip("-")


def suffix(text: str, length: int = 4) -> str:
    """A short stable suffix that distinguishes things with the same name: hexadecimal digits of the text's hash."""
    return _digest(text).hex()[:length]


def gce_names(named: Iterable[tuple[str, str]], taken: Collection[str] = ()) -> dict[str, str]:
    """(uuid, CloudStack name) -> {uuid: GCE name}, each name once and none that is `taken`.

    If several have the same slug, the only one whose CloudStack name is that slug keeps it. The others get a suffix
    from their uuid, so that a name does not depend on the order of a list.
    """
    pairs = dict(named)
    slugs = {uuid: slug(name) for uuid, name in pairs.items()}
    shared, exact = Counter(slugs.values()), Counter(name for uuid, name in pairs.items() if name == slugs[uuid])
    alone = {uuid for uuid, text in slugs.items() if shared[text] == 1 or (pairs[uuid] == text and exact[text] == 1)}
    names = {uuid: slugs[uuid] for uuid in alone if slugs[uuid] not in taken}
    used = {*taken, *names.values()}
    for uuid in sorted(slugs.keys() - names.keys()):
        names[uuid] = _apart(slugs[uuid], uuid, used)
        used.add(names[uuid])
    return names


def check_description(body: Mapping[str, Any], field: str = "resource.description") -> str:
    """The description in a body, empty if it has none; 400 if it is longer than Google allows."""
    description = str(body.get("description") or "")
    if len(description) > DESCRIPTION_LENGTH:
        raise Problem.invalid(field, f"at most {DESCRIPTION_LENGTH} characters are allowed.")
    return description


def _apart(text: str, uuid: str, taken: Collection[str]) -> str:
    for length in range(4, 33):
        name = f"{text[: NAME_LENGTH - length - 1].rstrip('-')}-{suffix(uuid, length)}"
        if name not in taken:
            return name
    raise ValueError(f"no free name for {uuid}")  # impossible: 32 digits of a hash differ


def check_name(field: str, value: object) -> str:
    """Return the name of a new resource. Raises Problem.required or Problem.invalid, as Google does."""
    if value is None or value == "":
        raise Problem.required(field)
    if not isinstance(value, str) or not is_name(value):
        raise Problem.invalid(field, f"'{value}'. Must be a match of regex '(?:{NAME_PATTERN})'")
    return value


def fingerprint(value: Any) -> str:
    """A hash of content, as base64: equal content has an equal fingerprint, whatever the order of its keys."""
    return base64.urlsafe_b64encode(hashlib.sha256(_canonical(value)).digest()[:8]).decode()


def check_fingerprint(sent: str | None, value: Any) -> None:
    """412 if a fingerprint was sent and does not match `value`, the present content. Old clients send none."""
    if sent and sent.rstrip("=") != fingerprint(value).rstrip("="):
        raise Problem.condition_not_met()


def check_label_fingerprint(sent: str | None, labels: Mapping[str, str]) -> None:
    """412 if a label fingerprint was sent and does not match the present labels."""
    if sent and sent.rstrip("=") != fingerprint(dict(labels)).rstrip("="):
        raise Problem.condition_not_met("Labels fingerprint either invalid or resource labels have changed")


def timestamp_of(created: str) -> str:
    """CloudStack's `2026-11-22T13:36:25+0000` as RFC 3339, as Google writes it; anything else becomes empty."""
    if not _CREATED.fullmatch(created):
        return ""
    return f"{created[:19]}.000{created[19:22]}:{created[22:]}"


def labels_to_tags(labels: Mapping[str, str]) -> list[dict[str, str]]:
    """Google's labels -> CloudStack's `tags[n]`, in the order of their keys."""
    return [{"key": _tag_key(key), "value": labels[key] or EMPTY_VALUE} for key in sorted(labels)]


def tags_to_labels(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """CloudStack's tags -> Google's labels, without our own tags."""
    shown = {str(tag["key"]): str(tag.get("value", "")) for tag in tags}
    labels = {key.removeprefix(KEPT_KEY): value for key, value in shown.items() if not _own(key)}
    return {key: "" if labels[key] == EMPTY_VALUE else labels[key] for key in sorted(labels)}


def check_labels(labels: object, field: str = "resource.labels") -> dict[str, str]:
    """Return labels that both Google and CloudStack accept. 400 names the label and the rule, in Google's words."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise Problem.invalid(field, "labels must be an object of strings.")
    if len(labels) > LABELS_AT_MOST:
        raise Problem.invalid(field, f"at most {LABELS_AT_MOST} labels are allowed, {len(labels)} were sent.")
    return {_label_key(field, key): _label_value(field, value) for key, value in labels.items()}


def _label_key(field: str, key: object) -> str:
    fits = isinstance(key, str) and 0 < len(key) <= LABEL_LENGTH and _is_label(key)
    if not isinstance(key, str) or not fits or unicodedata.category(key[0]) not in _LETTERS:
        rule = f"The key must start with a lowercase character, can {_LABEL_SIGNS} The key {_LABEL_LENGTH}"
        raise Problem.invalid(field, f"''. Label key '{key}' violates format constraints. {rule}")
    return key


def _label_value(field: str, value: object) -> str:
    text = "" if value is None else value
    if not isinstance(text, str) or len(text) > LABEL_LENGTH or not _is_label(text):
        rule = f"The value can {_LABEL_SIGNS} The value {_LABEL_LENGTH}"
        raise Problem.invalid(field, f"''. Label value '{value}' violates format constraints. {rule}")
    return text


def _is_label(text: str) -> bool:
    return all(sign in "_-" or _is_label_letter(unicodedata.category(sign)) for sign in text)


def _is_label_letter(category: str) -> bool:
    return category in _LETTERS or category.startswith("N")


def _own(key: str) -> bool:
    return key == "family" or key.startswith("gstack-")


def _tag_key(key: str) -> str:
    return f"{KEPT_KEY}{key}" if _own(key) else key


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
