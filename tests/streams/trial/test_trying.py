"""What other policies are worth, against planted shoppers whose answer to treatment is known."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from functools import cache

import numpy as np
import pytest

from features import DAY
from models.judging import PolicyValue
from streams.trial import Alternative, Joined, Trials, join, try_policy, value_as_dict, worth
from tests.streams.trial.planted import LOGGING, Shop, salted, truth

#: Two policies that are not the one that ran: fewer alerts, and nobody held out.
FEWER = {"threshold": 0.7, "holdout": 0.4}
ALL = {"threshold": 0.5, "holdout": 0.0}


@cache
def logged(seed: int, customers: int = 300, holdout: float = 0.4) -> Joined:
    shop = Shop(seed, customers)
    decided = shop.decided(salted(seed, holdout=holdout))
    return join(decided, shop.logged(decided))


def value(joined: Joined, **changed: float) -> PolicyValue:
    decided = joined.decided
    policy = dataclasses.replace(decided.policy, **changed)  # type: ignore[arg-type]
    return worth(joined, try_policy(Alternative(decided, policy)))


def test_the_intervals_hold_the_planted_worth_of_two_policies_in_ninety_of_a_hundred_seeds() -> (
    None
):
    wanted = {"fewer": truth(**FEWER), "all": truth(**ALL)}
    ran = truth(LOGGING.threshold, LOGGING.holdout)
    held: Counter[str] = Counter()
    warned = 0
    for seed in range(100):
        joined = logged(seed)
        for name, changed in (("fewer", FEWER), ("all", ALL)):
            found = value(joined, **changed)
            warned += found.thin
            assert found.elsewhere == found.unsupported == 0
            for kind, interval, true in (
                ("inverse", found.inverse_propensity, wanted[name]),
                ("robust", found.doubly_robust, wanted[name]),
                ("gain", found.gain, wanted[name] - ran),
            ):
                held[f"{name} {kind}"] += not interval.leaves_out(true)
    assert len(held) == 6
    # By chance alone three standard errors are passed now and then.
    assert warned <= 4
    assert {name: count for name, count in held.items() if count < 90} == {}
    # Bounds that hold everything say nothing.
    assert min(held.values()) < 100


def test_a_policy_that_helps_is_told_from_one_that_harms_by_enough_customers() -> None:
    joined = logged(1, customers=6_000)
    for changed in (FEWER, ALL):
        found = value(joined, **changed)
        assert found.doubly_robust.estimate == pytest.approx(truth(**changed), abs=0.02)
    assert value(joined, **ALL).gain.low > 0
    assert value(joined, threshold=0.9).gain.high < 0


def test_the_policy_that_ran_is_worth_what_was_seen() -> None:
    joined = logged(2)
    found = value(joined)
    seen = joined.reward.mean()
    assert found.logged.estimate == pytest.approx(seen)
    assert found.inverse_propensity.estimate == pytest.approx(seen)
    assert found.gain.low < 0 < found.gain.high
    assert joined.unmatched == 0 and joined.known.all()


def test_alerts_where_nothing_was_tried_are_warned_of() -> None:
    found = value(logged(3), threshold=0.3)
    assert found.elsewhere == pytest.approx(0.31, abs=0.05)
    share = f"{found.elsewhere:.0%}"
    assert f"{share} of what the other policy does is where nothing was tried" in found.warnings
    assert found.thin


def test_of_a_policy_that_does_most_of_it_elsewhere_there_is_no_estimate() -> None:
    joined = logged(3)
    # Only a part of what was tried was written down.
    some = dataclasses.replace(
        joined,
        place=joined.place[::3],
        treated=joined.treated[::3],
        propensity=joined.propensity[::3],
        reward=joined.reward[::3],
    )
    found = value(some)
    assert found.elsewhere == pytest.approx(2 / 3, abs=0.02)
    assert found.warnings[0] == "too little of it was tried for an estimate"
    for each in (found.inverse_propensity, found.doubly_robust, found.gain):
        assert math.isnan(each.estimate) and math.isnan(each.low) and math.isnan(each.high)
    assert not math.isnan(found.logged.estimate)


def test_without_a_holdout_nothing_can_be_told_of_leaving_somebody_alone() -> None:
    found = value(logged(4, holdout=0.0), **FEWER)
    assert any("arms never tried" in warning for warning in found.warnings)
    assert found.unsupported == pytest.approx(1.0, abs=0.5)
    assert value(logged(4, holdout=0.0), holdout=0.0).warnings == ()


def test_what_was_certain_for_some_leaves_them_without_support() -> None:
    joined = logged(5)
    # As if the riskiest had always been treated.
    certain = joined.treated & (joined.decided.risks[joined.place] > 0.75)
    sure = dataclasses.replace(joined, propensity=np.where(certain, 1.0, joined.propensity))
    found = value(sure, threshold=0.9)
    assert found.unsupported == pytest.approx(certain.mean(), abs=0.01)
    assert any("could not be drawn" in warning for warning in found.warnings)


def test_few_customers_are_warned_of() -> None:
    assert any("customers count" in each for each in value(logged(6, customers=60), **ALL).warnings)


def test_a_holdout_share_that_is_not_what_was_drawn_is_warned_of() -> None:
    shop = Shop(7)
    decided = shop.decided(salted(7))
    rows = shop.logged(decided).rows
    wrong = [row._replace(propensity=0.9 if row.treated else 0.1) for row in rows]
    [warning] = join(decided, Trials("wrong", tuple(wrong))).warnings
    assert "customers were held out, where the propensities have" in warning
    assert warning in value(join(decided, Trials("wrong", tuple(wrong)))).warnings


def test_trials_lie_at_the_decision_of_their_customer_time_and_cause() -> None:
    shop = Shop(8)
    decided = shop.decided()
    row = shop.logged(decided).rows[0]
    elsewhere = [
        row._replace(customer="nobody"),
        row._replace(at=row.at + 1),
        row._replace(cause="silence"),
    ]
    found = join(decided, Trials("some", (row, *elsewhere, row._replace(cause=""))))
    assert found.unmatched == 3
    assert decided.names[decided.customers[found.place[0]]] == row.customer
    assert found.place[0] == found.place[1]


def test_where_the_log_has_no_reward_the_label_says_what_came_of_it() -> None:
    shop = Shop(9)
    decided = shop.decided()
    rows = [row._replace(reward=math.nan) for row in shop.logged(decided).rows]
    labels = np.where(decided.at > 100 * DAY, np.nan, (decided.risks > 0.6).astype(float))
    found = join(dataclasses.replace(decided, labels=labels), Trials("bare", tuple(rows)))
    assert found.known.sum() == (decided.at[found.place] < 100 * DAY).sum() > 0
    known = found.place[found.known]
    assert (found.reward[found.known] == (decided.risks[known] <= 0.6)).all()
    told = found.as_dict()
    assert told["used"] + told["unknown"] == told["trials"] == len(rows)


def test_a_log_that_has_nothing_in_common_tells_nothing() -> None:
    shop = Shop(10)
    decided = shop.decided()
    found = worth(
        join(decided, Trials("empty", ())), try_policy(Alternative(decided, decided.policy))
    )
    assert found.warnings == ("no rows were logged",)
    assert value_as_dict(found)["doubly_robust"] == {"estimate": None, "low": None, "high": None}
