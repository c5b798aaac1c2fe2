"""Print the table of served methods, or put it into the README between its markers (`--write`).

The table comes from what the resources register, so it cannot promise more than there is.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from gstack import resources
from gstack.gateway.call import served
from gstack.gateway.discovery import methods

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- served:begin -->", "<!-- served:end -->"


def table(method_ids: Iterable[str]) -> str:
    """Return a markdown table: a row per collection, its methods in the order of their names."""
    collections: defaultdict[str, list[str]] = defaultdict(list)
    for method_id in sorted(method_ids):
        _, collection, verb = method_id.split(".")
        collections[collection].append(f"`{verb}`")
    rows = (f"| {name} | {', '.join(verbs)} |" for name, verbs in sorted(collections.items()))
    return "\n".join(("| collection | methods |", "| --- | --- |", *rows))


def replaced(text: str, new: str) -> str:
    """Return a text with what stands between the markers replaced; ValueError where they are missing."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"{BEGIN} and {END} must both stand in the file")
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{new}\n{END}{rest.split(END, 1)[1]}"


def main() -> None:
    """Print the table, or write it."""
    resources.load()
    if strange := served().keys() - methods().keys():
        raise SystemExit(f"no such methods in Google's document: {', '.join(sorted(strange))}")
    new = table(served())
    if "--write" not in sys.argv[1:]:
        print(new)
        return
    README.write_text(replaced(README.read_text("utf-8"), new), "utf-8")


if __name__ == "__main__":
    main()
