"""Other policies on a finished backtest; the recorded one comes out as it was recorded."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from features import DAY, to_datetime
from models.deciding import verdicts
from models.judging import Offer
from streams.composition import shop_of
from streams.report import NotComparable, read_findings
from streams.trial import Alternative, Decided, read_decided, try_policy, what_if
from tests.streams.planned import PLAN
from tests.streams.replay.backtested import SETTINGS, shoppers
from tests.streams.replay.kept import kept

POLICY = {"threshold": 0.55, "hysteresis": 0.05, "cooldown": 3 * DAY, "holdout": 0.3, "salt": "x"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backtest of two models under a policy of its own."""
    settings = SETTINGS.model_copy(update={"policy": SETTINGS.policy.model_copy(update=POLICY)})
    place = tmp_path_factory.mktemp("whatif") / "out"
    return kept(place, shoppers(3, customers=60), "bayes", "recency", shop=shop_of(settings))


@pytest.fixture(scope="module")
def decided(folder: Path) -> Decided:
    return read_decided(folder)


def test_the_recorded_policy_comes_out_as_it_was_recorded(folder: Path, decided: Decided) -> None:
    rows = parquet.read_table(folder / "decisions.parquet").to_pylist()
    recorded = {(row["customer"], row["at"], row["cause"]): row for row in rows}
    assert len(recorded) == len(rows) > 500
    assert sum(row["alert"] for row in rows) > 30
    assert {row["arm"] for row in rows if row["alert"]} == {"treated", "holdout"}
    found = 0
    for point, verdict in zip(
        decided.points(), verdicts(decided.policy, decided.points()), strict=True
    ):
        row = recorded[point.customer, to_datetime(point.at), point.cause]
        assert (row["risk"], row["alert"], row["arm"]) == (point.risk, verdict.alert, verdict.arm)
        assert (row["band"], row["why"]) == (verdict.band, verdict.why)
        found += 1
    assert found == len(rows)


def test_the_recorded_policy_comes_to_what_the_files_say(folder: Path, decided: Decided) -> None:
    [recorded] = what_if(decided, [])
    table = parquet.read_table(folder / "decisions.parquet")
    alerted = table.filter(table["alert"])
    found = recorded.campaign
    assert found.alerts == alerted.num_rows
    assert found.held_out == pc.sum(pc.equal(alerted["arm"], "holdout")).as_py()
    assert found.customers == len(alerted["customer"].unique())
    labels = parquet.read_table(
        folder / "predictions.parquet", filters=pc.field("model") == "bayes"
    ).to_pylist()
    label = {(row["customer"], row["at"], row["cause"]): row["label"] for row in labels}
    known = [
        label[row["customer"], row["at"], row["cause"]]
        for row in alerted.select(["customer", "at", "cause"]).to_pylist()
    ]
    known = [each for each in known if each is not None]
    assert found.known == len(known)
    assert found.precision == pytest.approx(sum(known) / len(known))
    assert 0 < found.recall < 1 and 0 < found.lead_days < 20
    told = json.loads((folder / "report.json").read_text())["decisions"]
    assert (found.alerts, len(decided.at)) == (told["alerts"], told["count"])


def test_what_is_told_of_early_alerts_is_what_the_report_tells(
    folder: Path, decided: Decided
) -> None:
    [recorded] = what_if(decided, [])
    [told] = read_findings(folder).table("lead_summary").to_dict("records")
    assert recorded.campaign.gone == told["gone"]
    assert recorded.campaign.recall == pytest.approx(told["share_before_gone"])
    assert recorded.campaign.lead_days == pytest.approx(told["median_days"], abs=1e-4)


def test_a_backtest_under_another_policy_decides_as_it_was_foretold(
    decided: Decided, tmp_path: Path
) -> None:
    # Treated customers teach like all others here, so that the risks do not hang on the policy.
    other = {**POLICY, "threshold": 0.7, "cooldown": 1 * DAY}
    settings = SETTINGS.model_copy(update={"policy": SETTINGS.policy.model_copy(update=other)})
    events = shoppers(3, customers=60)
    really = read_decided(kept(tmp_path / "other", events, "bayes", shop=shop_of(settings)))
    policy = dataclasses.replace(decided.policy, threshold=0.7, cooldown=DAY)
    foretold = try_policy(Alternative(decided, policy))
    assert (foretold.alerts == really.alerts).all()
    assert foretold.campaign == what_if(really, [])[0].campaign


