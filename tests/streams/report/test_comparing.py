"""Which of several backtests judged better: what is held to what, and when it is called real."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from models.judging import pair
from streams.report import PRACTICAL, NotComparable, Run, Standing, compare, read_runs
from streams.report.comparing import FEWEST, standings_of
from streams.report.measuring import JUDGING, Floats, Ints, Rows, judging
from tests.streams.replay.backtested import shoppers
from tests.streams.replay.kept import kept

Row = tuple[str, int, str, float, int]


def run(rows: Sequence[Row], name: str = "one") -> Run:
    customers, at, causes, risks, labels = zip(*rows, strict=True) if rows else ((),) * 5
    return Run(
        name=name,
        model=name,
        folder=Path(name),
        customers=np.array(customers, dtype=object),
        causes=np.array(causes, dtype=object),
        at=np.array(at, dtype=np.int64),
        risks=np.array(risks, dtype=np.float64),
        labels=np.array(labels, dtype=np.float64),
    )


def stood(said: Sequence[Floats], labels: Floats, who: Ints) -> dict[str, tuple[Standing, ...]]:
    """Return how models stand that said this of the same predictions."""
    number = int(who.max()) + 1
    measured = [[judging(Rows(each, labels, who, number, np.zeros_like(who)))] for each in said]
    found = pair(measured, number, np.random.default_rng(0), resamples=400)
    names = [str(place) for place in range(len(said))]
    return standings_of(names, found, [True] * len(said), enough=number >= FEWEST)


@pytest.fixture(scope="module")
def race(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backtest of enough shoppers to tell `bayes` from `recency`."""
    events = shoppers(5, customers=300, days=150)
    return kept(tmp_path_factory.mktemp("race") / "out", events, "bayes", "recency")


@pytest.mark.parametrize("model", ["bayes", "logistic"])
def test_a_model_with_two_seeds_makes_no_real_difference(model: str, tmp_path: Path) -> None:
    events = shoppers(5, customers=60)
    folders = [kept(tmp_path / f"{seed}", events, model, seed=seed) for seed in (0, 1)]
    found = compare(read_runs([str(folder) for folder in folders]))
    assert found.joined == len(found.runs[0].labels) > 1000
    assert {each[1].verdict for each in found.standings.values()} == {"no real difference"}
    assert list(found.standings) == list(JUDGING)


def test_bayes_is_really_better_than_recency(race: Path) -> None:
    found = compare(read_runs([str(race)]))
    first, second = found.standings["log_loss"]
    assert (first.run, second.run) == ("bayes", "recency")
    assert (second.verdict, second.better) == ("real", False)
    assert second.low is not None and second.high is not None and second.difference is not None
    assert 0 < second.low < second.difference < second.high


def test_values_are_those_of_the_report_and_of_another_library(race: Path) -> None:
    found = compare(read_runs([str(race)]))
    reported = json.loads((race / "report.json").read_text())["models"]
    for place, told in enumerate(reported):
        said, labels = found.runs[place].risks, found.runs[place].labels
        value = {metric: each[place].value for metric, each in found.standings.items()}
        assert value["log_loss"] == pytest.approx(told["log_loss"])
        assert value["brier"] == pytest.approx(told["brier"])
        assert value["auc"] == pytest.approx(metrics.roc_auc_score(labels, said))
        assert value["pr_auc"] == pytest.approx(metrics.average_precision_score(labels, said))
        assert value["precision_top_tenth"] == pytest.approx(told["precision_top_tenth"], abs=0.01)
        assert found.joined == told["count"]


def test_the_other_way_round_every_sign_is_the_other(race: Path) -> None:
    there = compare(read_runs([f"{race}:bayes", f"{race}:recency"]))
    back = compare(read_runs([f"{race}:recency", f"{race}:bayes"]))
    for metric in JUDGING:
        one, other = there.standings[metric][1], back.standings[metric][1]
        assert one.difference is not None and one.low is not None and one.high is not None
        assert (other.difference, other.low, other.high) == pytest.approx(
            (-one.difference, -one.high, -one.low)
        )
        assert one.verdict == other.verdict
        assert one.better is None or other.better is (not one.better)


