"""The rules of the house that no tool of the trade checks."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT

FLOORS = ("features", "models", "streams")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
SHORT, LONGEST = 300, 500


def modules(root: Path) -> dict[str, Path]:
    """Return every module and package of the house by its dotted name."""
    found = {}
    for floor in FLOORS:
        for path in sorted((root / floor).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every module of the house that a file imports."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in known:
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            whence = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                # `from features import tiles` reaches the module as surely as
                # `import features.tiles` does.
                inner = f"{whence}.{alias.name}"
                if inner in known or whence in known:
                    yield node.lineno, inner if inner in known else whence


def is_door(name: str, known: dict[str, Path]) -> bool:
    """Tell whether a module is one that other rooms may import: a floor, or a room on it."""
    return known[name].name == "__init__.py" and name.count(".") <= 1


def windows(root: Path) -> list[str]:
    """Return every import that reaches into a room other than through its door."""
    known = modules(root)
    broken = []
    for name, path in known.items():
        for line, target in imports(name, path, known):
            room = target.rpartition(".")[0]
            at_home = name == room or name.startswith(f"{room}.")
            if not at_home and not is_door(target, known):
                broken.append(f"{path.relative_to(root)}:{line} reaches into {room}: {target}")
    return broken


def test_no_room_is_reached_through_a_window() -> None:
    assert windows(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "allowed"),
    [
        ("models/learning/prior.py", "from features import Event", True),
        ("models/learning/prior.py", "from features.store import Store", True),
        ("models/learning/prior.py", "from features.tiles import Tiles", False),
        ("models/learning/prior.py", "from features import tiles", False),
        ("models/learning/prior.py", "import features.tiles", False),
        ("models/learning/prior.py", "from features.store.memory import Memory", False),
        ("models/learning/prior.py", "from models.learning.labels import mature", True),
        ("models/learning/prior.py", "from .labels import mature", True),
        ("models/learning/prior.py", "from ..judging import reasons", False),
        ("features/tiles.py", "from features.store.memory import Memory", False),
        ("features/store/memory.py", "from features.tiles import Tiles", True),
        ("streams/pipeline.py", "from streams.live.worker import Worker", False),
        ("streams/live/worker.py", "from streams.settings import Settings", True),
        ("streams/live/worker.py", "    from models.learning.labels import mature", False),
    ],
)
def test_a_window_is_told_from_a_door(file: str, line: str, allowed: bool, tmp_path: Path) -> None:
    house = [
        *("features/__init__.py", "features/tiles.py"),
        *("features/store/__init__.py", "features/store/memory.py"),
        *("models/__init__.py", "models/learning/__init__.py", "models/learning/labels.py"),
        *("models/learning/prior.py", "models/judging/__init__.py", "models/judging/reasons.py"),
        *("streams/__init__.py", "streams/settings.py", "streams/pipeline.py"),
        *("streams/live/__init__.py", "streams/live/worker.py"),
    ]
    for name in house:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    text = f"def late():\n{line}\n" if line.startswith(" ") else f"{line}\n"
    (tmp_path / file).write_text(text)

    assert (windows(tmp_path) == []) is allowed


def test_every_module_is_named_for_what_it_knows() -> None:
    named = {part for name in modules(ROOT) for part in name.split(".")}
    assert named & NAMES_THAT_SAY_NOTHING == set()


def test_every_room_says_at_its_door_what_is_known_there() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules(ROOT).values()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def without_a_door(folders: Iterable[Path]) -> list[str]:
    """Return the folders that are not packages."""
    return sorted(
        str(folder.relative_to(ROOT))
        for folder in set(folders)
        if not (folder / "__init__.py").is_file()
    )


def test_every_folder_of_code_has_a_door() -> None:
    folders = {path.parent for path in modules(ROOT).values()}
    assert [
        str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").is_file()
    ] == []


def test_most_files_are_short_and_none_needs_a_table_of_contents() -> None:
    lines = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in modules(ROOT).values()
    }
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}
    assert sum(count > SHORT for count in lines.values()) < len(lines) / 5


def foreign(path: Path) -> set[str]:
    """Return the libraries that a file imports by name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(FLOORS) - sys.stdlib_module_names


def test_every_library_that_is_imported_is_declared_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    asked = [*project["dependencies"], *optional["embedded"], *optional["parquet"]]
    asked += [*optional["collect"], *optional["report"], *optional["mlflow"]]
    declared = {re.split(r"[^\w.-]", line)[0] for line in [*asked, *optional["fast"]]}
    explained = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    by_module = importlib.metadata.packages_distributions()

    used = set().union(*(foreign(path) for path in modules(ROOT).values()))

    # Some are written in capitals by those who make them.
    known = {module: {name.lower() for name in names} for module, names in by_module.items()}
    assert {module for module in used if not declared & known.get(module, set())} == set()
    every = declared | {re.split(r"[^\w.-]", line)[0] for line in optional["dev"]}
    every.remove("ebbtide")
    assert {name for name in every if f"| {name} |" not in explained} == set()


def test_every_test_folder_is_a_package() -> None:
    # Without its own `tests` above it, `tests/streams` would stand in for the real `streams`.
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [
        str(f.relative_to(ROOT)) for f in sorted(folders) if not (f / "__init__.py").is_file()
    ] == []


def test_the_locks_name_no_place_and_hash_everything() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock
        assert "--find-links" not in text, lock
        for pinned in text.replace("\\\n", " ").splitlines():
            if pinned and not pinned.startswith("#"):
                assert "==" in pinned, (lock, pinned)
                assert "--hash=sha256:" in pinned, (lock, pinned)


def test_the_locks_agree_on_every_version() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        return {line.rstrip(" \\") for line in text.splitlines() if "==" in line}

    assert pins("base") < pins("demo") < pins("dev")
