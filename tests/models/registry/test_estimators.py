"""The estimators of our own keep River's conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from river import checks, linear_model, optim

from models.registry.margins import PassiveAggressive, PlattScaled
from models.registry.naive_bayes import CautiousGaussianNB
from models.registry.neural import OnlineNetwork

SVM = linear_model.LogisticRegression(optim.AdaGrad(), loss=optim.losses.Hinge())
ESTIMATORS = (
    PassiveAggressive(),
    PlattScaled(PassiveAggressive()),
    PlattScaled(SVM),
    CautiousGaussianNB(),
    OnlineNetwork(),
)


def all_checks() -> Iterator[Any]:
    for number, model in enumerate(ESTIMATORS):
        skipped = model._unit_test_skips()
        seen: dict[str, int] = {}
        for check in checks.yield_checks(model):
            if check.__name__ in skipped:
                continue
            again = seen[check.__name__] = seen.get(check.__name__, 0) + 1
            yield pytest.param(
                model, check, id=f"{number}-{type(model).__name__}-{check.__name__}-{again}"
            )


@pytest.mark.parametrize(("model", "check"), list(all_checks()))
def test_river_finds_nothing_amiss(model: Any, check: Callable[[Any], None]) -> None:
    check(model.clone())
