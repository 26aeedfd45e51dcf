"""What other policies would have decided in a finished backtest, next to the one that did."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features import DAY, format_duration
from models.deciding import Policy, verdicts
from models.judging import Campaign, Offer, campaign
from streams.report import NotComparable
from streams.trial.decided import Decided

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Alternative:
    """A policy to try, and whose risks it goes by.

    Parameters
    ----------
    decided
        The decision points, with the risks of a model.
    policy
        The policy.
    budget
        Alerts a day, at most; None for any number.
    """

    decided: Decided
    policy: Policy
    budget: int | None = None

    def differences(self) -> dict[str, Any]:
        """Return what is not as it was in the backtest, by name."""
        was, now = self.decided.policy, self.policy
        found: dict[str, Any] = {}
        if not self.decided.decides:
            found["model"] = self.decided.model
        for name in ("threshold", "hysteresis", "holdout"):
            if getattr(was, name) != getattr(now, name):
                found[name] = getattr(now, name)
        if was.cooldown != now.cooldown:
            found["cooldown"] = _duration(now.cooldown)
        if self.budget is not None:
            found["budget"] = self.budget
        return found

    @property
    def name(self) -> str:
        """What is not as it was in the backtest, in words."""
        told = (f"{key} {_text(value)}" for key, value in self.differences().items())
        return ", ".join(told) or "as recorded"


@dataclass(frozen=True, eq=False)
class Tried:
    """What a policy decided.

    Parameters
    ----------
    alternative
        Which one.
    alerts, held_out
        Of each decision point, whether there was an alert, and whether the customer is held out.
    campaign
        What its alerts come to.
    """

    alternative: Alternative
    alerts: Mask
    held_out: Mask
    campaign: Campaign

    def as_dict(self) -> dict[str, Any]:
        """Return everything for a machine; null for what cannot be told."""
        policy = self.alternative.policy
        return {
            "name": self.alternative.name,
            "model": self.alternative.decided.model,
            "policy": {
                "threshold": policy.threshold,
                "hysteresis": policy.hysteresis,
                "cooldown": _duration(policy.cooldown),
                "holdout": policy.holdout,
                "budget": self.alternative.budget,
            },
            **{
                key: None if isinstance(value, float) and math.isnan(value) else value
                for key, value in dataclasses.asdict(self.campaign).items()
            },
        }


def try_policy(alternative: Alternative, offer: Offer | None = None) -> Tried:
    """Take all decisions again under another policy, with the risks that were recorded.

    The risks stay as they are: what a model would have learnt from other alerts is not known.

    Parameters
    ----------
    alternative
        The policy.
    offer
        What is done about an alert, in money.
    """
    decided, budget = alternative.decided, alternative.budget
    alerts = np.zeros(len(decided.at), dtype=bool)
    held_out = np.zeros(len(decided.at), dtype=bool)
    found = verdicts(alternative.policy, decided.points(), budget)
    for place, verdict in enumerate(found):
        alerts[place] = verdict.alert
        held_out[place] = verdict.arm == "holdout"
    return Tried(
        alternative,
        alerts,
        held_out,
        campaign(
            alerts,
            held_out,
            decided.customers,
            decided.at,
            decided.risks,
            decided.labels,
            decided.silences,
            # The list of a day is made when the day is over.
            sent_at=None if budget is None else (decided.at // DAY + 1) * DAY,
            offer=offer,
        ),
    )


def what_if(
    decided: Decided, alternatives: Sequence[Alternative], offer: Offer | None = None
) -> list[Tried]:
    """Return what the recorded policy comes to, and then each of the others.

    Parameters
    ----------
    decided
        The decisions, with the risks by which they were taken.
    alternatives
        The policies to try.
    offer
        What is done about an alert, in money.

    Raises
    ------
    NotComparable
        If the recorded decisions do not come out of the recorded policy.
    """
    recorded = try_policy(Alternative(decided, decided.policy), offer)
    arms = np.array([arm == "holdout" for arm in decided.arms], dtype=bool)
    other = (recorded.alerts != decided.alerts) | (recorded.held_out != arms)
    if other.any():
        raise NotComparable(
            f"{int(other.sum()):,} of the {len(other):,} decisions in {decided.folder} do not come "
            "out of the policy in its report.json; run the backtest again"
        )
    return [recorded, *(try_policy(each, offer) for each in alternatives)]


def _duration(span: int) -> str:
    return format_duration(span) if span else "0d"


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
