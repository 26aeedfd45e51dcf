"""What another policy would have brought, from customers whose treatment was left to chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.judging import Interval, PolicyValue, expected_rewards, policy_value
from streams.trial.decided import Decided
from streams.trial.logged import Trials
from streams.trial.whatif import Tried

#: Of a policy that does more than this elsewhere, an estimate would be of another one.
_MOST: Final = 0.5
_NOTHING: Final = Interval(math.nan, math.nan, math.nan)
#: So many standard errors off, the share of the held-out is not what was said.
_ODD: Final = 3.0


@dataclass(frozen=True, eq=False)
class Joined:
    """What was tried, put to the decisions of a backtest that it was tried at.

    Parameters
    ----------
    decided
        The decisions.
    place
        Of each trial, the decision.
    treated, propensity, reward
        What was done, the chance of just that, and what came of it: not a number where that is
        not known yet.
    unmatched
        Trials that lie at no decision.
    warnings
        What is odd about the log as a whole.
    """

    decided: Decided
    place: npt.NDArray[np.int64]
    treated: npt.NDArray[np.bool_]
    propensity: npt.NDArray[np.float64]
    reward: npt.NDArray[np.float64]
    unmatched: int
    warnings: tuple[str, ...]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Of which trials it is known what came of them."""
        return ~np.isnan(self.reward)

    @property
    def customers(self) -> int:
        """On how many customers something was tried, and it is known what came of it."""
        return len(np.unique(self.decided.customers[self.place[self.known]]))

    def as_dict(self) -> dict[str, Any]:
        """Return what there is to say of the log, for a machine."""
        known = self.known
        return {
            "trials": len(self.place) + self.unmatched,
            "unmatched": self.unmatched,
            "unknown": int((~known).sum()),
            "used": int(known.sum()),
            "treated": int(self.treated[known].sum()),
            "held_out": int((~self.treated[known]).sum()),
            "customers": self.customers,
            "warnings": list(self.warnings),
        }


def join(decided: Decided, trials: Trials) -> Joined:
    """Put what was tried to the decisions at the same customer and time.

    Where a log has no reward, it is 1 for a customer who came back within the horizon, else 0.
    """
    number = {name: place for place, name in enumerate(decided.names)}
    found: dict[tuple[int, int], list[int]] = {}
    asked = {(number[each.customer], each.at) for each in trials.rows if each.customer in number}
    for row, key in enumerate(zip(decided.customers.tolist(), decided.at.tolist(), strict=True)):
        if key in asked:
            found.setdefault(key, []).append(row)
    pairs = []
    for trial in trials.rows:
        here = found.get((number.get(trial.customer, -1), trial.at), [])
        of_cause = [row for row in here if decided.causes[row] == trial.cause]
        # A log that does not say why is about the last word of that moment.
        if of_cause or (here and not trial.cause):
            pairs.append(((of_cause or here)[-1], trial))
    # In the order of time, however the log had them: a topic's partitions come in any order.
    pairs.sort()
    kept = [trial for _, trial in pairs]
    place = np.array([row for row, _ in pairs], dtype=np.int64)
    given = np.array([trial.reward for trial in kept], dtype=np.float64)
    return Joined(
        decided=decided,
        place=place,
        treated=np.array([trial.treated for trial in kept], dtype=bool),
        propensity=np.array([trial.propensity for trial in kept], dtype=np.float64),
        reward=np.where(np.isnan(given), 1 - decided.labels[place], given),
        unmatched=len(trials.rows) - len(kept),
        warnings=_oddities(trials),
    )


def _oddities(trials: Trials) -> tuple[str, ...]:
    """Say when more or fewer customers were held out than the propensities have it."""
    held = {each.customer: not each.treated for each in trials.rows}
    chance = {
        each.customer: 1 - each.propensity if each.treated else each.propensity
        for each in trials.rows
    }
    count, expected = sum(held.values()), sum(chance.values())
    error = math.sqrt(sum(each * (1 - each) for each in chance.values()))
    if abs(count - expected) <= max(_ODD * error, 1e-9):
        return ()
    return (
        f"{count:,} of {len(held):,} customers were held out, where the propensities have "
        f"{expected:,.0f}: are they right?",
    )


def worth(joined: Joined, tried: Tried) -> PolicyValue:
    """Return what a policy would have brought at the moments at which something was tried.

    Where it alerts it treats all but its own holdout share; where it does not, nobody. What it
    would do at other moments, between the first trial and the last, nothing is known of; the
    share of that among its alerts is told, and warned of. If it is more than half, there is no
    estimate: it would be of another policy.

    Parameters
    ----------
    joined
        What was tried.
    tried
        What the policy decided in the same backtest.
    """
    decided, known = joined.decided, joined.known
    place = joined.place[known]
    treats = tried.alerts[place] * (1 - tried.alternative.policy.holdout)
    arms = joined.treated[known].astype(np.int64)
    customers = decided.customers[place]
    value = policy_value(
        arms,
        joined.reward[known],
        joined.propensity[known],
        np.column_stack([1 - treats, treats]),
        customers,
        predicted=expected_rewards(
            arms, joined.reward[known], decided.risks[place], customers, count=2
        ),
        elsewhere=_elsewhere(joined, tried),
    )
    warnings = (*joined.warnings, *value.warnings)
    if value.elsewhere > _MOST:
        return dataclasses.replace(
            value,
            inverse_propensity=_NOTHING,
            doubly_robust=_NOTHING,
            gain=_NOTHING,
            warnings=("too little of it was tried for an estimate", *warnings),
        )
    return dataclasses.replace(value, warnings=warnings)


def _elsewhere(joined: Joined, tried: Tried) -> float:
    """Return the share of a policy's alerts, while the log was kept, that it has no trial of."""
    if not len(joined.place):
        return 0.0
    at = joined.decided.at
    logged = at[joined.place]
    here = tried.alerts & (at >= logged.min()) & (at <= logged.max())
    if not here.any():
        return 0.0
    matched = np.zeros(len(at), dtype=bool)
    matched[joined.place] = True
    return float((here & ~matched).sum() / here.sum())


def value_as_dict(value: PolicyValue) -> dict[str, Any]:
    """Return an estimate for a machine; null for what cannot be told."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        told = getattr(value, field.name)
        if isinstance(told, Interval):
            ends = (told.estimate, told.low, told.high)
            found[field.name] = dict(
                zip(("estimate", "low", "high"), map(_defined, ends), strict=True)
            )
        else:
            found[field.name] = list(told) if isinstance(told, Sequence) else _defined(told)
    return found


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
