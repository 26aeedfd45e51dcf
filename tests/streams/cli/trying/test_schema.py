"""``ebb schema``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streams.cli import ebb
from streams.cli.context import Context
from streams.schemas import WIRES, json_schema


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ebb, ["schema", *arguments], obj=Context(environ={}))


@pytest.mark.parametrize("name", WIRES)
def test_a_message_is_printed_as_its_schema(name: str) -> None:
    assert json.loads(run(name).stdout) == json_schema(name)


def test_without_a_message_all_are_listed_with_where_they_are_found() -> None:
    lines = run().stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(WIRES)
    assert lines[0] == "event        value on clickstream"


def test_all_are_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "schemas"
    result = run("--all", "--output", str(folder))
    assert result.exit_code == 0
    written = sorted(folder.iterdir())
    assert result.stdout.split() != []
    assert [path.name for path in written] == sorted(f"{name}.schema.json" for name in WIRES)
    assert json.loads((folder / "event.schema.json").read_text()) == json_schema("event")


def test_all_without_a_folder_says_what_is_missing() -> None:
    result = run("--all")
    assert (result.exit_code, result.output) == (
        2,
        "Error: --all writes files; say where with --output DIR\n",
    )


def test_a_folder_that_cannot_be_written_is_a_clear_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("event", "--output", str(tmp_path / "file" / "below"))
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_an_unknown_message_is_refused_with_those_that_there_are() -> None:
    result = run("evnt")
    assert result.exit_code == 2
    assert "'event', 'alert'" in result.output
