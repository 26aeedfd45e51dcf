"""What ``ebb policy what-if`` says of a finished backtest, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from features import DAY, MINUTE, to_iso
from streams.cli import Context, ebb
from streams.composition import shop_of
from streams.replay import Landmarks
from streams.topics import create_topics, open_producer
from tests.streams.replay.backtested import SETTINGS, START, millis, shoppers
from tests.streams.replay.kept import kept

NO_ARMS = "No logged arms: what the alerts themselves change cannot be estimated (--logged).\n"


def run(*words: str | Path, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(
        ebb, ["policy", "what-if", *map(str, words)], obj=Context(environ=environ or {})
    )


def found(*words: str | Path) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def refused(told: str, *words: str | Path) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    policy = SETTINGS.policy.model_copy(update={"threshold": 0.5, "holdout": 0.3})
    shop = shop_of(SETTINGS.model_copy(update={"policy": policy}))
    place = tmp_path_factory.mktemp("policy") / "out"
    return kept(place, shoppers(3, customers=80), "bayes", "recency", shop=shop)


@pytest.fixture(scope="module")
def alerts(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded alerts as a log: who was held out is known, what came of it the labels say."""
    rows = [row for row in decisions(folder) if row["alert"]]
    lines = [
        {
            "customer": row["customer"],
            "at": to_iso(millis(row["at"])),
            "arm": row["arm"],
            "propensity": 0.7 if row["arm"] == "treated" else 0.3,
        }
        for row in rows
    ]
    path = tmp_path_factory.mktemp("log") / "alerts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def decisions(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(folder / "decisions.parquet").to_pylist()
    return rows


def test_each_policy_has_a_line_below_the_one_that_was_recorded(folder: Path) -> None:
    result = run(folder, "--threshold", ".5,.7", "--budget", "1,none")
    assert (result.exit_code, result.stderr) == (0, NO_ARMS)
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[0].startswith(f"{len(decisions(folder)):,} decisions on 73 customers, from 2020-")
    assert lines[1] == ("recorded: bayes, threshold 0.5, hysteresis 0.1, cooldown 14d, holdout 0.3")
    heads = ("alerts", "a day", "95 %", "most", "customers", "precision", "recall", "lead time")
    assert [head in lines[3] for head in heads] == [True] * len(heads)
    assert [line.split("  ")[0] for line in lines[4:]] == [
        "as recorded",
        "budget 1",
        "threshold 0.7, budget 1",
        "threshold 0.7",
    ]


def test_a_machine_reads_everything_and_the_recorded_policy_is_as_it_was(folder: Path) -> None:
    told = found(folder, "--threshold", "0.7", "--cost", "5", "--margin", "80", "--saved", ".25")
    report = json.loads((folder / "report.json").read_text())
    assert told["recorded"]["alerts"] == report["decisions"]["alerts"]
    assert told["decisions"] == report["decisions"]["count"]
    assert told["offer"] == {"cost": 5.0, "margin": 80.0, "saved": 0.25, "capacity": None}
    [other] = told["alternatives"]
    assert other["policy"]["threshold"] == 0.7
    assert other["cost"] == 5 * (other["alerts"] - other["held_out"])
    assert told["logged"] is None and other["value"] is None


def test_every_combination_is_tried_once(folder: Path) -> None:
    told = found(
        *(folder, "--threshold", ".5,.6,.6", "--cooldown", "0,7d", "--hysteresis", "0,.1"),
        *("--holdout", "0", "--model", "bayes,recency"),
    )
    names = [each["name"] for each in told["alternatives"]]
    assert len(names) == len(set(names)) == 2 * 2 * 2 * 2
    assert "model recency, threshold 0.6, hysteresis 0, holdout 0, cooldown 7d" in names