def test_saying_it_again_of_the_same_customers_makes_nothing_surer() -> None:
    chance = np.random.default_rng(3)
    labels = chance.integers(0, 2, 60).astype(float)
    says = [np.clip(labels * w + chance.uniform(0, 1 - w, 60), 0.01, 0.99) for w in (0.2, 0.3)]
    once = stood(says, labels, np.arange(60))
    often = stood([np.tile(x, 9) for x in says], np.tile(labels, 9), np.tile(np.arange(60), 9))
    for metric in ("auc", "log_loss", "brier"):
        one, many = once[metric][1], often[metric][1]
        assert (one.low, one.high) == pytest.approx((many.low, many.high))
        assert one.low != one.high


def test_a_difference_that_no_shop_would_notice_is_not_real_however_sure() -> None:
    labels = np.tile([0.0, 1.0], 200)
    first = np.where(labels > 0, 0.6, 0.4)
    for more, verdict in ((PRACTICAL / 2, "no real difference"), (PRACTICAL * 2, "real")):
        other = first + np.where(labels > 0, more, -more)
        standing = stood([first, other], labels, np.arange(400))["log_loss"][1]
        assert standing.high is not None and standing.high < 0
        assert standing.verdict == verdict


@pytest.mark.parametrize(("customers", "verdict"), [(19, "cannot be told"), (20, "real")])
def test_of_a_handful_of_customers_nothing_is_told(customers: int, verdict: str) -> None:
    labels = np.arange(customers) % 2.0
    says = [np.where(labels > 0, 0.9, 0.1), np.full(customers, 0.5)]
    found = stood(says, labels, np.arange(customers))["log_loss"]
    assert found[1].verdict == verdict
    assert found[1].difference == pytest.approx(np.log(0.9) - np.log(0.5))


def test_without_a_churner_ranks_are_not_defined_and_the_rest_is() -> None:
    zeros = np.zeros(30)
    found = stood([zeros + 0.1, zeros + 0.4], zeros, np.arange(30))
    assert (found["auc"][1].value, found["auc"][1].verdict) == (None, None)
    assert found["brier"][1].verdict == "real"


def test_only_what_all_runs_said_counts() -> None:
    one = run([("ada", 1, "silence", 0.1, 0), ("zoe", 1, "silence", 0.9, 1)])
    other = run([("zoe", 2, "silence", 0.2, 0), ("zoe", 1, "session_end", 0.8, 1)], "other")
    found = compare([one, other])
    assert (found.joined, found.customers, found.churned, found.other_cause) == (1, 1, 1.0, 1)
    assert [each.value for each in found.standings["brier"]] == pytest.approx([0.01, 0.04])


def test_two_looks_at_a_customer_in_one_moment_are_told_apart_by_their_cause() -> None:
    rows: list[Row] = [("ada", 1, "distress", 0.7, 0), ("ada", 1, "silence", 0.3, 0)]
    found = compare([run(rows), run(rows[::-1], "other")])
    assert (found.joined, found.other_cause) == (2, 0)
    assert found.standings["brier"][1].difference == pytest.approx(0)


keys = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), st.integers(0, 1), max_size=12
)


@given(one=keys, other=keys, third=keys, data=st.data())
def test_the_join_is_that_of_sets_in_whatever_order_the_rows_come(
    one: dict[tuple[str, int], int],
    other: dict[tuple[str, int], int],
    third: dict[tuple[str, int], int],
    data: st.DataObject,
) -> None:
    labels = third | other | one
    runs = [
        run([(who, at, "silence", 0.5, labels[who, at]) for who, at in data.draw(order)], name)
        for name, order in zip(
            "xyz", (st.permutations(sorted(each)) for each in (one, other, third)), strict=True
        )
    ]
    common = set(one) & set(other) & set(third)
    if not common:
        with pytest.raises(NotComparable, match="no customer and time"):
            compare(runs)
        return
    found = compare(runs)
    assert found.joined == len(common)
    assert found.customers == len({who for who, _ in common})
    assert found.churned == pytest.approx(np.mean([labels[key] for key in common]))


def test_runs_that_disagree_on_what_became_of_a_customer_are_refused() -> None:
    rows = [("ada", 1, "silence", 0.1, 0), ("zoe", 1, "silence", 0.9, 1)]
    other = run([rows[0], ("zoe", 1, "silence", 0.9, 0)], "other")
    with pytest.raises(NotComparable, match="do not agree on what became of 1 "):
        compare([run(rows), other])


def test_nothing_in_common_is_refused_with_what_each_has() -> None:
    with pytest.raises(NotComparable, match=r"one has 1, other has 0"):
        compare([run([("ada", 1, "silence", 0.1, 0)]), run([], "other")])
