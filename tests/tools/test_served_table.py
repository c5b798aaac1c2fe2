"""The tool that writes the table of served methods."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = tool("served_table")


def test_the_table_has_a_row_per_collection() -> None:
    """Collections and methods stand in the order of their names."""
    made = TABLE.table(["compute.zones.list", "compute.disks.insert", "compute.disks.get"])
    assert made.splitlines()[2:] == ["| disks | `get`, `insert` |", "| zones | `list` |"]


def test_only_what_is_between_the_markers_is_replaced() -> None:
    """The rest of the README stays."""
    text = "a\n<!-- served:begin -->\nold\n<!-- served:end -->\nb"
    assert TABLE.replaced(text, "new") == "a\n<!-- served:begin -->\nnew\n<!-- served:end -->\nb"
    with pytest.raises(ValueError, match="must both stand"):
        TABLE.replaced("nothing", "new")
