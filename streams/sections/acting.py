"""When to act, what it costs and brings, and in which language it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from features import DAY
from streams.sections.section import Section, setting
from streams.written import Duration, DurationOrZero


class PolicySettings(Section):
    """When to act."""

    file: Path | None = setting(
        None, "policy file: whom to do what for (docs/playbooks.md); empty: none", env="EBB_POLICY"
    )
    refresh: DurationOrZero = setting(
        5_000, "how often workers look whether it says something else; 0s: only at the start"
    )
    threshold: float = setting(0.6, "risk from which a customer is alerted", gt=0, lt=1)
    hysteresis: float = setting(
        0.1, "risk must fall this far below the threshold to arm it again", ge=0, lt=1
    )
    cooldown: DurationOrZero = setting(14 * DAY, "least time between two alerts of a customer")
    holdout: float = setting(0.1, "share of customers who are never treated", ge=0, lt=1)
    salt: str = setting("ebbtide", "changes who is held out")
    valid: Duration = setting(7 * DAY, "how long an alert may be acted upon")


class OfferSettings(Section):
    """What an alert costs and brings, in money, for the threshold that pays (docs/backtest.md)."""

    cost: float | None = setting(
        None, "of one offer, whoever gets it: the call, the discount", ge=0, allow_inf_nan=False
    )
    margin: float | None = setting(
        None, "earned with a customer who stays because of it", gt=0, allow_inf_nan=False
    )
    saved: float = setting(
        0.2,
        "share of the churners with an offer who stay because of it; the default is a careful"
        " guess, measure yours with the holdout",
        gt=0,
        le=1,
    )
    capacity: int | None = setting(None, "offers that can be made on one day; empty: any", ge=1)


class AlertSettings(Section):
    """How alerts are told."""

    language: Literal["en", "zh"] = setting(
        "en", "language of the reasons: en, or zh for Chinese", env="EBB_LANGUAGE"
    )


__all__ = ["AlertSettings", "OfferSettings", "PolicySettings"]
