"""What ``ebb policy rehearse`` says of a policy file on a finished backtest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from features import format_duration
from streams.cli import Context, ebb
from tests.servers import ROOT
from tests.streams.replay.backtested import SETTINGS, shoppers
from tests.streams.replay.kept import kept

EXAMPLE = ROOT / "examples" / "policy.toml"
ENVIRON = {
    "EBB_HORIZON": format_duration(SETTINGS.churn.horizon),
    "EBB_ACTIVE": format_duration(SETTINGS.churn.active),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rehearsal") / "out"
    return kept(place, shoppers(3, customers=60), vectors=True)


def run(*words: str | Path) -> Result:
    command = ["policy", "rehearse", *map(str, words)]
    return CliRunner().invoke(ebb, command, obj=Context(environ=ENVIRON))


def test_each_playbook_has_a_line_with_what_became_of_it(folder: Path) -> None:
    result = run(EXAMPLE, folder)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "decision points of" in lines[0]
    assert lines[2].split() == [
        *("playbook", "fits", "done", "held", "customers", "a", "day", "most", "cost", "in"),
        *("the", "way"),
    ]
    names = [line.split()[0] for line in lines[3:8]]
    assert names == ["make-good", "too-new", "call-the-best", "bargains", "remind"]
    assert lines[-1].startswith("in all: ")
    assert result.stderr.splitlines() == [
        "Customers did what they did: what an action changes cannot be seen here.",
        "Consents are not in a backtest: everybody counts as having consented.",
        "Traits are not in a backtest: no condition on tier holds.",
    ]


def test_a_machine_reads_the_same(folder: Path) -> None:
    told = json.loads(run(EXAMPLE, folder, "--json").stdout)
    assert told["decisions"] > 100
    assert any(each["done"] for each in told["playbooks"])
    for each in told["playbooks"]:
        taken = each["done"] + each["held_out"] + each["left_in_peace"]
        assert each["fitted"] == taken + sum(each["blocked"].values())
        assert each["customers"] <= each["done"] + each["held_out"]


def test_what_cannot_be_rehearsed_is_refused(folder: Path, tmp_path: Path) -> None:
    bare = kept(tmp_path / "bare", shoppers(3, customers=10))
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("version = 1\n")
    for words, code, said in (
        ((EXAMPLE, bare), 2, "run the backtest with --vectors"),
        ((EXAMPLE, tmp_path), 2, "Error: "),
        ((wrong, folder), 1, "there is no playbook; write [[playbook]]"),
        (("nix.toml", folder), 2, "nix.toml: cannot be read"),
    ):
        result = run(*words)
        assert (result.exit_code, result.stdout) == (code, "")
        assert said in result.stderr
        assert "Traceback" not in result.stderr
