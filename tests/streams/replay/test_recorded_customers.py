"""What a backtest writes of the customers: who they were, when they came, and what happened."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import DAY, HOUR, Definition, Event, Millis, to_datetime
from models.judging import CODES
from models.understanding import Lifecycle
from streams.pipeline import Arrival
from streams.replay import Landmarks, replay
from streams.replay.customers import Days
from streams.replay.stories import Stories
from tests.streams.replay.backtested import (
    SHOP,
    START,
    TASK,
    WARMUP,
    H,
    arriving,
    millis,
    replace,
    shoppers,
)

Row = dict[str, Any]
WEEKLY = Landmarks(START + 12 * DAY, 7 * DAY)
DURABLE = ("customers", "stories")


@dataclass(frozen=True)
class Told:
    """A backtest's files, read."""

    events: list[Event]
    report: dict[str, Any]
    tables: dict[str, list[Row]]
    bytes: dict[str, bytes]


def told(
    folder: Path, arrivals: Sequence[Arrival], shop: Any = SHOP, **options: Any
) -> tuple[dict[str, Any], dict[str, list[Row]]]:
    result = replay(
        [arrivals],
        shop,
        ("bayes", "hoeffding-tree", "recency"),
        task=TASK,
        output=folder,
        warmup=WARMUP,
        vectors=True,
        **options,
    )
    names = ("predictions", "decisions", *DURABLE)
    tables = {
        name: pyarrow.parquet.read_table(folder / f"{name}.parquet").to_pylist() for name in names
    }
    return result.report, tables


