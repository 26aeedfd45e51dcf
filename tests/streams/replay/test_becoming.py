"""In a backtest, too, what a visitor did is the customer's from when it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from features import DAY, MINUTE, Event
from streams.pipeline import Arrival
from streams.replay import Landmarks, replay
from streams.replay.becoming import handed_over
from tests.streams.replay.backtested import SHOP, START, TASK, WARMUP, arriving


def happened(user: str, number: int, kind: str, day: float, **details: Any) -> Event:
    at = START + round(day * DAY)
    return Event(event_id=f"{user}-{number}", user_id=user, type=kind, time=at, **details)


def told() -> list[Event]:
    """Ada buys, looks around on a telephone, and says there who she is; Bob never does."""
    days = (0, 4, 4.01, 9, 20, 21)
    visits = [happened("anon:7", n, "purchase", day, amount=5.0) for n, day in enumerate(days)]
    own = [happened("ada", n, "purchase", 3 * n + 0.5, amount=9.5) for n in range(9)]
    others = [happened("anon:8", 0, "visit", 2), happened("bob", 0, "purchase", 30, amount=1.0)]
    link = happened("anon:7", 99, "identified", 10, properties={"identified_as": "ada"})
    return sorted([*visits, *own, *others, link, link], key=lambda event: event.at)


def customers_of(folder: Path, arrivals: list[Arrival], **options: Any) -> dict[str, Any]:
    replay([arrivals], SHOP, ("recency",), task=TASK, output=folder, warmup=WARMUP, **options)
    rows = pyarrow.parquet.read_table(folder / "customers.parquet").to_pylist()
    return {row["customer"]: row for row in rows}


@pytest.mark.parametrize("landmarks", [None, Landmarks(START + 12 * DAY, 7 * DAY)])
def test_the_customer_of_a_file_is_who_did_it_all(
    tmp_path: Path, landmarks: Landmarks | None
) -> None:
    arrivals = list(handed_over(arriving(told()), 30 * MINUTE))
    found = customers_of(tmp_path / "visitors", arrivals, landmarks=landmarks)
    renamed = [
        Event(event_id=each.event_id, user_id="ada", type=each.type, time=each.time, amount=5.0)
        for each in told()
        if each.user_id == "anon:7" and each.type != "identified"
    ]
    others = [each for each in told() if each.user_id != "anon:7"]
    everything = sorted([*renamed, *others], key=lambda event: event.at)
    expected = customers_of(tmp_path / "ada", arriving(everything), landmarks=landmarks)
    assert found == expected
    assert found["ada"]["events"] == 15


def test_each_is_handed_over_where_it_is_known_and_arrives_then() -> None:
    arrivals = list(handed_over(arriving(told()), 30 * MINUTE))
    known = [each for each in arrivals if each.history is not None]
    assert [each.event.event_id for each in known] == [f"anon:7-{n}" for n in range(6)]
    assert [each.timestamp for each in known[:4]] == [START + 10 * DAY] * 4
    assert all(each.history.known_at - START >= 10 * DAY for each in known if each.history)
    visits = [each.history.events for each in known if each.history]
    assert visits == [1, 0, 2, 1, 0, 0]
