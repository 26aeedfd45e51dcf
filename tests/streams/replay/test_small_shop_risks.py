"""A shop of 300 customers has risks that come true, from the end of its first month on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from features import DAY, from_datetime
from models.judging import calibration_error, log_loss, roc_auc
from models.learning import Weighing
from streams.composition import shop_of, task_of
from streams.demo import Shop as Shoppers
from streams.pipeline import Arrival
from streams.replay import replay
from streams.settings import load_settings

END = 1_767_225_600_000


def test_a_small_shop_has_risks_that_come_true_from_its_first_month_on(tmp_path: Path) -> None:
    shop = shop_of(load_settings(environ={}).settings)
    events = list(Shoppers(seed=7, end=END, shoppers=300).events())
    replay(
        [[Arrival(place, event.at, event) for place, event in enumerate(events)]],
        shop,
        ["bayes"],
        task=task_of(shop, Weighing(treated=1)),
        output=tmp_path / "out",
        warmup=0,
    )
    table = parquet.read_table(tmp_path / "out" / "predictions.parquet")
    rows = [
        ((from_datetime(at) - events[0].at) / DAY, risk, label)
        for at, risk, label in zip(
            *(table[name].to_pylist() for name in ("at", "risk", "label")), strict=True
        )
        if label is not None
    ]
    found = np.array(rows)

    def between(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        mask = (found[:, 0] >= first) & (found[:, 0] < last)
        return found[mask, 1], found[mask, 2]

    for first, last, most in ((30, 60, 0.1), (60, 120, 0.04), (120, 180, 0.04)):
        risks, labels = between(first, last)
        assert len(risks) > 500
        assert calibration_error(risks, labels, 10) < most
        # Better than one who knows the share of those who leave, and nothing of anybody.
        share = np.full(len(labels), labels.mean())
        assert log_loss(risks, labels) < log_loss(share, labels)
        assert np.mean(risks) == pytest.approx(labels.mean(), abs=0.08)
    assert roc_auc(*between(60, 120)) > 0.7