@pytest.fixture(scope="module", params=["events", "landmarks"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    events = shoppers(3, customers=25, days=60)
    only_looked = Event(event_id="w", user_id="window", type="visit", time=events[-1].at)
    events.append(only_looked)
    folder = tmp_path_factory.mktemp(request.param)
    landmarks = WEEKLY if request.param == "landmarks" else None
    # What is sent again is told once, and so nothing changes.
    arrivals = sorted([*arriving(events), *arriving(events[::3])], key=lambda each: each.timestamp)
    report, tables = told(folder, arrivals, landmarks=landmarks)
    files = {name: (folder / f"{name}.parquet").read_bytes() for name in DURABLE}
    return Told(events, report, tables, files)


def months_between(first: datetime, then: datetime) -> int:
    return (then.year - first.year) * 12 + then.month - first.month


def test_every_customer_is_told_by_what_they_did(found: Told) -> None:
    rows = found.tables["customers"]
    assert [row["customer"] for row in rows] == sorted({each.user_id for each in found.events})
    for row in rows:
        mine = [each for each in found.events if each.user_id == row["customer"]]
        active = [each.at for each in mine if SHOP.definition.counts_as_activity(each.type)]
        first = to_datetime(mine[0].at)
        assert millis(row["first_at"]) == mine[0].at
        assert millis(row["last_at"]) == mine[-1].at
        assert row["last_activity_at"] == (to_datetime(active[-1]) if active else None)
        assert row["events"] == len(mine)
        assert row["activity_days"] == len({at // DAY for at in active})
        assert row["orders"] == sum(each.type == "purchase" for each in mine)
        paid = sum(each.value for each in mine if each.type == "purchase")
        assert row["spent"] == pytest.approx(paid)
        months = {months_between(first, to_datetime(at)) for at in active}
        assert row["active_months"] == sorted(months)
    assert rows[-1]["last_activity_at"] is None
    assert max(max(row["active_months"], default=0) for row in rows) > 0


def test_segment_tenure_and_silence_are_those_of_the_vector(found: Told) -> None:
    lifecycle = Lifecycle(SHOP.catalogue.index, SHOP.definition.horizon_days)
    index = SHOP.catalogue.index
    rows = found.tables["predictions"]
    segments = lifecycle.of(np.array([row["vector"] for row in rows], dtype=np.float32))
    assert [row["segment"] for row in rows] == segments
    assert [row["tenure_days"] for row in rows] == [row["vector"][index["tenure"]] for row in rows]
    assert [row["silence_days"] for row in rows] == [
        row["vector"][index["recency"]] for row in rows
    ]
    assert {"new", "one-time", "occasional", "regular", "loyal"} == set(segments)


def test_a_decision_says_what_its_prediction_says(found: Told) -> None:
    said = {
        (row["customer"], row["at"], row["cause"]): (row["segment"], row["silence_days"])
        for row in found.tables["predictions"]
    }
    decided = found.tables["decisions"]
    assert bool(decided) == (found.report["mode"] == "events")
    for row in decided:
        key = row["customer"], row["at"], row["cause"]
        assert said[key] == (row["segment"], row["silence_days"])


def test_stories_are_everything_that_happened_to_a_few(found: Told) -> None:
    rows = found.tables["stories"]
    # There are fewer customers than may be told of.
    happened = sorted(found.events, key=lambda each: (each.user_id, each.at))
    assert [(row["customer"], millis(row["at"]), row["type"], row["amount"]) for row in rows] == [
        (each.user_id, each.at, each.type, each.amount) for each in happened
    ]
    assert set(rows[0]) == {"customer", "at", "type", "amount"}


def test_importance_is_of_the_models_that_tell_their_parts(found: Told) -> None:
    bayes, tree, recency = found.report["models"]
    assert tree["importance"] is None
    assert [each["name"] for each in recency["importance"]["inputs"]] == ["recency"]
    causes, inputs = bayes["importance"]["causes"], bayes["importance"]["inputs"]
    assert {each["code"] for each in causes} <= set(CODES) and len(inputs) > len(causes) > 3
    for shares in (causes, inputs):
        strengths = [each["mean_abs"] for each in shares]
        assert strengths == sorted(strengths, reverse=True) and strengths[-1] > 0
        assert all(abs(each["mean"]) <= each["mean_abs"] * (1 + 1e-9) for each in shares)
    assert found.report["offer"] is None


def test_both_ways_of_looking_tell_the_same_of_the_customers(tmp_path: Path) -> None:
    events = shoppers(5, customers=12, days=40)
    told(tmp_path / "events", arriving(events))
    told(tmp_path / "landmarks", arriving(events), landmarks=WEEKLY)
    for name in DURABLE:
        one, other = (
            (tmp_path / mode / f"{name}.parquet").read_bytes() for mode in ("events", "landmarks")
        )
        assert one == other


def test_what_comes_late_or_from_the_future_is_told_as_the_pipeline_has_it(tmp_path: Path) -> None:
    def event(name: str, day: float, what: str = "purchase") -> Event:
        return Event(event_id=name, user_id="ada", type=what, time=START + round(day * DAY))

    def late(each: Event, days: float) -> Arrival:
        return Arrival(0, each.at + round(days * DAY), each)

    arrivals = [
        late(event("a", 40), 0),
        late(event("b", 70), 0),
        late(event("c", 38), 33),  # late, and the first of all
        late(event("d", 90), -9),  # from the future
        late(event("e", 72, "visit"), 0),
    ]
    shop = replace(SHOP, lateness=HOUR)
    _, tables = told(tmp_path, arrivals, shop)
    (row,) = tables["customers"]
    assert millis(row["first_at"]) == START + 38 * DAY
    assert millis(row["last_at"]) == START + 72 * DAY
    assert millis(row["last_activity_at"]) == START + 70 * DAY
    assert (row["events"], row["activity_days"], row["active_months"]) == (4, 3, [0, 1])
    assert [millis(row["at"]) // DAY for row in tables["stories"]] == [
        START // DAY + day for day in (38, 40, 70, 72)
    ]


def test_nobody_is_told_of_where_there_were_no_events(tmp_path: Path) -> None:
    _, tables = told(tmp_path, [])
    assert tables["customers"] == tables["stories"] == []


def test_a_model_that_never_judged_is_told_by_the_prior_that_stood_in(tmp_path: Path) -> None:
    events = shoppers(3, customers=12, days=round(H / DAY) - 1)
    report, _ = told(tmp_path, arriving(events))
    # The first stage of the horizon has taught bayes something, and the others nothing.
    bayes, tree, recency = report["models"]
    assert tree["importance"] == recency["importance"] != bayes["importance"]
    assert recency["importance"]["inputs"][0]["name"].startswith("renewal_")


DAYS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=40)


@given(DAYS)
def test_days_are_a_set_of_days(happened: list[tuple[str, int]]) -> None:
    days = Days(Definition(), skew=0)
    for name, day in happened:
        event = Event(event_id="1", user_id=name, type="visit", time=day * DAY + DAY - 1)
        days.note([Arrival(0, event.at, event)])
    for name in "abc":
        assert days.of(name) == sorted({day for who, day in happened if who == name})


@given(DAYS, st.integers(0, 3), st.integers(1, 3), st.randoms(use_true_random=False))
def test_stories_are_of_the_lowest_hashes_and_of_what_happened_last(
    happened: list[tuple[str, int]], seed: int, customers: int, chance: random.Random
) -> None:
    events = [
        Event(event_id=str(number), user_id=name, type="visit", time=at, price=2.0, quantity=number)
        for number, (name, at) in enumerate(happened)
    ]
    arrivals = [Arrival(0, 1_000, event) for event in events]
    arrivals += chance.sample(arrivals, len(arrivals) // 2)
    stories = Stories(seed, skew=0, customers=customers, events=5)
    stories.note(arrivals)

    def rank(name: str) -> Millis:
        return int(blake2b(f"story|{seed}|{name}".encode(), digest_size=8).hexdigest(), 16)

    chosen = sorted(sorted({each.user_id for each in events}, key=rank)[:customers])
    found = stories.told()
    assert list(found) == chosen
    for name, story in found.items():
        mine = sorted(each.at for each in events if each.user_id == name)
        assert [each.at for each in story] == mine[-5:]
        assert {each.amount for each in story} <= {2.0 * n for n in range(len(events))}


def test_what_is_sent_again_with_another_time_is_told_as_it_was_first() -> None:
    stories = Stories(seed=0, skew=0)
    for at in (3, 2, 4):
        event = Event(event_id="same", user_id="ada", type="visit", time=at)
        stories.note([Arrival(0, 9, event)])
    assert [each.at for each in stories.told()["ada"]] == [3]