def test_an_offer_of_the_backtest_is_taken_unless_another_is_named(
    folder: Path, tmp_path: Path
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    report = json.loads((folder / "report.json").read_text())
    report["offer"] = {"cost": 2.0, "margin": 50.0, "saved": 0.5, "capacity": 3}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert found(tmp_path)["offer"] == report["offer"]
    assert found(tmp_path, "--cost", "9")["offer"] == {**report["offer"], "cost": 9.0}


def test_nothing_named_shows_what_was_and_says_how_to_ask(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 0
    assert "Name what to try, such as --threshold .5,.7" in result.stderr
    assert result.stdout.rstrip().splitlines()[-1].startswith("as recorded")


def test_what_a_log_says_of_each_policy_comes_with_its_interval(folder: Path, alerts: Path) -> None:
    told = found(folder, "--holdout", ".3,.5,0", "--logged", alerts)
    assert len(told["alternatives"]) == 2
    log = told["logged"]
    assert log["trials"] == log["used"] + log["unknown"] == told["recorded"]["alerts"]
    assert log["held_out"] + log["treated"] == log["used"]
    value = told["recorded"]["value"]
    kept = 1 - told["recorded"]["precision"]
    assert value["logged"]["estimate"] == pytest.approx(kept)
    assert value["inverse_propensity"]["estimate"] == pytest.approx(kept)
    for each in told["alternatives"]:
        ends = each["value"]["doubly_robust"]
        assert ends["low"] < ends["estimate"] < ends["high"]
        # Eighty customers are few.
        assert any("customers count" in warning for warning in each["value"]["warnings"])


def test_a_policy_that_does_what_was_never_tried_is_warned_of_in_words(
    folder: Path, alerts: Path
) -> None:
    result = run(folder, "--threshold", ".2", "--logged", alerts)
    assert result.exit_code == 0, result.stderr
    [line] = [line for line in result.stdout.splitlines() if "nothing was tried" in line]
    assert line.startswith("threshold 0.2 ")
    assert "No logged arms" not in result.stderr


@pytest.mark.e2e
def test_alerts_of_the_topic_are_the_log(
    folder: Path, environ: dict[str, str], alerts: Path
) -> None:
    rows = [row for row in decisions(folder) if row["alert"]]
    settings = Context(environ=environ).settings
    topic = settings.topic("interventions")
    with open_producer(settings) as producer:
        for row in rows:
            producer.send(topic, key=row["customer"].encode(), value=as_alert(row))
        producer.send(topic, key=b"x", value=b"no alert")
        producer.flush()
    words = (folder, "--threshold", ".7", "--json")
    result = run(*words, "--logged", "kafka://interventions", environ=environ)
    assert result.exit_code == 0, result.stderr
    assert f"Skipped 1 messages of {topic} that are no alerts." in result.stderr
    told = json.loads(result.stdout)
    assert told["logged"].pop("source") == "kafka://interventions"
    same = found(folder, "--threshold", ".7", "--logged", alerts)
    same["logged"].pop("source")
    assert told == same


@pytest.fixture
def environ(ebb_env: dict[str, str]) -> dict[str, str]:
    create_topics(Context(environ=ebb_env).settings)
    return ebb_env


def as_alert(row: dict[str, Any]) -> bytes:
    at = to_iso(millis(row["at"]))
    body = {name: row[name] for name in ("cause", "risk", "band", "arm")}
    return msgspec.json.encode(
        {
            **body,
            **{"alert_id": f"{row['customer']}|{at}|{row['cause']}", "user_id": row["customer"]},
            **{"decided_at": at, "valid_until": at, "reasons": [], "silence_days": 1.0},
            **{"action": "none", "horizon_days": 8.0, "model_version": "prior"},
            **{"catalogue": "c", "vector": {}},
        }
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--threshold", "7"), "--threshold 7: 7 is not above 0 and below 1"),
        (("--threshold", "0"), "--threshold 0: 0 is not above 0 and below 1"),
        (("--threshold", "high"), "--threshold high: 'high' is not a number"),
        (("--threshold", "nan"), "nan is not above 0"),
        (("--threshold", ","), "--threshold names nothing"),
        (("--threshold", ".05"), "the hysteresis of 0.1 must be smaller than the threshold"),
        (("--cooldown", "soon"), "--cooldown soon: 'soon' is not a duration"),
        (("--holdout", "1"), "--holdout 1: 1 is not 0 or more and below 1"),
        (("--budget", "0"), "--budget 0: '0' is neither a number of alerts, 1 or more, nor none"),
        (("--model", "trees"), "has no model 'trees'; it has bayes, recency"),
        (("--cost", "5"), "an offer has --cost, --margin and --saved; name all three"),
        (("--cost", "5", "--margin", "9", "--saved", "2"), "the share saved is above 0"),
        (("--logged-holdout", ".1"), "--logged-holdout goes with --logged"),
        (("--logged", "absent.jsonl"), "absent.jsonl: No such file"),
        (("--logged", "http://a/b"), "name a file, or a topic as kafka://interventions"),
        (("--budget", ",".join(map(str, range(1, 90)))), "these are 89 alternatives"),
    ],
)
def test_wrong_usage_is_told_in_a_line(words: tuple[str, ...], told: str, folder: Path) -> None:
    refused(told, folder, *words)


def test_landmarks_and_other_folders_are_refused_with_what_to_do(tmp_path: Path) -> None:
    looks = kept(tmp_path / "looks", shoppers(5), landmarks=Landmarks(START + 30 * DAY, 30 * DAY))
    refused("nothing is decided; run the backtest without --landmarks, and name its folder", looks)
    refused("has no report.json; name the output folder of a finished ebb backtest", tmp_path)
    refused("has no report.json", tmp_path / "nowhere")


def test_the_help_shows_examples() -> None:
    assert "ebb policy what-if out --threshold .5,.6,.7" in run("--help").stdout


def test_a_log_at_other_moments_tells_nothing(folder: Path, alerts: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in alerts.read_text().splitlines()]
    moved = [row | {"at": to_iso(START - MINUTE)} for row in rows]
    path = tmp_path / "moved.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in moved))
    told = found(folder, "--logged", path)
    assert told["logged"]["unmatched"] == told["logged"]["trials"] > 0
    assert told["recorded"]["value"]["warnings"] == ["no rows were logged"]
    assert not math.isnan(told["recorded"]["precision"])
