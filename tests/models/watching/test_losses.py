"""Alarms of losses that are all known are those that were raised while they came."""

from __future__ import annotations

import msgspec
import numpy as np

from features import DAY
from models.learning import Weighing
from models.watching import LossAlarm, Watch, loss_alarms
from models.watching.stability import Stability
from tests.models.portraits import CATALOGUE
from tests.models.watching.test_drift import A, H, shop


def alarms(seed: int, late_churn: float) -> tuple[list[LossAlarm], list[tuple[str, int]]]:
    """Return what is told afterwards, and what was told on the way."""
    examples = [
        each
        for each in shop(seed, customers=60, churn=lambda day: 0.25 if day < 200 else late_churn)
        if each.whole
    ]
    examples.sort(key=lambda each: each.matured_at)
    watch = Watch()
    names = CATALOGUE.names
    live = watch.look(examples, Stability(), names, Weighing(), H, A, 1e9)
    told = loss_alarms(
        np.array([each.risk for each in examples]),
        np.array([float(each.label) for each in examples]),
        np.array([each.matured_at for each in examples]),
        H,
    )
    return told, [(each.detector.replace("-", "_"), each.at) for each in live]


def test_afterwards_the_alarms_are_those_of_the_live_watch() -> None:
    told, live = alarms(1, 0.7)
    assert sorted((each.detector, each.at) for each in told) == sorted(live)
    assert {each.detector for each in told} == {"adwin", "page_hinkley"}
    assert all(each.at > 200 * DAY for each in told)
    assert [each.at for each in told] == sorted(each.at for each in told)


def test_an_alarm_tells_how_much_worse_it_became() -> None:
    told, _ = alarms(2, 0.7)
    quiet = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
    loud = -0.3 * np.log(0.75) - 0.7 * np.log(0.25)
    first = {each.detector: each for each in reversed(told)}
    assert abs(first["adwin"].before - quiet) < 0.05
    assert abs(first["page_hinkley"].before - quiet) < 0.05
    for each in first.values():
        # Found out soon: a part of what is called after was before.
        assert quiet + 0.15 < each.after < loud + 0.1


def test_a_shop_that_stays_as_it_is_raises_no_alarm() -> None:
    assert alarms(3, 0.25)[0] == []
    assert loss_alarms(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64), H) == []


def test_what_is_told_is_plain() -> None:
    assert msgspec.json.encode(LossAlarm("adwin", 5, 0.1, 0.2)).startswith(b'{"detector":"adwin"')
