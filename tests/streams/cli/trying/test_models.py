"""``ebb models``."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

from click.testing import CliRunner, Result

from models.registry import REGISTRY
from streams.cli import ebb
from streams.cli.context import Context
from tests.servers.commands import clean_environment


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ebb, ["models", *arguments], obj=Context(environ={}))


def test_every_model_is_listed_for_a_machine() -> None:
    listed = json.loads(run("--json").stdout)["models"]
    assert [each["name"] for each in listed] == list(REGISTRY)
    assert [each["name"] for each in listed if each["chosen"]] == ["bayes"]
    assert [each["name"] for each in listed if each["stages"]] == ["bayes"]
    by_name = {each["name"]: each for each in listed}
    rival = by_name["batch-lightgbm"]
    assert (rival["live"], rival["extra"]) == (False, "batch")
    assert rival["installed"] == (find_spec("lightgbm") is not None)
    assert by_name["logistic"]["extra"] is None
    assert all(each["source"] for each in listed)


def test_every_model_is_shown_to_people_with_a_line_each() -> None:
    lines = run().stdout.splitlines()
    assert len(lines) == len(REGISTRY)
    for line, (name, entry) in zip(lines, REGISTRY.items(), strict=True):
        assert line[2:].startswith(f"{name} ")
        assert entry.meaning in line
        assert ("backtest only" in line) == (not entry.live)
        assert line.startswith("*") == (name == "bayes")


def test_the_model_of_the_settings_is_the_one_that_is_marked() -> None:
    lines = run("--set", "model.name=recency").stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("*")] == ["recency"]


def test_settings_that_name_none_of_them_are_told_so() -> None:
    result = run("--set", "model.name=oracle")
    assert result.exit_code == 0
    assert "The settings name 'oracle', which is none of them." in result.stderr
    assert "*" not in result.stdout


def test_the_list_needs_no_river_and_no_server() -> None:
    code = (
        "import sys\n"
        "from streams.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('faust', 'river', 'kafka', 'redis', 'sklearn', 'lightgbm')"
        " if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "models"],
        capture_output=True,
        text=True,
        check=True,
        env=clean_environment({}),
    )
    assert done.stderr == "[]\n"
