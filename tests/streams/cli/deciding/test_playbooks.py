"""``ebb policy check`` and ``explain``: faults, doubts, and what is said of one customer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from features import DAY, CustomerState, Definition, Event
from models.deciding import Because as Why
from models.deciding import Decision, Ledger, Standing
from models.judging import Cause, Explainer
from models.playbooks import choose, read_plan
from streams.cli import ebb
from streams.cli.context import Context
from streams.cli.deciding.plans import course_as_dict, show_course
from streams.composition import shop_of
from streams.live import Dossier
from streams.pipeline import Shop
from streams.settings import Settings
from streams.situations import situation_of
from tests.servers import ROOT
from tests.streams.planned import CAPPED, TEXT

EXAMPLE = ROOT / "examples" / "policy.toml"
SHOP: Shop = shop_of(Settings())


def run(*arguments: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(ebb, list(arguments), obj=Context(environ=environ or {}))


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_example_is_shown_playbook_by_playbook() -> None:
    done = run("policy", "check", str(EXAMPLE))
    assert done.exit_code == 0
    said = done.stdout
    assert "policy.toml: 5 playbooks, nothing wrong" in said
    places = [said.index(name) for name in ("make-good", "too-new", "call-the-best", "bargains")]
    assert places == sorted(places)
    for line in (
        "held out of everything: 10.0% of the customers (salt 'ebbtide')",
        "for one customer: at most 2 over email in 7d",
        "of the whole shop: at most 2,000 in 1h",
        "nobody is disturbed over phone from 21:00 to 08:00 (trait timezone)",
        "action    67% ten: coupon of 10%, good for 7d, over email for 0.60 EUR",
        "at most   once in 30d, 150.00 EUR a day, 3,000.00 EUR a month",
        "when      risk at least 0.5 and stage late or lapsing and coupons_90d at least 1",
        "unless    reasons trouble or tier staff",
    ):
        assert line in said
    assert "careful" not in said
    assert "The workers decide by it when policy.file, or EBB_POLICY" in done.stderr
    assert "Others are held out" not in done.stderr


def test_other_settings_and_a_smaller_shop_raise_doubts() -> None:
    environ = {"EBB_POLICY_HOLDOUT": "0.2", "EBB_POLICY_THRESHOLD": "0.6"}
    done = run("policy", "check", str(EXAMPLE), "--customers", "1000", environ=environ)
    assert done.exit_code == 0
    assert "careful: remind: to tell an uplift of 0.02 takes about" in done.stdout
    assert "Others are held out than by the settings, policy.holdout = 0.2" in done.stderr


def test_everything_that_is_wrong_is_told_and_the_exit_code_is_1(tmp_path: Path) -> None:
    path = written(tmp_path, 'version = 1\n[[playbook]]\nname = "x"\nwhen.band = "hgih"\n')
    done = run("policy", "check", path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"Error: {path}: 2 things wrong",
        "  line 2, playbook 'x': action is missing; write action = { kind = ... }, or"
        " [[playbook.arms]]",
        "  line 4, playbook 'x', when.band: 'hgih' is no band; did you mean 'high'? (low, medium,"
        " high)",
    ]
    told = json.loads(run("policy", "check", path, "--json").stdout)
    assert run("policy", "check", path, "--json").exit_code == 1
    assert (told["ok"], [fault["line"] for fault in told["faults"]]) == (False, [2, 4])
    explained = run("policy", "explain", path, "--customer", "ada")
    assert explained.exit_code == 1 and "2 things wrong" in explained.stderr


def test_a_machine_reads_a_plan_as_plain_data() -> None:
    told = json.loads(run("policy", "check", str(EXAMPLE), "--json").stdout)
    assert (told["ok"], told["faults"], told["doubts"]) == (True, [], [])
    bargains = told["playbooks"][3]
    assert bargains["budget"] == {"day": 150.0, "month": 3000.0}
    assert bargains["arms"][0] == {
        "name": "ten",
        "weight": 2.0,
        "action": {
            **{"kind": "coupon", "channel": "email", "cost": 0.6, "template": ""},
            **{"transactional": False, "depth": 0.1, "expires": "7d"},
        },
    }
    value = told["playbooks"][2]["when"][-1]
    assert value == {"about": "value", "name": "value", "min": 60.0, "max": None}


@pytest.mark.parametrize("command", [("check",), ("explain", "--customer", "ada")])
def test_a_file_that_is_not_there_is_wrong_usage(command: tuple[str, ...]) -> None:
    done = run("policy", command[0], "nix.toml", *command[1:])
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: nix.toml: cannot be read: No such file or directory\n",
    )


def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"version = 1 # \xff\n")
    done = run("policy", "check", str(path))
    assert done.exit_code == 1
    assert "not UTF-8 at byte 14; save it as UTF-8" in done.stderr


def test_whom_the_workers_go_by_is_said(tmp_path: Path) -> None:
    done = run("policy", "check", written(tmp_path, CAPPED))
    assert "The workers decide by it when policy.file, or EBB_POLICY, names it." in done.stderr


def test_budgets_are_those_of_a_file() -> None:
    done = run("policy", "budgets")
    assert done.exit_code == 2
    assert "there is no policy file: name one, or set policy.file (EBB_POLICY)" in done.stderr
    done = run("policy", "budgets", str(EXAMPLE), "--at", "tomorrow")
    assert done.exit_code == 2
    assert "--at tomorrow: write a date or time" in done.stderr


# -- of one customer --------------------------------------------------------------------------


def dossier(**traits: str) -> Dossier:
    state = CustomerState(SHOP.definition)
    for day in range(0, 60, 6):
        event = Event(
            event_id=str(day),
            user_id="ada",
            type="purchase",
            time=day * DAY,
            amount=80,
            traits=traits,
        )
        state.apply(event)
    state.apply(Event(event_id="c", user_id="ada", type="coupon", time=54 * DAY + 1))
    at = 70 * DAY
    while state.due() <= at:
        state.fire()
    ledger = Ledger()
    ledger.standing = Standing(True, 30 * DAY)
    for day, alert in ((30, True), (60, False)):
        why = Why("reached", (0.7, 0.6))
        ledger.log(Decision(day * DAY, "silence", 0.7, "high", "treated", "m-1", alert, why, []))
    facts = SHOP.catalogue.as_dict(SHOP.catalogue.vector(state, at))
    causes = [Cause("silence", "silent", 2.0, {}), Cause("offers", "coupons", 1.0, {})]
    say = Explainer().say
    return Dossier(
        *("ada", at, state, ledger, at, facts, 0.7, "high", causes, causes, "m-1", True, True, say)
    )


def test_a_dossier_becomes_the_situation_that_playbooks_see() -> None:
    plan = read_plan(EXAMPLE.read_text(encoding="utf-8"), SHOP.catalogue.names)
    who = situation_of(dossier(tier="gold"), plan, "silence")
    assert (who.customer, who.at, who.risk, who.band) == ("ada", 70 * DAY, 0.7, "high")
    assert (who.segment, who.stage) == ("regular", "late")
    assert (who.reasons, who.traits) == (("silence", "offers"), {"tier": "gold"})
    # One alert: the other decision was not to act, and the standing tells of the same one.
    assert [sent.at for sent in who.sent] == [30 * DAY]
    # Nine repeats in 70 days and, as for everybody, one in 60; ten orders of 80, and three of 45.
    orders = 30 * (1 + 9) / (60 + 70)
    assert who.value == pytest.approx(0.3 * orders * (3 * 4_500 + 10 * 8_000) / 13, rel=1e-4)


def test_what_would_be_done_is_said_playbook_by_playbook(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = read_plan(EXAMPLE.read_text(encoding="utf-8"), SHOP.catalogue.names)
    who = situation_of(dossier(tier="gold", newsletter="true"), plan, "silence")
    course = choose(plan, who)
    show_course(plan, who, course, "en")
    said = capsys.readouterr().out
    assert "ada at 1970-03-12T00:00Z: risk 0.70 (high), regular, late, worth 49.79 EUR" in said
    assert "  make-good      no: cause is silence, not distress\n" in said
    assert "  call-the-best  no: value 49.79 EUR is below 60.00 EUR\n" in said
    assert "  bargains       yes, number 1, expected gain 0.98 EUR\n" in said
    assert "  remind         yes, number 2, expected gain 0.68 EUR\n" in said
    assert "if that is not granted: remind" in said
    told = course_as_dict(plan, who, course, "zh")
    json.dumps(told)
    assert told["playbooks"][0]["why"].startswith("触发原因为silence")
    assert told["playbooks"][0]["hindrance"]["code"] == "other"
    assert told["options"][0]["asks_for"]["day"] == "1970-03-12"
    assert told["situation"]["sent"] == ["1970-01-31T00:00:00Z"]


def test_who_is_held_out_and_at_night_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = """
version = 1
holdout = { share = 0.0 }
quiet = { from = "21:00", to = "08:00" }
[[playbook]]
name = "a"
holdout = 0.9
action = { kind = "message", channel = "email" }
[[playbook]]
name = "b"
enabled = false
action = { kind = "nothing" }
"""
    plan = read_plan(text, ())
    who = situation_of(dossier(timezone="Asia/Tokyo"), plan, "silence")
    show_course(plan, who, choose(plan, who), "en")
    said = capsys.readouterr().out
    assert "a: message over email" in said
    assert "held out of this playbook: it is noted, and nothing is done" in said
    # 9 in the morning in Tokyo, where the customer lives.
    assert "not before" not in said
    there = situation_of(dossier(timezone="Nowhere"), plan, "silence")
    show_course(plan, there, choose(plan, there), "en")
    assert "not before 1970-03-12T08:00Z: it is a quiet time there" in capsys.readouterr().out
    nobody = read_plan(text.replace('name = "a"', 'name = "a"\nenabled = false'), ())
    show_course(nobody, who, choose(nobody, who), "en")
    assert "nothing is done: no playbook is for this customer now" in capsys.readouterr().out


def test_a_definition_without_purchases_still_gives_a_value() -> None:
    plan = read_plan(EXAMPLE.read_text(encoding="utf-8"), SHOP.catalogue.names)
    state = CustomerState(Definition())
    state.apply(Event(event_id="1", user_id="bob", type="visit", time=0))
    found = dossier()
    facts = SHOP.catalogue.as_dict(SHOP.catalogue.vector(state, DAY))
    who = situation_of(
        Dossier(
            *(
                "bob",
                DAY,
                state,
                Ledger(),
                DAY,
                facts,
                0.5,
                "medium",
                [],
                [],
                "p",
                True,
                True,
                found.say,
            )
        ),
        plan,
        "silence",
    )
    assert (who.sent, who.segment) == ((), "new")
    assert who.value == pytest.approx(0.3 * 30 / 61 * 4_500)


def test_what_a_new_version_changes_is_said_beside_what_it_says(tmp_path: Path) -> None:
    old = tmp_path / "old.toml"
    old.write_text(TEXT.replace('name = "peace"', 'name = "staff"'), encoding="utf-8")
    new = written(tmp_path, CAPPED)
    done = run("policy", "check", new, "--against", str(old))
    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if "against" in line] == [
        f"  against {old}: for all playbooks: limits, cap",
        f"  against {old}: playbook 'staff' is gone",
        f"  against {old}: playbook 'peace' is new",
        f"  against {old}: playbook 'call' is changed: cooldown",
    ]
    told = json.loads(run("policy", "check", new, "--against", str(old), "--json").stdout)
    assert told["changes"][3] == {
        "playbook": "call",
        "kind": "changed",
        "keys": ["cooldown"],
        "text": "playbook 'call' is changed: cooldown",
    }
    assert "nothing is decided otherwise" in run("policy", "check", new, "--against", new).stdout
    old.write_text("version = 1\n", encoding="utf-8")
    done = run("policy", "check", new, "--against", str(old))
    assert done.exit_code == 1
    assert "old.toml: 1 thing wrong" in done.stderr
