"""The tool that makes the discovery data."""

import gzip
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFRESH = tool("refresh_discovery")


def shipped() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(REFRESH.TARGET.read_bytes()))
    return found


def test_the_shipped_file_is_what_the_tool_makes() -> None:
    """Nobody edited the data by hand: the installed package of the same revision gives it, fact for fact."""
    source = REFRESH.source()
    if source["revision"] != shipped()["revision"]:
        pytest.skip(f"installed {source['revision']}, shipped {shipped()['revision']}: run make refresh-discovery")
    assert REFRESH.facts(source) == shipped()


def test_the_same_input_gives_the_same_bytes() -> None:
    """No date and no order of chance is in the file."""
    document = shipped()
    packed = REFRESH.packed(document)
    assert packed == REFRESH.packed(dict(reversed(document.items())))
    assert packed[4:8] == b"\0\0\0\0"


def test_no_prose_is_kept() -> None:
    """Descriptions stay out, at every depth; a property may be called `description`, and then describes itself."""

    def prose(value: Any, named: bool) -> bool:
        if isinstance(value, list):
            return any(prose(inner, named=False) for inner in value)
        if not isinstance(value, dict):
            return False
        if not named and isinstance(value.get("description"), str):
            return True
        return any(prose(inner, name in {"properties", "parameters", "schemas"}) for name, inner in value.items())

    assert not prose(shipped(), named=False)


def test_nested_resources_are_not_lost_in_silence() -> None:
    """A document with more levels than today's stops the tool."""
    document = {**REFRESH.source(), "resources": {"a": {"methods": {}, "resources": {}}}}
    with pytest.raises(ValueError, match="nested resources"):
        REFRESH.facts(document)
