"""The estimators of our own keep River's conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from river import linear_model, optim

from models.registry.margins import PassiveAggressive, PlattScaled
from models.registry.naive_bayes import CautiousGaussianNB
from models.registry.neural import OnlineNetwork
from tests.models.river_checks import all_checks

SVM = linear_model.LogisticRegression(optim.AdaGrad(), loss=optim.losses.Hinge())
ESTIMATORS = (
    PassiveAggressive(),
    PlattScaled(PassiveAggressive()),
    PlattScaled(SVM),
    CautiousGaussianNB(),
    OnlineNetwork(),
)


@pytest.mark.parametrize(("model", "check"), list(all_checks(ESTIMATORS)))
def test_river_finds_nothing_amiss(model: Any, check: Callable[[Any], None]) -> None:
    check(model.clone())
