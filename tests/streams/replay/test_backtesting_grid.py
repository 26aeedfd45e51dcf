"""Several horizons on one reading of the events: each is what it would be alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, Millis
from models.learning import Weighing
from streams.composition import shop_of, task_of
from streams.pipeline import Arrival
from streams.recorded import SourceError
from streams.replay import Landmarks, Rules, replay, replay_all
from streams.replay.replaying import take_turns
from streams.report import GridFolder, OutputRefused, read_grid
from streams.settings import Settings
from tests.streams.replay.backtested import SETTINGS, START, WARMUP, arriving, shoppers

HORIZONS = ("4d", "12d")
MODELS = ("bayes", "recency")
MODES: dict[str, dict[str, Any]] = {
    "events": {"vectors": True, "seed": 3},
    "landmarks": {"landmarks": Landmarks(START + 12 * DAY, 7 * DAY), "seed": 3},
}


def rules(horizon: str, output: Path) -> Rules:
    held = SETTINGS.model_dump(exclude_unset=True)
    held["churn"]["horizon"] = horizon
    shop = shop_of(Settings.model_validate(held))
    return Rules(shop, task_of(shop, Weighing(treated=1.0)), output, WARMUP)


def partitions() -> list[list[Arrival]]:
    """Return the events of two partitions, some of them late and some of them twice."""
    chance = random.Random(2)
    arrivals = arriving(shoppers(6, customers=9, days=36))
    late = [Arrival(each.offset, each.timestamp + 2 * DAY, each.event) for each in arrivals[::9]]
    arrivals = sorted([*arrivals, *late], key=lambda each: each.timestamp)
    found: list[list[Arrival]] = [[], []]
    for each in arrivals:
        found[int(each.event.user_id[5:]) % 2].append(each)
    chance.shuffle(found)
    return found


@dataclass(frozen=True)
class Once:
    """A partition that can be read once, and says how often it was."""

    arrivals: Sequence[Arrival]
    read: list[Arrival]

    def __iter__(self) -> Iterator[Arrival]:
        for each in self.arrivals:
            self.read.append(each)
            yield each


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("mode", MODES)
def test_each_horizon_is_to_the_byte_what_it_is_alone(mode: str, tmp_path: Path) -> None:
    arrivals = partitions()
    lanes = [Once(each, []) for each in arrivals]
    grid = [rules(horizon, tmp_path / horizon) for horizon in HORIZONS]
    results = replay_all(lanes, grid, MODELS, source="shop", **MODES[mode])

    assert [lane.read for lane in lanes] == arrivals
    for horizon, result in zip(HORIZONS, results, strict=True):
        alone = rules(horizon, tmp_path / "alone" / horizon)
        report = replay(
            arrivals,
            alone.shop,
            MODELS,
            task=alone.task,
            output=alone.output,
            warmup=WARMUP,
            source="shop",
            **MODES[mode],
        ).report
        assert result.report == report and report["configuration"]["horizon"] == horizon
        assert files(result.output) == files(alone.output)
        assert result.events == sum(map(len, arrivals))
    counts = {result.report["models"][0]["count"] for result in results}
    assert len(counts) == len(HORIZONS) and min(counts) > 10
    # They are of the same events, and so can be compared, however short their ticks are.
    assert len({result.report["data"]["fingerprint"] for result in results}) == 1


def test_a_source_that_breaks_off_leaves_no_horizon_half_done(tmp_path: Path) -> None:
    def broken() -> Iterator[Arrival]:
        yield from partitions()[0][:100]
        raise SourceError("cut off")

    grid = [rules(horizon, tmp_path / horizon) for horizon in HORIZONS]
    with pytest.raises(SourceError):
        replay_all([broken()], grid, MODELS)
    assert [list((tmp_path / horizon).iterdir()) for horizon in HORIZONS] == [[], []]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 60))
def test_nobody_is_ahead_by_more_than_a_tick(lengths: list[int], last: Millis) -> None:
    reached = [0] * len(lengths)

    def going(place: int) -> Iterator[Millis]:
        while reached[place] < last:
            assert reached[place] == min(reached)
            reached[place] += lengths[place]
            yield reached[place]

    take_turns([going(place) for place in range(len(lengths))])
    assert min(reached) >= last and max(reached) < last + max(lengths)


# -- the folder -------------------------------------------------------------------------------


def filled(path: Path, *horizons: str) -> GridFolder:
    folder = GridFolder(path, horizons)
    for each in folder.folders:
        each.mkdir(exist_ok=True)
        (each / "report.json").write_text('{"format": "ebbtide backtest 2"}')
    folder.write()
    return folder


def test_a_grid_says_which_folder_is_of_which_horizon(tmp_path: Path) -> None:
    filled(tmp_path, "14d", "28d")
    assert read_grid(tmp_path) == {"14d": tmp_path / "14d", "28d": tmp_path / "28d"}
    assert read_grid(tmp_path / "14d") == {}


def test_a_new_grid_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    filled(tmp_path, "14d", "28d")
    filled(tmp_path, "28d", "56d")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["28d", "56d", "grid.json"]


@pytest.mark.parametrize(
    "foreign", ["thesis.txt", "predictions.parquet", "best/report.json", "14d/thesis.txt"]
)
def test_a_folder_with_something_else_in_it_is_refused(foreign: str, tmp_path: Path) -> None:
    filled(tmp_path, "14d")
    (tmp_path / foreign).parent.mkdir(exist_ok=True)
    (tmp_path / foreign).write_text("years of work")
    with pytest.raises(OutputRefused, match=r"is not of a (grid|backtest)"):
        GridFolder(tmp_path, ["28d"])
    assert (tmp_path / foreign).read_text() == "years of work"
    assert (tmp_path / "14d" / "report.json").exists()


def test_somebody_elses_grid_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text('{"format": "power lines"}')
    with pytest.raises(OutputRefused, match=r"grid\.json is not of a grid"):
        GridFolder(tmp_path, ["28d"])
