"""What treating has done, as plain data for a machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from features import to_iso
from models.effect import ALARM, FIGURES, Effect, Line, Rules, Split
from streams.effect.joining import Joined


def as_dict(joined: Joined, rules: Rules, dimensions: Sequence[str]) -> dict[str, Any]:
    """Return everything as plain data.

    Parameters
    ----------
    joined
        What came of it.
    rules
        How it was measured.
    dimensions
        By what it was told apart.
    """
    measured, met = joined.measured, joined.met
    return {
        "as_of": to_iso(joined.now),
        "since": to_iso(rules.since) if rules.since else None,
        "first": None if measured.first is None else to_iso(measured.first),
        "last": None if measured.last is None else to_iso(measured.last),
        "horizon_days": rules.horizon / 86_400_000,
        "gone_days": rules.gone / 86_400_000,
        "margin": rules.margin,
        "cost": rules.cost,
        "alpha": rules.alpha,
        "worth": rules.worth,
        "holdout": rules.holdout,
        "farthest": _farthest(measured.lines[0].split),
        "by": list(dimensions),
        "alerted_before": measured.before,
        "met": {name: met[name] for name in sorted(met)},
        "figures": dict(FIGURES),
        "lines": [_line(line, dimensions) for line in measured.lines],
    }


def _line(line: Line, dimensions: Sequence[str]) -> dict[str, Any]:
    estimate, low, high = line.brought
    return {
        "group": dict(zip(dimensions, line.group, strict=False)),
        "treated": line.treated,
        "held_out": line.held_out,
        "drawn": _number(line.split.share),
        "mismatch": line.split.chance,
        "alarm": line.split.chance < ALARM,
        "known_a_week": line.weekly,
        "figures": {name: _effect(effect) for name, effect in line.figures.items()},
        "brought": {"estimate": _number(estimate), "low": _number(low), "high": _number(high)},
        "verdict": line.advice.word,
        "because": line.advice.because,
    }


def _farthest(found: Split) -> dict[str, Any]:
    return {
        "playbook": found.playbook or None,
        "variant": found.variant or None,
        "found": found.found,
        "customers": found.customers,
        "drawn": _number(found.drawn),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    found = effect.difference
    return {
        "treated": {"known": effect.treated, "mean": _number(effect.treated_mean)},
        "held_out": {"known": effect.held_out, "mean": _number(effect.held_out_mean)},
        "difference": _number(found.estimate),
        "low": _number(found.low),
        "high": _number(found.high),
        "alpha": effect.alpha,
        "variance_reduction": _number(effect.reduction),
    }


def _number(value: float) -> float | None:
    """Return a number that JSON has; the last digits depend on the order of adding."""
    return float(f"{value:.12g}") if math.isfinite(value) else None
