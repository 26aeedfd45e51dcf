"""What is believed: the labels, the model, its challenger, and when the shop has changed."""

from __future__ import annotations

from features import DAY
from streams.sections.section import Section, setting
from streams.written import DurationOrZero


class LabelSettings(Section):
    """How predictions are kept until their label is known."""

    keep: float = setting(
        1.0,
        "share of the predictions kept for learning; a third costs no quality",
        gt=0,
        le=1,
    )
    max_pending: int = setting(32, "most predictions kept for one customer", ge=1, le=1_000)


class ModelSettings(Section):
    """Which model judges."""

    name: str = setting("bayes", "a name of the registry (ebb models)", env="EBB_MODEL")
    warmup: int = setting(
        500,
        "examples learnt before the model takes over from the prior; bayes grows out of it instead",
        ge=0,
    )
    weight_returned: float = setting(1.0, "as how many examples one that came back counts", ge=0)
    weight_churned: float = setting(1.0, "as how many examples one that churned counts", ge=0)
    weight_treated: float = setting(
        0.0,
        "as how many examples one counts that was sent an offer; 1 for history, when nobody was",
        ge=0,
    )
    challenger: str = setting(
        "", "a model that is tried in the shadow of this one; empty: none", env="EBB_CHALLENGER"
    )
    promote: bool = setting(
        False, "whether a challenger that has proved better takes over; otherwise it is only told"
    )
    memory: float = setting(
        8.0, "horizons in which bayes half forgets what it does not see again", gt=0
    )


class ChallengerSettings(Section):
    """What a challenger must show to be called better (docs/drift.md)."""

    alpha: float = setting(0.05, "chance that one that is not better is ever called so", gt=0, lt=1)
    labels: int = setting(200, "least labels of each kind that were compared", ge=1)
    improvement: float = setting(0.001, "least mean improvement of the log loss", ge=0)
    cooldown: DurationOrZero = setting(30 * DAY, "least time between two verdicts")


class DriftSettings(Section):
    """When the shop is no longer the one that was learnt (docs/drift.md)."""

    stability: float = setting(
        0.2, "population stability index from which a feature has changed", gt=0
    )
    challenger: str = setting(
        "", "a model that challenges after an alarm, if none does; empty: none"
    )


__all__ = ["ChallengerSettings", "DriftSettings", "LabelSettings", "ModelSettings"]
