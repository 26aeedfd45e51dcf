"""Landmark mode: the benchmark's definitions by hand, the slow version, and no look ahead."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, Event, Millis
from models.judging import average_precision, calibration_error, log_loss, precision_at, roc_auc
from streams.pipeline import Arrival
from streams.replay import Landmarks
from tests.streams.replay import slow_landmarks as slow
from tests.streams.replay.backtested import (
    SHOP,
    START,
    TASK,
    WARMUP,
    H,
    arriving,
    millis,
    of_events,
    replayed,
    shoppers,
)

TWICE_A_WEEK = Landmarks(START + 12 * DAY, 3 * DAY)


def visits(days: dict[str, list[float]]) -> list[Event]:
    events = [
        Event(
            event_id=f"{name}{day}",
            user_id=name,
            type="purchase",
            time=START + round(day * DAY),
            amount=9,
        )
        for name, each in days.items()
        for day in each
    ]
    return sorted(events, key=lambda event: event.at)


def test_who_is_eligible_and_when_they_came_back() -> None:
    # "late" brings the data's end to the end of day 58, so that the horizon of day 50 has passed.
    days: dict[str, list[float]] = {
        "edge": [30, 57.9],
        "gone": [29.9],
        "today": [50],
        "soon": [49.9, 58],
        "late": [57.95],
    }
    found = of_events(visits(days), landmarks=Landmarks(START + 50 * DAY, 100 * DAY))
    labels = {row["customer"]: row["label"] for row in found.predictions}
    # What happens at the landmark itself is not known yet; a day exactly A ago still counts, and
    # so does not who comes exactly H later.
    assert labels == {"edge": 0, "soon": 1}
    assert {millis(row["matured_at"]) for row in found.predictions} == {START + 58 * DAY}
    assert {row["cause"] for row in found.predictions} == {"landmark"}
    assert found.decisions == [] and found.report["decisions"]["count"] == 0


def test_a_landmark_whose_horizon_is_not_within_the_data_has_no_labels() -> None:
    days: dict[str, list[float]] = {"ada": [40.0, 51.0], "bob": [49.0, 57.2]}
    whole = of_events(visits(days), landmarks=Landmarks(START + 50 * DAY, DAY))
    mature = [row for row in whole.predictions if row["label"] is not None]
    # The data ends with the calendar day of the last event: day 58 begins then.
    assert {millis(row["at"]) for row in mature} == {START + 50 * DAY}
    assert {row["label"] for row in mature if row["customer"] == "ada"} == {0}
    others = [row for row in whole.predictions if row["label"] is None]
    assert max(millis(row["at"]) for row in others) == START + 58 * DAY
    assert all(row["matured_at"] is None for row in others)
    assert whole.report["models"][0]["count"] == len(mature)
    assert len(whole.report["models"][0]["landmarks"]) == 1


def test_landmarks_before_the_first_scored_one_only_teach() -> None:
    events = shoppers(3)
    everything = of_events(events, landmarks=TWICE_A_WEEK).risks()
    scored = START + 36 * DAY
    later = of_events(events, landmarks=Landmarks(TWICE_A_WEEK.start, 3 * DAY, scored)).risks()
    assert later == {key: risk for key, risk in everything.items() if key[1] >= scored}


@pytest.mark.parametrize(
    "text", ["2017-03-31", "31.3.2017/7d", "2017-03-31/often", "2017-03-31/0d"]
)
def test_landmarks_that_cannot_be_read_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"write"):
        Landmarks.parse(text)


HAPPENINGS = st.lists(
    st.tuples(
        st.integers(0, 5),
        # Half hours: some come at the very landmark, some within the lateness of each other.
        st.one_of(st.integers(0, 60).map(lambda day: day * 48), st.integers(0, 60 * 48)),
        st.sampled_from(["purchase", "purchase", "visit", "complaint"]),
    ),
    min_size=1,
    max_size=120,
)


@settings(max_examples=30, deadline=None)
@given(HAPPENINGS, st.integers(0, 9), st.integers(1, 3), st.randoms(use_true_random=False))
def test_one_pass_says_what_the_slow_benchmark_says(
    happened: list[tuple[int, int, str]], seed: int, partitions: int, chance: random.Random
) -> None:
    events = [
        Event(
            event_id=str(n),
            user_id=f"u{who}",
            type=what,
            time=START + place * HOUR // 2,
            amount=n % 7,
        )
        for n, (who, place, what) in enumerate(sorted(happened, key=lambda each: each[1]))
    ]
    lanes = [
        [event for event in events if hash_of(event.user_id) % partitions == lane]
        for lane in range(partitions)
    ]
    end = (events[-1].at // DAY + 1) * DAY
    times = range(TWICE_A_WEEK.start, end + 1, TWICE_A_WEEK.step)
    landmarks = slow.portraits(SHOP.definition, SHOP.catalogue, events, times)
    shaken = [arriving(shake(lane, SHOP.lateness, chance)) for lane in lanes]
    found = replayed(shaken, ["bayes", "logistic"], seed=seed, landmarks=TWICE_A_WEEK)
    for model in ("bayes", "logistic"):
        risks = slow.race(model, TASK, H, landmarks, warmup=WARMUP, seed=seed)
        expected = {
            (user, landmark.at, "landmark"): (
                float(risk),
                int(away >= H) if landmark.at + H <= end else None,
            )
            for landmark, of_all in zip(landmarks, risks, strict=True)
            for user, risk, away in zip(landmark.users, of_all, landmark.away, strict=True)
        }
        said = {key: (row["risk"], row["label"]) for key, row in found.said(model).items()}
        assert said == expected


def hash_of(name: str) -> int:
    return sum(name.encode())


def shake(events: list[Event], lateness: Millis, chance: random.Random) -> list[Event]:
    """Return events out of order, each within the lateness of what came before.

    Those of one time stay as they are: which of them comes first is part of what happened.
    """
    delays = {at: chance.randrange(lateness) for at in sorted({event.at for event in events})}
    return sorted(events, key=lambda event: event.at + delays[event.at])


def test_the_metrics_are_those_of_the_benchmark() -> None:
    found = of_events(shoppers(7, customers=80), landmarks=TWICE_A_WEEK)
    told = found.report["models"][0]
    rows = [row for row in found.predictions if row["label"] is not None]
    by_look = [
        (
            np.array([row["risk"] for row in rows if row["at"] == at]),
            np.array([row["label"] for row in rows if row["at"] == at]),
        )
        for at in sorted({row["at"] for row in rows})
    ]
    assert len(by_look) == len(told["landmarks"]) > 15
    assert told["auc"] == pytest.approx(np.mean([roc_auc(*each) for each in by_look]))
    precision = np.mean([average_precision(*each) for each in by_look])
    assert told["pr_auc"] == pytest.approx(precision)
    top = np.mean([precision_at(*each, 0.1) for each in by_look])
    assert told["precision_top_tenth"] == pytest.approx(top)
    risks = np.concatenate([each for each, _ in by_look])
    labels = np.concatenate([each for _, each in by_look])
    assert told["log_loss"] == pytest.approx(log_loss(risks, labels))
    assert told["brier"] == pytest.approx(np.mean((risks - labels) ** 2))
    assert told["ece"] == pytest.approx(calibration_error(risks, labels, 20))
    assert told["count"] == len(rows)


def test_no_landmark_knows_what_comes_after_it() -> None:
    events = shoppers(5)
    cut = START + 60 * DAY
    whole = of_events(events, landmarks=TWICE_A_WEEK).risks()
    past = of_events([each for each in events if each.at < cut], landmarks=TWICE_A_WEEK).risks()
    assert past == {key: risk for key, risk in whole.items() if key[1] <= cut}
    assert len(past) < len(whole)


def test_another_calendar_does_not_matter() -> None:
    events = shoppers(5)
    years = 3_653 * DAY
    moved = [msgspec.structs.replace(each, time=each.at + years) for each in events]
    later = of_events(moved, landmarks=Landmarks(TWICE_A_WEEK.start + years, 3 * DAY)).risks()
    expected = of_events(events, landmarks=TWICE_A_WEEK).risks()
    assert {(who, at - years, why): risk for (who, at, why), risk in later.items()} == expected


def test_events_that_come_late_within_the_lateness_find_their_place() -> None:
    events = shoppers(5)
    shaken = shake(events, SHOP.lateness, random.Random(1))
    assert shaken != events
    found = of_events(shaken, landmarks=TWICE_A_WEEK)
    assert found.risks() == of_events(events, landmarks=TWICE_A_WEEK).risks()
    assert found.report["data"]["late"] == 0


def test_an_event_too_far_from_the_future_is_refused_and_one_too_late_takes_nothing_back() -> None:
    events = shoppers(5)
    expected = of_events(events, landmarks=TWICE_A_WEEK)
    arrivals = arriving(events)
    stray = Event(event_id="stray", user_id="user-1", type="purchase", time=START + 400 * DAY)
    arrivals.insert(50, Arrival(0, events[50].at, stray))
    # Weeks late: its landmarks are past, and what was said at them stays said.
    late = Event(event_id="late", user_id="nobody", type="purchase", time=START + 13 * DAY)
    arrivals.append(Arrival(0, events[-1].at, late))
    found = replayed([arrivals], landmarks=TWICE_A_WEEK)
    assert found.report["data"]["refused"] == 1
    assert found.report["data"]["late"] == 1
    assert found.risks() == expected.risks()
