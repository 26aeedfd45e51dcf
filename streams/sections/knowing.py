"""What is known of a customer: what counts as gone, how time moves, when to look again."""

from __future__ import annotations

from typing import Literal

from features import DAY, HOUR, MINUTE
from streams.sections.section import Section, setting
from streams.written import Duration, DurationOrZero, Durations, Numbers, Words


class ChurnSettings(Section):
    """What it means that a customer is gone."""

    horizon: Duration = setting(30 * DAY, "H of the label rule", env="EBB_HORIZON")
    active: Duration = setting(
        90 * DAY, "A: no activity for that long is gone, and no longer scored", env="EBB_ACTIVE"
    )
    activity: Words = setting(
        ("*",),
        "event types that count as activity; * is any but identified, alias and group",
        env="EBB_ACTIVITY",
        min_length=1,
    )
    session_gap: Duration = setting(30 * MINUTE, "silence that ends a session")
    visitors: bool = setting(
        False, "judge visitors, who have not said who they are, as customers", env="EBB_VISITORS"
    )


class TimeSettings(Section):
    """How event time moves."""

    lateness: DurationOrZero = setting(
        HOUR, "how late an event may come before the watermark has passed it", env="EBB_LATENESS"
    )
    skew: Duration = setting(DAY, "how far in the future an event may lie", env="EBB_SKEW")
    clock: Literal["wall", "events"] = setting(
        "wall",
        "wall: an idle partition's watermark follows the clock; events: only events move time",
        env="EBB_CLOCK",
    )


class FeatureSettings(Section):
    """What the model may see."""

    traits: Words = setting((), "traits that become features")
    sensitive: Words = setting(
        ("age_band", "gender"), "traits kept with the customer, but never a feature by accident"
    )
    amount_cap: float = setting(1e6, "an amount above this counts as this", gt=0)
    quantity_cap: float = setting(1e3, "a quantity above this counts as this", gt=0)


class SilenceSettings(Section):
    """When to look again at a customer who does nothing."""

    waits: Durations = setting(
        (), "fixed waits since the last activity; empty: fractions of the horizon"
    )
    multiples: Numbers = setting((1.5, 2.0, 3.0, 5.0), "waits in multiples of the own rhythm")


__all__ = ["ChurnSettings", "FeatureSettings", "SilenceSettings", "TimeSettings"]
