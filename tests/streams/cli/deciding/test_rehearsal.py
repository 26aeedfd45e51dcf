"""What ``ebb policy rehearse`` says of a policy file on a finished backtest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from features import format_duration
from models.playbooks import Group, encode_learnt
from streams.cli import Context, ebb
from tests.models.playbooks.lessons import learnt_of
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


def test_what_was_learnt_steers_a_rehearsal_as_it_will_the_workers(
    folder: Path, tmp_path: Path
) -> None:
    """What drives away in one segment is done there for explorers alone."""
    text = EXAMPLE.read_text(encoding="utf-8") + '[steering]\nresponse = "r.json"\nexplore = 0.5\n'
    (tmp_path / "policy.toml").write_text(text, encoding="utf-8")

    def told(*groups: Group) -> dict[str, Any]:
        (tmp_path / "r.json").write_bytes(encode_learnt(learnt_of(*groups, by=())))
        found = json.loads(run(tmp_path / "policy.toml", folder, "--json").stdout)
        return {each["playbook"]: each for each in found["playbooks"]}

    before, nothing = json.loads(run(EXAMPLE, folder, "--json").stdout)["playbooks"][-1], told()
    remind = nothing["remind"]
    assert before.items() <= remind.items()
    assert (remind["steered"], remind["explored"] > 0) == (0, True)
    harms = Group(
        **{"playbook": "remind", "where": (), "treated": 900, "held_out": 300, "risk": 0.7},
        **{"lift": -0.2, "error": 0.03, "low": -0.3, "high": -0.1},
    )
    steered = told(harms)["remind"]
    assert steered["explored"] == steered["done"] + steered["held_out"] == remind["explored"] > 0
    assert steered["blocked"]["harms"] > 0
    said = run(tmp_path / "policy.toml", folder).stdout
    assert f"remind 0 times by what was learnt, {steered['explored']:,} explored" in said
