"""The rules of the house, held by machine. Each message says what to do instead."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "gstack"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "migrations/versions" not in path.as_posix())

# Who may import whom. A room may always import itself; the files at the top of the house import all.
ALLOWED = {
    "resources": {
        "gateway.call", "gateway.links", "gateway.listing", "gateway.operations", "firewalling",
        "operations.model", "operations.nested", "operations.recipes",
        "cloudstack", "errors", "ids", "config", "db.sidecar", "auth.caller",
    },
    "gateway": {"errors", "config", "db", "wildcards"},
    "gateway.call": {"errors", "config", "db", "cloudstack", "operations", "auth.caller"},
    "gateway.operations": {"operations.model"},
    "operations": {"errors", "config", "db", "cloudstack"},
    "auth": {"errors", "config", "db", "cloudstack", "wildcards"},
    "cloudstack": {"errors"},
    "db": {"errors", "config", "ids"},
    "firewalling": set(),
    "sandbox": set(),
    "errors": set(),
    "ids": set(),
    "wildcards": set(),
    "config": set(),
}  # fmt: skip
# The floors of resources, from the ground up: a floor imports only what is below it. Other folders hold collections.
FLOORS = ("shared", "inventory", "steps")
GATEWAY = {
    "shared": set(),
    "inventory": {"gateway.links"},
    "steps": set(),
}  # of the gateway; collections take what they like
OPERATIONS = {"shared": False, "inventory": False, "steps": True}
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|base)($|_)")


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, without `gstack.`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "gstack":
            module = node.module.removeprefix("gstack").lstrip(".")
            yield from (f"{module}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name[7:] for alias in node.names if alias.name.startswith("gstack."))


def room_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def permitted(module: str, imported: str) -> bool:
    room = room_of(module)
    if room_of(imported) == room:
        return True
    rules = ALLOWED.get(module, ALLOWED.get(room))
    if rules is None or imported == "__version__":
        return True
    return any(imported == rule or imported.startswith(f"{rule}.") for rule in rules)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_follow_the_plan(path: Path) -> None:
    """A room imports only what the plan of the house lets it import."""
    module = name_of(path)
    wrong = sorted({imported for imported in imports(path) if not permitted(module, imported)})
    assert not wrong, f"{module} imports {wrong}. Hand it in from app.py, or move it to the room that owns it."


def collection_of(module: str) -> str:
    """`resources.storage.disks` of `resources.storage.disks` and of all that is in a folder of this name."""
    return ".".join(module.split(".")[:3])


def floor_of(module: str) -> int:
    """The floor of a module of resources: collections are on the top."""
    folder = module.split(".")[1]
    return FLOORS.index(folder) if folder in FLOORS else len(FLOORS)


def misplaced(module: str, imported: str) -> str:
    """Why a module of resources may not import this; empty where it may."""
    floor = floor_of(module)
    if imported.startswith("resources."):
        if floor_of(imported) > floor:
            return f"it is on a higher floor: what {collection_of(module)} needs of it belongs into {FLOORS[floor]}/"
        if floor == len(FLOORS) == floor_of(imported) and collection_of(imported) != collection_of(module):
            return "a collection imports no collection: what both need goes to steps/, inventory/ or shared/"
    elif floor < len(FLOORS):
        name = FLOORS[floor]
        if imported.startswith("gateway.") and not any(imported.startswith(one) for one in GATEWAY[name]):
            return f"{name}/ knows no request: hand in what it needs (inventory.reader.Reader)"
        if imported.startswith("operations.") and not OPERATIONS[name]:
            return f"{name}/ knows no operation: what records steps belongs into steps/"
    return ""


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(SOURCE / "resources")], ids=name_of)
def test_floors_of_resources(path: Path) -> None:
    """A floor of resources imports only what is below it, and a collection imports no collection."""
    module = name_of(path)
    if module == "resources":
        return
    wrong = {imported: why for imported in imports(path) if (why := misplaced(module, imported))}
    assert not wrong, "\n".join(f"{module} imports {one}: {why}" for one, why in wrong.items())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    """Every module that has code begins with a docstring."""
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), f"{path}: say in a docstring what this module is (and maps)"


def test_names_explain_themselves() -> None:
    """No module is called utils, helpers, common or the like."""
    vague = [name_of(path) for path in MODULES if BANNED_NAMES.search(path.stem) and path.stem != "__init__"]
    assert not vague, f"{vague}: name a module after the one thing that it does"


def test_every_module_has_its_test() -> None:
    """src/gstack/a/b.py is tested by tests/a/test_b.py; the list of exceptions may only shrink."""
    listed = set((ROOT / "tests" / "untested.txt").read_text().split())
    missing = {name_of(path) for path in MODULES if path.stem not in {"__init__", "__main__"} and not has_test(path)}
    assert missing <= listed, f"{sorted(missing - listed)}: write the test file of the same name"
    assert listed <= missing, f"{sorted(listed - missing)}: has its test now; take it off tests/untested.txt"


def has_test(path: Path) -> bool:
    relative = path.relative_to(SOURCE)
    folder = ROOT / "tests" / relative.parent
    return (folder / f"test_{path.stem}.py").exists()


# Names that belong to nobody's vocabulary, with the word of docs/glossary.md to use instead.
STRANGE = {
    "asked": "request", "told": "reference, or the name of what it is", "wish": "spec", "held": "locked or reserved",
    "kept": "stored", "made": "created", "known": "the noun", "maker": "temporary machine",
    "spare": "the noun", "tenure": "lease", "turns": "locks", "patience": "back_off", "there": "existing",
    "its": "the noun",
}  # fmt: skip


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that a file gives: of functions, classes, parameters, variables and the file itself."""
    yield 1, path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_are_of_the_glossary(path: Path) -> None:
    """No name is one of the words that this project once made up."""
    strange = {
        f"line {line}: {name} (say: {STRANGE[name.strip('_').lower()]})"
        for line, name in names_in(path)
        if name.strip("_").lower() in STRANGE
    }
    assert not strange, f"{path}: {sorted(strange)}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sources_cite_documents_that_exist(path: Path) -> None:
    """A document that a source names is in the repository: nobody can read another."""
    text = path.read_text()
    cited = set(re.findall(r"[\w/.-]+\.md\b", text))
    missing = [name for name in cited if not (ROOT / name).exists() and not (ROOT / "docs" / name).exists()]
    missing += re.findall(r"\bDESIGN[ :]\S+", text)
    modules = {name.rstrip(".") for name in re.findall(r"`(gstack(?:\.[a-z_]+)+)`", text)}
    existing = {f"gstack.{name_of(module)}" for module in MODULES}
    folders = {name.split(".")[1] for name in existing if name.count(".") > 1}
    missing += [
        name for name in modules if name.split(".")[1] in folders and not {name, name.rpartition(".")[0]} & existing
    ]
    assert not missing, f"{path} cites {missing}: say it in words, or write the document"


