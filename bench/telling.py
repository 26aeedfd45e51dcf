"""What a measurement found: on the terminal, as JSON, and kept in ``bench/README.md``."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
_README = HERE / "README.md"
_BAR = 16


@dataclass(frozen=True)
class Grid:
    """A table: the first column is words, the others are figures, unless named in ``words``."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Findings:
    """What a measurement found: tables for people, and everything for a machine."""

    name: str
    grids: Sequence[Grid]
    facts: Mapping[str, Any]
    notes: Sequence[str] = field(default_factory=list)


def shares(rows: Mapping[str, Mapping[str, float]]) -> Grid:
    """Return a table of how much of one core each process had."""
    names = list(dict.fromkeys(name for each in rows.values() for name in each))
    lines = [
        [label, *(f"{each[name]:.0%}" if name in each else "" for name in names)]
        for label, each in rows.items()
    ]
    return Grid("share of one core that each process had", ["", *names], lines)


def machine() -> dict[str, Any]:
    """Return what the machine is, and how busy it was."""
    model = platform.processor() or platform.machine()
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
        model = found[1] if found else model
        memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("utf-8"))
    except OSError:
        memory = None
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory[1]) / 2**20) if memory else None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load": round(os.getloadavg()[0], 1),
        "commit": _commit(),
    }


def _commit() -> str:
    command = ("git", "describe", "--always", "--dirty")
    try:
        said = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return said.stdout.strip()


def show(findings: Findings, console: Console) -> None:
    """Print the tables."""
    for grid in findings.grids:
        table = Table(title=grid.title, title_justify="left", title_style="bold")
        for place, column in enumerate(grid.columns):
            words = place == 0 or column in grid.words
            table.add_column(
                column, justify="left" if words else "right", no_wrap=place == 0 or not words
            )
        for row in grid.rows:
            table.add_row(*row)
        console.print(table)
    for note in findings.notes:
        console.print(note, markup=False, highlight=False)


def bar(value: float, most: float) -> str:
    """Return a bar of blocks.

    >>> bar(50, 100) == "█" * 8
    True
    """
    return "█" * max(1, round(_BAR * value / most))


def keep(findings: Findings, command: str, backends: str, before: Mapping[str, Any]) -> None:
    """Write the results beside the README, and the tables into it."""
    RESULTS.mkdir(exist_ok=True)
    said = {"command": command, "machine": before, "backends": backends, **findings.facts}
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{findings.name}.json").write_text(text, encoding="utf-8")
    drawing = RESULTS / f"{findings.name}.svg"
    drawn = "rows" in findings.facts and _draw(findings.facts["rows"], drawing)
    picture = f"\n![events a second](results/{drawing.name})\n" if drawn else ""
    paper = StringIO()
    show(findings, Console(file=paper, width=118))
    about = (
        f"`{command}`, {before['cores']} cores ({before['cpu']}), {before['memory_gb']} GB, Python"
        f" {before['python']}, load {before['load']} before; {backends}; commit"
        f" {before['commit']}:"
    )
    body = "".join(f"    {line}".rstrip() + "\n" for line in paper.getvalue().splitlines())
    readme = replaced(
        _README.read_text(encoding="utf-8"), findings.name, f"{about}\n\n{body}{picture}"
    )
    _README.write_text(readme, encoding="utf-8")


def replaced(text: str, name: str, body: str) -> str:
    """Return a text with the results of that name in their place.

    >>> replaced("<!-- results: a -->\\nold\\n<!-- end -->\\n", "a", "new\\n")
    '<!-- results: a -->\\nnew\\n<!-- end -->\\n'
    """
    start, end = f"<!-- results: {name} -->\n", "<!-- end -->"
    head, found, rest = text.partition(start)
    if not found:
        raise ValueError(f"there is no place for the results of {name}")
    return head + start + body + end + rest.partition(end)[2]


def _draw(rows: Sequence[Mapping[str, Any]], path: Path) -> bool:
    """Draw bars with their ranges; return False where the library is not installed."""
    try:
        import altair
        import vl_convert  # noqa: F401  # what altair saves with
    except ImportError:
        return False
    data = altair.Data(values=[dict(row) for row in rows])
    names = altair.Y("peer:N", sort=None, title=None)
    bars = (
        altair.Chart(data)
        .mark_bar()
        .encode(
            y=names,
            x=altair.X("median:Q", title="events a second (median; range)"),
            color=altair.condition(
                "datum.peer == 'ebbtide'", altair.value("#0b6e99"), altair.value("#b8c4cc")
            ),
        )
    )
    ranges = altair.Chart(data).mark_rule(color="#333").encode(y=names, x="low:Q", x2="high:Q")
    (bars + ranges).properties(width=520).save(str(path))
    return True
