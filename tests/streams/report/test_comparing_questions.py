"""Runs that ask other questions: another threshold, another horizon, and all of a grid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from models.judging import Offer, choose, first_offers
from streams.report import Comparison, NotComparable, Run, caveats, compare, conclusion, read_runs
from streams.report.finished import Decided
from streams.report.measuring import Rows, alerting
from streams.report.named import find_named

#: One prediction a day.
DAY_MS = 86_400_000
OFFER = Offer(cost=5.0, margin=100.0, saved=0.2)


def run(
    risks: Sequence[float],
    labels: Sequence[float],
    customers: Sequence[str] | None = None,
    *,
    name: str = "one",
    model: str = "bayes",
    horizon: str = "28d",
    threshold: float | None = None,
    offer: Offer | None = None,
) -> Run:
    count = len(risks)
    who = [f"c{place // 2}" for place in range(count)] if customers is None else list(customers)
    return Run(
        name=name,
        model=model,
        folder=Path("shop"),
        customers=np.array(who, dtype=object),
        causes=np.array(["silence"] * count, dtype=object),
        at=np.arange(count) * DAY_MS,
        risks=np.array(risks, dtype=np.float64),
        labels=np.array(labels, dtype=np.float64),
        horizon=horizon,
        threshold=threshold,
        offer=offer,
    )


def shop(seed: int, count: int = 400, share: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    labels = (chance.uniform(size=count) < share).astype(float)
    return np.clip(labels * 0.3 + chance.uniform(0, 0.7, count), 0.01, 0.99), labels


# -- thresholds -------------------------------------------------------------------------------


def thresholds(*at: float, offer: Offer | None = None) -> Comparison:
    risks, labels = shop(1)
    return compare([run(risks, labels, name=f"@{t}", threshold=t, offer=offer) for t in at])


def test_a_threshold_is_measured_by_its_alerts_as_another_library_has_it() -> None:
    found = thresholds(0.5, 0.7)
    risks, labels = shop(1)
    for place, threshold in enumerate((0.5, 0.7)):
        alerted = risks >= threshold

        def of(rows: np.ndarray) -> set[int]:
            return set((np.flatnonzero(rows) // 2).tolist())

        value = {metric: each[place].value for metric, each in found.standings.items()}
        assert value == pytest.approx(
            {
                "precision": metrics.precision_score(labels, alerted),
                "recall": metrics.recall_score(labels, alerted),
                "f1": metrics.f1_score(labels, alerted),
                "accuracy": metrics.accuracy_score(labels, alerted),
                "reached": len(of(alerted & (labels > 0))) / len(of(labels > 0)),
                "alerts_per_day": alerted.sum() / 400,
            }
        )


def test_a_higher_threshold_finds_really_fewer_and_more_alerts_are_neither_good_nor_bad() -> None:
    found = thresholds(0.3, 0.7)
    recall, alerts = found.standings["recall"][1], found.standings["alerts_per_day"][1]
    assert (recall.verdict, recall.better) == ("real", False)
    assert (alerts.verdict, alerts.better) == ("real", None)
    assert found.standings["precision"][1].better is True
    assert any("waits between two alerts" in each for each in caveats(found))


def test_with_an_offer_the_profit_decides_and_without_one_f1() -> None:
    without, with_offer = thresholds(0.3, 0.6), thresholds(0.3, 0.6, offer=OFFER)
    assert without.lead is not None and without.lead.metric == "f1"
    assert "profit" not in without.standings
    assert with_offer.lead is not None and with_offer.lead.metric == "profit"
    risks, labels = shop(1)
    for place, threshold in enumerate((0.3, 0.6)):
        alerted = risks >= threshold
        earned = 20.0 * (alerted & (labels > 0)).sum() - 5.0 * alerted.sum()
        assert with_offer.standings["profit"][place].value == pytest.approx(earned)


def test_other_offers_are_not_compared_in_money_and_that_is_said() -> None:
    risks, labels = shop(1)
    dear = Offer(cost=9.0, margin=100.0, saved=0.2)
    runs = [
        run(risks, labels, name=f"{offer.cost}", threshold=0.5, offer=offer)
        for offer in (OFFER, dear)
    ]
    found = compare(runs)
    assert "profit" not in found.standings
    assert any("different offers" in each for each in caveats(found))


def test_a_threshold_that_alerts_nobody_has_no_precision_and_is_no_failure() -> None:
    found = thresholds(0.5, 0.999)
    assert found.standings["precision"][1].value is None
    assert found.standings["precision"][1].verdict is None
    assert found.standings["recall"][1].value == 0.0


def test_the_same_threshold_of_the_same_risks_differs_by_exactly_nothing() -> None:
    found = thresholds(0.5, 0.5, offer=OFFER)
    for first, second in found.standings.values():
        assert second.value == first.value
        assert (second.difference, second.low, second.high) == (0.0, 0.0, 0.0)
        assert second.verdict == "no real difference"
    assert found.lead is not None and found.lead.level_with == ("@0.5",)


def test_an_offer_is_made_once_in_a_while_at_the_first_alert() -> None:
    day = DAY_MS
    at = np.array([0, 1, 4, 5, 9, 20]) * day
    risks, labels = np.array([0.2, 0.8, 0.9, 0.9, 0.9, 0.9]), np.array([1.0, 1, 0, 0, 1, 0])
    rows = Rows(risks, labels, np.zeros(6, dtype=np.int64), 1, at)
    # Whiles of 5 days since the first look: 1 (of 1, 4), 5 (of 5, 9), and 20.
    found = alerting(rows, 0.5, OFFER, pause=5 * day)
    assert dict(zip(found.names, found.measure(np.ones(1)), strict=True))["profit"] == 20 - 3 * 5


@pytest.mark.parametrize("seed", range(5))
def test_the_profit_of_a_threshold_is_that_of_the_table(seed: int) -> None:
    chance = np.random.default_rng(seed)
    who, at = chance.integers(0, 9, 200), np.arange(200) * DAY_MS
    risks, labels = chance.uniform(size=200).round(2), chance.integers(0, 2, 200).astype(float)
    pause = 30 * DAY_MS
    first = np.array([at[who == each].min() for each in range(9)])
    kept, replaced_at = first_offers(risks, at, who * 100 + (at - first[who]) // pause)
    chosen = choose(risks[kept], labels[kept], OFFER, replaced_at=replaced_at, points=1000)
    for point in chosen.curve[1:]:
        earned = alerting(Rows(risks, labels, who, 9, at), point.threshold, OFFER, pause)
        told = dict(zip(earned.names, earned.measure(np.ones(9)), strict=True))
        assert told["profit"] == pytest.approx(point.found)


# -- policies ---------------------------------------------------------------------------------


def decided(name: str, sent: np.ndarray, offer: Offer | None = OFFER) -> Run:
    risks, labels = shop(1)
    alerted = risks >= 0.5
    return replace(run(risks, labels, name=name, offer=offer), decided=Decided(alerted, sent))


def test_a_policy_is_measured_by_what_it_decided_and_pays_for_what_was_sent() -> None:
    risks, labels = shop(1)
    alerted = risks >= 0.5
    sent = alerted & (np.arange(400) % 2 == 0)
    found = compare([decided("all", alerted), decided("half", sent)])
    assert list(found.standings) == ["precision", "reached", "alerts_per_day", "profit"]
    assert found.standings["precision"][1].difference == 0.0
    for place, mask in enumerate((alerted, sent)):
        earned = 20.0 * (mask & (labels > 0)).sum() - 5.0 * mask.sum()
        assert found.standings["profit"][place].value == pytest.approx(earned)
    assert found.lead is not None and found.lead.metric == "profit"


def test_without_an_offer_no_policy_is_better_and_it_is_said_why() -> None:
    alerted = shop(1)[0] >= 0.5
    found = compare([decided("all", alerted, None), decided("none", alerted & False, None)])
    assert found.lead is None
    assert "depends on what an alert costs" in conclusion(found)[0]


def test_a_policy_and_a_threshold_are_compared_by_what_both_tell() -> None:
    risks, labels = shop(1)
    flat = run(risks, labels, name="flat", threshold=0.5, offer=OFFER)
    found = compare([decided("all", risks >= 0.5), flat])
    assert list(found.standings) == ["precision", "reached", "alerts_per_day", "profit"]
    assert {each[1].difference for each in found.standings.values()} == {0.0}


# -- horizons ---------------------------------------------------------------------------------


def horizons(other: tuple[np.ndarray, np.ndarray], horizon: str = "14d") -> Comparison:
    one = shop(1)
    return compare([run(*one, name="long"), run(*other, name="short", horizon=horizon)])


def test_horizons_are_measured_each_by_its_own_labels() -> None:
    short = shop(2, share=0.15)
    found = horizons(short)
    risks, labels = short
    assert found.by == "customer"
    assert [each.churned for each in found.compared] == [shop(1)[1].mean(), labels.mean()]
    value = {metric: each[1].value for metric, each in found.standings.items()}
    assert value["auc"] == pytest.approx(metrics.roc_auc_score(labels, risks))
    assert value["log_loss"] == pytest.approx(metrics.log_loss(labels, risks))
    base = metrics.log_loss(labels, np.full(400, labels.mean()))
    assert value["skill"] == pytest.approx(1 - metrics.log_loss(labels, risks) / base)


def test_horizons_are_compared_by_rank_and_skill_and_by_nothing_else() -> None:
    found = horizons(shop(2, share=0.15))
    other = {
        metric for metric, each in found.standings.items() if each[1].verdict == "another question"
    }
    assert set(found.standings) - other == {"auc", "skill"}
    assert all(found.standings[metric][1].difference is None for metric in other)


def test_a_shorter_horizon_that_ranks_by_chance_is_really_worse() -> None:
    risks, labels = shop(2)
    guesses = np.random.default_rng(3).permutation(risks)
    found = horizons((guesses, labels))
    assert [found.standings[name][1].better for name in ("auc", "skill")] == [False, False]
    said = " ".join(conclusion(found))
    assert "long is the best by ROC AUC" in said
    assert "different questions: who is gone for 28d, 14d" in said
    assert "What cannot be told" in said


def test_the_same_predictions_under_another_horizon_differ_by_exactly_nothing() -> None:
    found = horizons(shop(1))
    for metric in ("auc", "skill"):
        second = found.standings[metric][1]
        assert (second.difference, second.low, second.high) == (0.0, 0.0, 0.0)


def test_horizons_are_held_to_each_other_on_the_customers_that_both_know() -> None:
    one = run([0.9, 0.2, 0.4], [1, 0, 0], ["ada", "ada", "zoe"])
    other = run([0.7, 0.3], [1, 0], ["ada", "eve"], name="other", horizon="14d")
    found = compare([one, other])
    assert (found.customers, [each.predictions for each in found.compared]) == (1, [2, 1])
    assert "of whom not all runs know a label" in caveats(found)[0]
    with pytest.raises(NotComparable, match="there is no customer of which all runs"):
        compare([one, run([0.7], [1], ["eve"], name="other", horizon="14d")])


def test_models_of_the_first_horizon_are_compared_by_all_metrics_beside_other_horizons() -> None:
    risks, labels = shop(1)
    flat = run(np.full(400, 0.4), labels, name="flat", model="recency")
    short = run(*shop(2), name="short", horizon="14d")
    found = compare([run(risks, labels), flat, short])
    assert found.standings["log_loss"][1].better is False
    assert found.standings["log_loss"][2].verdict == "another question"


# -- in words, and by name --------------------------------------------------------------------


def test_every_sentence_is_there_in_both_languages() -> None:
    for found in (thresholds(0.3, 0.6), horizons(shop(2)), thresholds(0.5, 0.5)):
        english, chinese = (
            [*conclusion(found, language), *caveats(found, language)] for language in ("en", "zh")
        )
        assert len(english) == len(chinese) > 0
        assert all(any("\u4e00" <= sign <= "\u9fff" for sign in each) for each in chinese)
        assert not any("{" in each for each in (*english, *chinese))


def finished(folder: Path, *models: str) -> Path:
    from streams.report import FORMAT, PREDICTIONS, REPORT

    folder.mkdir(parents=True)
    report = {"format": FORMAT, "models": [{"model": each} for each in models]}
    (folder / REPORT).write_text(json.dumps(report))
    (folder / PREDICTIONS).touch()
    return folder


def test_a_threshold_is_named_behind_a_folder_or_a_model(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", "bayes", "recency")
    named, _ = find_named([f"{one}:bayes@0.5", f"{one}@0.6", f"{one}:bayes"])
    assert [(each.model, each.at) for each in named] == [
        ("bayes", 0.5),
        ("bayes", 0.6),
        ("recency", 0.6),
        ("bayes", None),
    ]


def test_a_folder_with_an_at_in_its_name_is_a_folder(tmp_path: Path) -> None:
    one = finished(tmp_path / "shop@0.5", "bayes")
    named, _ = find_named([f"{one}", f"{one}:bayes@0.7", f"{one}@0.8"])
    assert [each.at for each in named] == [None, 0.7, 0.8]
    assert {each.folder for each in named} == {one}


@pytest.mark.parametrize("said", ["0", "1", "high", "nan", "-0.2", ""])
def test_what_is_no_threshold_is_refused(said: str, tmp_path: Path) -> None:
    one = finished(tmp_path / "one", "bayes")
    with pytest.raises(NotComparable, match="behind @ comes a risk between 0 and 1"):
        find_named([f"{one}:bayes@{said}", f"{one}"])


def test_only_what_decided_is_named_as_policy(tmp_path: Path) -> None:
    one = finished(tmp_path / "one", "bayes", "recency")
    named, _ = find_named([f"{one}@policy", f"{one}:recency@0.5"])
    assert [(each.model, each.at) for each in named] == [("bayes", "policy"), ("recency", 0.5)]
    with pytest.raises(NotComparable, match="bayes decided, and not recency"):
        find_named([f"{one}:recency@policy"])


def grid(folder: Path, *names: object, form: str = "ebbtide grid 1") -> Path:
    folder.mkdir(exist_ok=True)
    told = {"format": form, "horizons": ["14d"] * len(names), "folders": names}
    (folder / "grid.json").write_text(json.dumps(told))
    return folder


def test_a_grid_stands_for_all_its_runs(tmp_path: Path) -> None:
    for name in ("14d", "28d"):
        finished(tmp_path / name, "bayes", "recency")
    whole = grid(tmp_path, "14d", "28d")
    named, _ = find_named([f"{whole}"])
    assert [(each.folder.name, each.model) for each in named] == [
        *(("14d", "bayes"), ("14d", "recency"), ("28d", "bayes"), ("28d", "recency"))
    ]
    named, _ = find_named([f"{whole}:bayes@0.7"])
    assert [(each.folder.name, each.model, each.at) for each in named] == [
        *(("14d", "bayes", 0.7), ("28d", "bayes", 0.7))
    ]


@pytest.mark.parametrize("name", ["../elsewhere", "/elsewhere", 7])
def test_a_grid_leads_nowhere_else(name: object, tmp_path: Path) -> None:
    with pytest.raises(NotComparable, match="which is not within"):
        find_named([f"{grid(tmp_path / 'grid', name)}"])


def test_what_is_no_grid_is_refused(tmp_path: Path) -> None:
    for folder in (grid(tmp_path / "none"), grid(tmp_path / "other", "a", form="grid 9")):
        with pytest.raises(NotComparable, match="is not the grid of a backtest of this version"):
            read_runs([f"{folder}"])