def test_every_dependency_is_used() -> None:
    """Each dependency in pyproject.toml is imported in src, or is a driver that a database URL names."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[>=<]", requirement)[0].replace("-", "_") for requirement in listed}
    sources = [path.read_text() for path in MODULES]
    imported = {found for text in sources for found in re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE)}
    drivers = {found for text in sources for found in re.findall(r"(?:sqlite|postgresql)\+(\w+)", text)}
    unused = sorted(names - imported - drivers)
    assert not unused, f"{unused}: nothing imports them; take them off pyproject.toml and run `uv lock`"


def test_nothing_of_ours_is_patched() -> None:
    """Tests enter by the front door."""
    patched = re.compile(r"monkeypatch\.setattr\(|mocker\.|unittest\.mock")
    guilty = [
        path.name
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__) and patched.search(path.read_text())
    ]
    assert not guilty, f"{guilty}: use the sandbox and its fault switches, or hand the part in as an argument"


def test_the_repository_speaks_of_the_project_alone() -> None:
    """No file holds a path of somebody's machine."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("no git checkout")
    private = re.compile(r"/(?:work|home/[a-z]+|root)/[a-z]")
    files = [ROOT / name for name in tracked.stdout.split() if name.endswith((".py", ".md", ".toml", ".txt", ".json"))]
    guilty = [str(path.relative_to(ROOT)) for path in files if path.exists() and private.search(path.read_text())]
    assert not guilty, f"{guilty}: name paths relative to the project or to $GSTACK_HOME"
