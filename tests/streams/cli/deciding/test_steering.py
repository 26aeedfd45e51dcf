"""``ebb effect --write-response``, and a policy file that is steered by what it has written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from features import encode_event
from models.deciding import Obstacle, Offer, Play
from models.playbooks import choose, decode_learnt, encode_learnt
from streams.cli import Context, ebb
from streams.cli.deciding.plans import course_as_dict, show_course
from streams.planning import read_policy
from streams.situations import situation_of
from tests.streams.cli.deciding.test_playbooks import SHOP, dossier
from tests.streams.effect.small_shop import COST, HOLDOUT, small_shop

POLICY = """version = 1
currency = "EUR"
holdout = { share = 0.3 }
[[playbook]]
name = "offer"
uplift = 0.1
action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 1.25 }
[[playbook]]
name = "remind"
uplift = 0.05
action = { kind = "message", channel = "email" }
[steering]
response = "response.json"
least = 50
"""


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(ebb, list(map(str, words)), obj=Context(environ={}))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[str | Path, ...]:
    """The options that name the files of a shop in which offers work, by playbooks."""
    folder = tmp_path_factory.mktemp("steering")
    shop = small_shop(7)
    alerts = [
        msgspec.structs.replace(
            each,
            playbook=name,
            variant="only",
            offer=Offer(kind="coupon" if name == "offer" else "message"),
        )
        for each in shop.alerts
        for name in ["offer" if each.risk > 0.8 else "remind"]
    ]
    (folder / "alerts.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, alerts)))
    (folder / "events.jsonl").write_bytes(b"\n".join(map(encode_event, shop.events)))
    options = ("--holdout", str(HOLDOUT), "--cost", str(COST), "--by", "playbook,segment")
    files = ("--alerts", folder / "alerts.jsonl", "--events", folder / "events.jsonl")
    return (*files, *options)


def test_what_is_written_is_what_is_shown(log: tuple[str | Path, ...], tmp_path: Path) -> None:
    path = tmp_path / "response.json"
    result = run("effect", *log, "--json", "--write-response", path)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == (
        f"Wrote {path}: groups 2, with bounds 2, playbooks 2. It steers a policy file that names"
        " it: [steering] response.\n"
    )
    shown = {line["group"].get("playbook"): line for line in json.loads(result.stdout)["lines"]}
    learnt = decode_learnt(path.read_bytes())
    assert learnt.by == ("segment",)
    assert {each.playbook for each in learnt.groups} == {"offer", "remind"}
    for each in learnt.groups:
        returned = shown[each.playbook]["figures"]["returned"]
        assert (each.treated, each.held_out) == (
            returned["treated"]["known"],
            returned["held_out"]["known"],
        )
        assert each.lift == pytest.approx(returned["difference"])
        assert each.low == pytest.approx(returned["low"])
        assert each.high == pytest.approx(returned["high"])
        assert each.risk == pytest.approx(0.85 if each.playbook == "offer" else 0.65)
    again = run("effect", *log, "--write-response", tmp_path / "again.json")
    assert again.exit_code == 0
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--by", "segment"), 2, "--write-response: it is learnt of each playbook: --by playbook,"),
        (("--by", "playbook,action"), 2, "--write-response: action is not known when a playbook"),
        (("--holdout", "0.1"), 1, "docs/effect.md says what may have happened"),
    ],
)
def test_what_cannot_be_learnt_is_not_written(
    log: tuple[str | Path, ...], tmp_path: Path, more: tuple[str, ...], code: int, said: str
) -> None:
    result = run("effect", *log, *more, "--write-response", tmp_path / "response.json")
    assert result.exit_code == code
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_that_is_said(
    log: tuple[str | Path, ...], tmp_path: Path
) -> None:
    result = run("effect", *log, "--write-response", tmp_path / "nix" / "response.json")
    assert result.exit_code == 1
    assert "nix/response.json: cannot be written: No such file or directory" in result.stderr


@pytest.fixture
def policy(log: tuple[str | Path, ...], tmp_path: Path) -> Path:
    """A policy file that is steered by what was learnt of the shop."""
    assert run("effect", *log, "--write-response", tmp_path / "response.json").exit_code == 0
    path = tmp_path / "policy.toml"
    path.write_text(POLICY, encoding="utf-8")
    return path


def test_a_check_shows_what_was_learnt_and_what_of_it_counts(policy: Path) -> None:
    done = run("policy", "check", policy)
    assert done.exit_code == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    steered = next(line for line in lines if line.startswith("steered by"))
    assert steered.startswith(
        "steered by what was learnt (response.json, of customers alerted from 2026-01-01 to 2026-"
    )
    assert "from 50 treated and 50 held out on; 10.0% explore, and go by the file's order" in lines
    offer, remind = (line for line in lines if line.startswith("learnt"))
    assert offer.startswith("learnt    loyal: +4") and "points come back" in offer
    assert "treated" in remind and "held out" in remind
    assert "careful" not in done.stdout
    few = policy.with_name("few.toml")
    few.write_text(POLICY.replace("least = 50", "least = 5000"), encoding="utf-8")
    said = run("policy", "check", few).stdout
    assert "which is of too few to count" in said
    assert "careful: response.json knows too little of every playbook to count" in said
    told = json.loads(run("policy", "check", policy, "--json").stdout)
    assert told["steering"]["explore"] == 0.1
    assert [each["counts"] for each in told["steering"]["groups"]] == [True, True]
    learnt = decode_learnt(policy.with_name("response.json").read_bytes())
    assert told["steering"]["learnt"] == learnt.fingerprint


def test_by_the_margin_the_check_and_the_explanation_tell_money(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy.write_text(POLICY + 'goal = "margin"\n', encoding="utf-8")
    done = run("policy", "check", policy)
    assert done.exit_code == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert any(line.startswith("by the margin that they bring, from 50 treated") for line in lines)
    told = json.loads(run("policy", "check", policy, "--json").stdout)["steering"]
    assert told["goal"] == "margin"
    for group in told["groups"]:
        start = (
            f"learnt    loyal: {group['money']:,.2f} EUR more from each, {100 * group['lift']:+.1f}"
        )
        assert any(line.startswith(start) for line in lines), start
    plan = read_policy(policy, SHOP.definition)
    who = dataclasses.replace(situation_of(dossier(), plan, "silence"), segment="loyal")
    course = choose(plan, who)
    show_course(plan, who, course, "en")
    assert "EUR, by what such customers have brought\n" in capsys.readouterr().out
    offer, remind = course_as_dict(plan, who, course, "en")["playbooks"]
    assert offer["learnt"]["gain"] == offer["gain"] != remind["gain"]


def test_a_check_says_where_the_file_is_wrong(policy: Path) -> None:
    policy.with_name("response.json").write_text("{}", encoding="utf-8")
    done = run("policy", "check", policy)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"Error: {policy}: 1 thing wrong",
        "  line 13, steering.response: response.json: Object missing required field `version`;"
        " write it anew with ebb effect --write-response",
    ]
    policy.with_name("response.json").unlink()
    assert "cannot be read: No such file" in run("policy", "check", policy).stderr


def test_it_is_explained_whether_a_customer_is_steered(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = policy.read_text(encoding="utf-8")
    # The file has the reminder first; that the offer works was learnt of the regular too.
    policy.write_text(text.replace("uplift = 0.1\n", "uplift = 0.03\n"), encoding="utf-8")
    learnt = policy.with_name("response.json")
    plan = read_policy(policy, SHOP.definition)
    assert plan.steering is not None and plan.steering.learnt is not None
    groups = tuple(
        msgspec.structs.replace(each, where=("regular",)) for each in plan.steering.learnt.groups
    )
    learnt.write_bytes(encode_learnt(msgspec.structs.replace(plan.steering.learnt, groups=groups)))
    plan = read_policy(policy, SHOP.definition)
    who = situation_of(dossier(), plan, "silence")
    assert who.segment == "regular"
    course = choose(plan, who)
    show_course(plan, who, course, "en")
    said = capsys.readouterr().out
    assert "  steered by what was learnt: the file's order has remind first\n" in said
    assert ", by a learnt uplift of 0." in said
    told = course_as_dict(plan, who, course, "en")
    assert (told["steering"], told["instead"]) == ("steered", "remind")
    assert told["playbooks"][0]["learnt"]["where"] == ("regular",)
    show_course(plan, who, course, "zh")
    assert "按文件顺序应为remind" in capsys.readouterr().out


def test_why_tells_how_a_decision_was_steered() -> None:
    found = dossier()
    play = Play(
        "6e34",
        "remind",
        "only",
        "message",
        "email",
        obstacles=(Obstacle("offer", "harms", "", (-12.0, -20.0, -4.0), ("regular",)),),
        steering="steered",
        instead="offer",
    )
    decision = msgspec.structs.replace(found.ledger.decisions[-1], play=play)
    told = found.told(decision)["play"]
    assert (told["steering"], told["instead"], told["uplift"]) == ("steered", "offer", None)
    assert told["steered"] == "steered by what was learnt: the file's order has offer first"
    assert told["obstacles"][0]["why"].startswith("fewer of such customers (regular) come back")
    plain = msgspec.structs.replace(decision, play=Play("6e34", "remind"))
    assert "steering" not in found.told(plain)["play"]
