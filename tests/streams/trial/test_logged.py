"""Logs of what was tried: alerts as they are printed, and a shop's own; what makes no sense."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from features import DAY, from_datetime
from models.deciding import Alert
from streams.trial import Trial, Trials, WrongLog, read_trials, trials_of

START = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
AT = from_datetime(START)


def alert(number: int, *, held: bool = False) -> Alert:
    return Alert(
        alert_id=f"a{number}",
        user_id=f"user-{number}",
        decided_at=START + timedelta(days=number),
        valid_until=START + timedelta(days=number + 7),
        cause="silence",
        risk=0.8,
        band="high",
        reasons=[],
        silence_days=31.0,
        action="none" if held else "offer",
        arm="holdout" if held else "treated",
        horizon_days=30.0,
        model_version="prior",
        catalogue="c",
        vector={},
    )


def printed(each: Alert) -> str:
    """Return an alert as ``ebb alerts --json`` prints it."""
    event = {"specversion": "1.0", "id": each.alert_id, "data": msgspec.to_builtins(each)}
    return json.dumps(event) + "\n"


def test_printed_alerts_say_who_was_held_out_and_the_share_says_how_likely_that_was(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_text(printed(alert(0)) + "\n" + printed(alert(1, held=True)) + printed(alert(0)))
    found = read_trials(path, holdout=0.25)
    assert (len(found.rows), found.repeated) == (2, 1)
    treated, held = found.rows
    assert treated[:5] == ("user-0", AT, "silence", True, 0.75)
    assert held[:5] == ("user-1", AT + DAY, "silence", False, 0.25)
    assert math.isnan(treated.reward)


def test_a_held_out_alert_where_nobody_was_held_out_is_refused() -> None:
    with pytest.raises(WrongLog, match=r"a1 was held out, .* --logged-holdout"):
        trials_of("here", [alert(0), alert(1, held=True)], 0.0)
    assert trials_of("here", [alert(0)], 0.0).rows[0].propensity == 1


def test_the_chance_that_an_alert_tells_itself_goes_first() -> None:
    alerts = [alert(0), msgspec.structs.replace(alert(1, held=True), holdout_share=0.4)]
    found = trials_of("here", alerts, 0.25)
    assert [row.propensity for row in found.rows] == [0.75, 0.4]


ROWS = [
    {"customer": "ada", "at": START, "arm": "treated", "propensity": 0.75, "reward": 12.5},
    {"customer": "007", "at": START, "arm": "holdout", "propensity": 0.25, "reward": None},
]


def as_csv(path: Path) -> None:
    path.write_text(
        "customer,at,arm,propensity,reward,note\n"
        "ada,2026-01-01T12:00:00.500Z,treated,.75,12.5,x\n"
        "\n007,2026-01-01 12:00:00.500,0,0.25,,\n"
    )


def as_json(path: Path) -> None:
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in ROWS))


def as_parquet(path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist(ROWS), path)


@pytest.mark.parametrize("write", [as_csv, as_json, as_parquet])
def test_a_log_of_ones_own_comes_in_any_of_three_forms(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path)
    ada, other = read_trials(path, holdout=0.5).rows
    assert ada == Trial("ada", AT, "", True, 0.75, 12.5)
    assert other[:5] == ("007", AT, "", False, 0.25) and math.isnan(other.reward)


def test_the_same_row_twice_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("customer,at,arm,propensity,reward\n" + "ada,2026-01-01,1,.5,1\n" * 3)
    assert read_trials(path, 0.1) == Trials(
        str(path),
        (Trial("ada", from_datetime(datetime(2026, 1, 1, tzinfo=UTC)), "", True, 0.5, 1),),
        2,
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            ",2026-01-01,treated,.5,1",
            "line 4: no customer; a log has the columns customer, at, arm",
        ),
        ("ada,soon,treated,.5,1", "line 4: at is not a time in ISO 8601: 'soon'"),
        ("ada,2026-01-01,offer,.5,1", "line 4: arm is treated or holdout, not 'offer'"),
        ("ada,2026-01-01,treated,0,1", "propensity is not a number above 0 and at most 1: '0'"),
        ("ada,2026-01-01,treated,nan,1", "propensity is not a number"),
        ("ada,2026-01-01,treated,.5,much", "reward is not a number: 'much'"),
        ("ada,2026-01-01,treated", "line 4: no propensity"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(row: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"customer,at,arm,propensity,reward\nzoe,2026-01-01,1,.5,1\n\n{row}\n")
    with pytest.raises(WrongLog) as refused:
        read_trials(path, 0.1)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"customer": ', "line 1: not a JSON object"),
        (b'{"specversion": "1.0", "data": {"arm": 3}}\n', "line 1: not an alert"),
        (b"\xff\xfe\x00", "neither text in UTF-8 nor Parquet"),
        (b"PAR1 and nothing else", "not readable as Parquet"),
    ],
)
def test_a_file_that_is_no_log_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    with pytest.raises(WrongLog) as refused:
        read_trials(path, 0.1)
    assert told in str(refused.value)
    with pytest.raises(WrongLog, match="No such file"):
        read_trials(tmp_path / "absent", 0.1)