def test_a_higher_threshold_alerts_less_and_costs_less(decided: Decided) -> None:
    offer = Offer(cost=5, margin=100, saved=0.3)
    policies = [
        dataclasses.replace(decided.policy, threshold=risk, hysteresis=0.0, cooldown=0)
        for risk in (0.3, 0.6, 0.9)
    ]
    low, middle, high = (
        each.campaign
        for each in what_if(decided, [Alternative(decided, p) for p in policies], offer)[1:]
    )
    assert low.customers > middle.customers > high.customers
    assert low.cost is not None and middle.cost is not None and high.cost is not None
    assert low.cost > middle.cost > high.cost
    assert low.cost == 5 * (low.alerts - low.held_out)


def test_a_budget_goes_to_the_highest_risks_of_each_day(decided: Decided) -> None:
    free, bound = (
        try_policy(Alternative(decided, decided.policy, budget)) for budget in (10_000, 1)
    )
    assert free.campaign.alerts > bound.campaign.alerts > 0
    assert bound.campaign.most_a_day == 1
    plain = try_policy(Alternative(decided, decided.policy))
    assert (free.alerts == plain.alerts).all()
    # The list of a day goes out when it is over.
    assert free.campaign.lead_days <= plain.campaign.lead_days


def test_another_model_decides_by_its_own_risks(folder: Path, decided: Decided) -> None:
    other = read_decided(folder, "recency")
    assert not other.decides and decided.decides
    assert (other.at == decided.at).all() and (other.customers == decided.customers).all()
    assert (other.labels == decided.labels)[~np.isnan(decided.labels)].all()
    assert not (other.risks == decided.risks).all()
    tried = try_policy(Alternative(other, other.policy))
    assert tried.alternative.name == "model recency"
    assert (tried.alerts != decided.alerts).any()


def test_what_is_told_of_a_policy_is_what_is_not_as_it_was(decided: Decided) -> None:
    def name(budget: int | None = None, **changed: float) -> str:
        policy = dataclasses.replace(decided.policy, **changed)  # type: ignore[arg-type]
        return Alternative(decided, policy, budget).name

    assert name() == "as recorded"
    assert name(threshold=0.7, cooldown=0) == "threshold 0.7, cooldown 0d"
    assert name(20, holdout=0.0) == "holdout 0, budget 20"


def test_what_cannot_be_told_is_null_for_a_machine(decided: Decided) -> None:
    never = dataclasses.replace(decided.policy, threshold=0.999)
    found = try_policy(Alternative(decided, never)).as_dict()
    assert (found["alerts"], found["precision"], found["lead_days"]) == (0, None, None)
    assert not any(isinstance(each, float) and math.isnan(each) for each in found.values())


def test_decisions_that_do_not_come_out_of_their_policy_are_refused(decided: Decided) -> None:
    changed = dataclasses.replace(decided, alerts=~decided.alerts)
    with pytest.raises(NotComparable, match="do not come out of the policy in its report"):
        what_if(changed, [])
    salted = dataclasses.replace(
        decided, policy=dataclasses.replace(decided.policy, salt="another")
    )
    with pytest.raises(NotComparable, match="do not come out"):
        what_if(salted, [])


def test_files_that_do_not_go_together_are_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("report.json", "predictions.parquet", "customers.parquet"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(NotComparable, match=r"decisions\.parquet is not of a backtest"):
        read_decided(tmp_path)
    table = parquet.read_table(folder / "decisions.parquet")
    parquet.write_table(table.slice(1), tmp_path / "decisions.parquet")
    with pytest.raises(NotComparable, match=r"does not go with decisions\.parquet"):
        read_decided(tmp_path)
    parquet.write_table(table.drop_columns("arm"), tmp_path / "decisions.parquet")
    with pytest.raises(NotComparable, match="arm"):
        read_decided(tmp_path)


def test_what_a_policy_file_decided_is_in_a_backtest_and_not_tried_with_other_thresholds(
    tmp_path: Path,
) -> None:
    settings = SETTINGS.model_copy(update={"policy": SETTINGS.policy.model_copy(update=POLICY)})
    shop = dataclasses.replace(shop_of(settings), plan=PLAN)
    out = kept(tmp_path / "out", shoppers(3, customers=30), shop=shop)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["configuration"]["policy"] == PLAN.fingerprint
    said = parquet.read_table(out / "decisions.parquet").to_pylist()
    acted = [row["why"] for row in said if row["alert"]]
    assert acted and all("; playbook " in why for why in acted)
    assert any("no playbook is for this customer now" in row["why"] for row in said)
    with pytest.raises(NotComparable, match=r"decided by a policy file, .* without policy\.file"):
        read_decided(out)
