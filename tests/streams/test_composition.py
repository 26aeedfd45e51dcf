"""From settings to rules: each setting reaches the rule that it names."""

from __future__ import annotations

import numpy as np
import pytest

from features import DAY, HOUR, MINUTE
from models.learning import Judgement, Weighing
from models.registry import REGISTRY
from models.watching import Guard, Rivalry
from streams.composition import (
    definition_of,
    explainer_of,
    policy_of,
    rivalry_of,
    shop_of,
    task_of,
    weighing_of,
)
from streams.settings import Settings, SettingsError, load_settings


def settings_of(**environment: str) -> Settings:
    return load_settings(
        environ={f"EBB_{name}": value for name, value in environment.items()}
    ).settings


def test_without_settings_the_shop_is_the_one_of_the_documentation() -> None:
    shop = shop_of(Settings())
    assert (shop.definition.horizon, shop.definition.active) == (30 * DAY, 90 * DAY)
    assert (shop.lateness, shop.skew) == (HOUR, DAY)
    assert (shop.keep, shop.max_pending) == (1.0, 32)
    assert (shop.policy.threshold, shop.policy.cooldown) == (0.6, 14 * DAY)


def test_every_setting_of_the_definition_reaches_it() -> None:
    found = definition_of(
        settings_of(
            HORIZON="28d",
            ACTIVE="84d",
            ACTIVITY="purchase,visit",
            CHURN_SESSION_GAP="45m",
            SILENCE_WAITS="3d,10d",
            SILENCE_MULTIPLES="2,4",
            FEATURES_TRAITS="tier",
            FEATURES_AMOUNT_CAP="500",
            FEATURES_QUANTITY_CAP="9",
        )
    )
    assert (found.horizon, found.active, found.session_gap) == (28 * DAY, 84 * DAY, 45 * MINUTE)
    assert found.activity == {"purchase", "visit"}
    assert (found.waits, found.multiples) == ((3 * DAY, 10 * DAY), (2.0, 4.0))
    assert (found.traits, found.amount_cap, found.quantity_cap) == (("tier",), 500.0, 9.0)


def test_a_star_among_the_activities_means_any_event() -> None:
    for words in ("*", "purchase,*"):
        found = definition_of(settings_of(ACTIVITY=words))
        assert found.counts_as_activity("anything")
    assert not definition_of(settings_of(ACTIVITY="purchase")).counts_as_activity("anything")


def test_to_be_told_who_somebody_is_counts_only_where_it_is_named() -> None:
    for words, counts in (("*", False), ("visit", False), ("*,identified", True)):
        assert definition_of(settings_of(ACTIVITY=words)).counts_as_activity("identified") is counts
    assert not definition_of(settings_of(ACTIVITY="*,identified")).counts_as_activity("alias")


def test_every_setting_of_the_policy_reaches_it() -> None:
    found = policy_of(
        settings_of(
            POLICY_THRESHOLD="0.7",
            POLICY_HYSTERESIS="0.2",
            POLICY_COOLDOWN="7d",
            POLICY_HOLDOUT="0.25",
            POLICY_SALT="pepper",
            POLICY_VALID="2d",
        )
    )
    assert (found.threshold, found.hysteresis, found.holdout) == (0.7, 0.2, 0.25)
    assert (found.cooldown, found.valid, found.salt) == (7 * DAY, 2 * DAY, "pepper")


def test_time_and_labels_reach_the_shop() -> None:
    shop = shop_of(settings_of(LATENESS="2h", SKEW="3h", LABELS_KEEP="0.5", LABELS_MAX_PENDING="7"))
    assert (shop.lateness, shop.skew, shop.keep, shop.max_pending) == (2 * HOUR, 3 * HOUR, 0.5, 7)


def test_a_sensitive_trait_never_becomes_a_feature_by_accident() -> None:
    with pytest.raises(SettingsError, match=r"features\.traits names gender, which features\.sens"):
        shop_of(settings_of(FEATURES_TRAITS="tier,gender"))
    allowed = shop_of(settings_of(FEATURES_TRAITS="gender", FEATURES_SENSITIVE="age_band"))
    assert "trait_gender_0" in allowed.catalogue.names


@pytest.mark.parametrize(
    ("activity", "said"),
    [
        ("*", "comes"),
        ("purchase", "buys"),
        ("purchase,order_completed", "buys"),
        ("purchase,visit", "comes"),
    ],
)
def test_customers_buy_where_only_purchases_count(activity: str, said: str) -> None:
    explainer = explainer_of(settings_of(ACTIVITY=activity))
    judgement = Judgement(np.array([0.5]), np.array([[1.0]]), 0.0, ("renewal",), "test")
    facts = {"gap_usual": 9.0, "recency": 31.0}
    (cause,) = explainer.causes(explainer.weigh(judgement)[0], facts)
    assert cause.text == f"usually {said} every 9 days, silent for 31"


def test_the_inputs_are_those_of_the_shops_own_catalogue_and_horizon() -> None:
    settings = settings_of(HORIZON="28d", FEATURES_TRAITS="tier")
    shop = shop_of(settings)
    task = task_of(shop, weighing_of(settings))
    assert (task.horizon_days, task.active_days) == (28.0, 90.0)
    assert "trait_tier_0" in task.inputs.names
    assert task.weighing == Weighing(returned=1, churned=1, treated=0, memory=8)
    snapshot = REGISTRY["logistic"].learner(task, None).snapshot(1, {})
    assert snapshot.catalogue == shop.catalogue.fingerprint


def test_nobody_challenges_unless_it_is_set() -> None:
    assert rivalry_of(Settings()) == Rivalry()


def test_every_setting_of_a_challenger_and_of_drift_reaches_it() -> None:
    found = rivalry_of(
        settings_of(
            CHALLENGER="logistic",
            HORIZON="28d",
            MODEL_PROMOTE="true",
            MODEL_WARMUP="70",
            CHALLENGER_ALPHA="0.01",
            CHALLENGER_LABELS="90",
            CHALLENGER_IMPROVEMENT="0.002",
            CHALLENGER_COOLDOWN="60d",
            DRIFT_CHALLENGER="bayes",
            DRIFT_STABILITY="0.3",
        )
    )
    guard = Guard(horizon=28 * DAY, alpha=0.01, labels=90, improvement=0.002, cooldown=60 * DAY)
    assert found == Rivalry("logistic", True, "bayes", 0.3, 70, guard)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"CHALLENGER": "oracle"}, "model.challenger = 'oracle'"),
        ({"DRIFT_CHALLENGER": "oracle"}, "drift.challenger = 'oracle'"),
        ({"CHALLENGER": "bayes"}, "is model.name itself"),
    ],
)
def test_who_cannot_challenge_is_refused(environment: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        rivalry_of(settings_of(**environment))
