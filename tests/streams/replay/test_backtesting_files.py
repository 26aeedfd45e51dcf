"""What a backtest writes: the same bytes every time, whole or not at all, and only over its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from features import DAY, Event, Millis
from streams.pipeline import Arrival
from streams.recorded import SourceError
from streams.replay import Landmarks, UnknownModel, replay
from streams.report import OutputRefused
from tests.streams.replay.backtested import (
    SHOP,
    START,
    TASK,
    WARMUP,
    arriving,
    of_events,
    replayed,
    shoppers,
)

FILES = [
    "customers.parquet",
    "decisions.parquet",
    "predictions.parquet",
    "report.json",
    "stories.parquet",
]
WEEKLY = Landmarks(START + 12 * DAY, 7 * DAY)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return shoppers(1, customers=25, days=60)


def run(output: Path, arrivals: Any, models: tuple[str, ...] = ("bayes",), **options: Any) -> Any:
    return replay(
        [arrivals], SHOP, models, task=TASK, output=output, warmup=WARMUP, **options
    ).report


@pytest.mark.parametrize("landmarks", [None, WEEKLY])
def test_the_same_backtest_writes_the_same_bytes(
    events: list[Event], landmarks: Landmarks | None
) -> None:
    options: dict[str, Any] = {"landmarks": landmarks, "vectors": True, "seed": 4}
    one, two = (of_events(events, "bayes", "logistic", **options) for _ in range(2))
    assert list(one.files) == FILES
    assert one.files == two.files
    other = of_events(events, "bayes", "logistic", **options | {"seed": 5})
    assert other.files["predictions.parquet"] != one.files["predictions.parquet"]
    assert other.report["data"] == one.report["data"]


def test_other_events_have_another_fingerprint(events: list[Event]) -> None:
    one, other = (of_events(each).report["data"]["fingerprint"] for each in (events, events[:-1]))
    assert one != other


def test_the_columns_are_typed(events: list[Event], tmp_path: Path) -> None:
    run(tmp_path, arriving(events), vectors=True)
    schema = pyarrow.parquet.read_schema(tmp_path / "predictions.parquet")
    assert {field.name: str(field.type) for field in schema} == {
        "model": "string",
        "customer": "string",
        "at": "timestamp[ms, tz=UTC]",
        "cause": "string",
        "segment": "string",
        "tenure_days": "float",
        "silence_days": "float",
        "risk": "double",
        "stage_1": "double",
        "stage_2": "double",
        "stage_3": "double",
        "version": "string",
        "label": "int8",
        "matured_at": "timestamp[ms, tz=UTC]",
        "vector": "list<element: float>",
    }
    run(tmp_path, arriving(events))
    assert "vector" not in pyarrow.parquet.read_schema(tmp_path / "predictions.parquet").names


def test_of_landmarks_there_are_decisions_of_the_same_columns_and_no_rows(
    events: list[Event], tmp_path: Path
) -> None:
    run(tmp_path, arriving(events))
    columns = pyarrow.parquet.read_schema(tmp_path / "decisions.parquet")
    run(tmp_path, arriving(events), landmarks=WEEKLY)
    table = pyarrow.parquet.read_table(tmp_path / "decisions.parquet")
    assert table.schema == columns and table.num_rows == 0


def test_no_events_leave_empty_files(tmp_path: Path) -> None:
    for landmarks in (None, WEEKLY):
        report = run(tmp_path / "out", [], landmarks=landmarks)
        assert report["data"]["events"] == 0 and report["data"]["first"] is None
        assert report["models"][0]["count"] == 0 and report["models"][0]["auc"] is None
        assert pyarrow.parquet.read_table(tmp_path / "out" / "predictions.parquet").num_rows == 0
        assert json.loads((tmp_path / "out" / "report.json").read_bytes()) == report


def test_an_earlier_backtest_is_written_over_and_nothing_else_is(
    events: list[Event], tmp_path: Path
) -> None:
    run(tmp_path, arriving(events))
    before = (tmp_path / "predictions.parquet").read_bytes()
    run(tmp_path, arriving(events[: len(events) // 2]))
    assert (tmp_path / "predictions.parquet").read_bytes() != before
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputRefused, match=r"thesis\.txt"):
        run(tmp_path, arriving(events))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_what_was_made_of_an_earlier_backtest_goes_with_it(
    events: list[Event], tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text('{"format": "ebbtide backtest 1"}')
    (tmp_path / "report.html").write_text("<p>of last year</p>")
    run(tmp_path, arriving(events))
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


@pytest.mark.parametrize("text", ['{"format": "sales"}', "[]", "{", ""])
def test_somebody_elses_report_is_not_written_over(
    events: list[Event], tmp_path: Path, text: str
) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(OutputRefused, match=r"report\.json is not of a backtest"):
        run(tmp_path, arriving(events))
    assert (tmp_path / "report.json").read_text() == text


def test_a_folder_that_is_a_file_is_refused(events: list[Event], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputRefused, match=r"name another folder"):
        run(tmp_path / "out", arriving(events))


def test_a_source_that_breaks_off_leaves_what_was_there(
    events: list[Event], tmp_path: Path
) -> None:
    run(tmp_path, arriving(events))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken() -> Iterator[Arrival]:
        yield from arriving(events)[:100]
        raise SourceError("cut off")

    with pytest.raises(SourceError):
        run(tmp_path, broken())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_pyarrow_it_says_how_to_get_it(
    events: list[Event], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputRefused, match=r'pip install "ebbtide\[parquet\]"'):
        run(tmp_path / "out", arriving(events))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("models", "said"),
    [((), "no model"), (("bayes", "bayes"), "twice"), (("oracle",), "known are")],
)
def test_models_that_cannot_race_are_told(
    events: list[Event], tmp_path: Path, models: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UnknownModel, match=said):
        run(tmp_path / "out", arriving(events), models)
    assert not (tmp_path / "out").exists()


def test_progress_is_told_as_the_events_go(tmp_path: Path) -> None:
    events = shoppers(1, customers=400)
    told: list[tuple[int, Millis]] = []
    for landmarks in (None, WEEKLY):
        told.clear()
        run(
            tmp_path,
            arriving(events),
            landmarks=landmarks,
            progress=lambda done, at: told.append((done, at)),
        )
        assert len(told) > 1 and told == sorted(told)
        assert all(events[done - 1].at == at for done, at in told)


def test_partitions_are_taken_in_the_order_of_their_numbers(events: list[Event]) -> None:
    halves = [
        arriving([each for each in events if int(each.user_id[5:]) % 2 == half]) for half in (0, 1)
    ]
    listed = replayed(halves)
    with_numbers = replayed({1: halves[1], 0: halves[0]})
    assert with_numbers.files == listed.files
