"""How good the risks were, as a whole: figures, curves, calibration, lift, landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from models.judging import (
    Curve,
    average_precision,
    calibration,
    calibration_error,
    log_loss,
    precision_at,
    precision_recall_curve,
    roc_auc,
    roc_curve,
    share_interval,
)
from streams.report.evidence import Evidence, Floats
from streams.report.tables.sureness import intervals
from streams.report.tables.table import Columns, moments, of_rows

#: As in ``report.json``.
BINS: Final = 20
TOP: Final = 0.1
#: Figures by their names in a report, and where intervals are computed.
MEASURES: Final = {
    "auc": "auc",
    "pr_auc": "pr_auc",
    "log_loss": "log_loss",
    "brier": "brier",
    "precision_top_tenth": "precision_top",
}
_BY_RANK: Final = ("auc", "pr_auc", "precision_top_tenth")
_NAN: Final = float("nan")


def summary(evidence: Evidence) -> Columns:
    """Return the figures of the model, each with its interval where it has one."""
    known = evidence.known
    if not len(known.risks):
        return {}
    found = intervals(known, list(MEASURES.values()), looks=evidence.landmarks)
    rows = [
        {"metric": name, "value": each.estimate, "low": each.low, "high": each.high}
        for name, each in ((name, found[measure]) for name, measure in MEASURES.items())
    ]
    counts = {
        "ece": calibration_error(known.risks, known.labels, BINS),
        "count": float(len(known.risks)),
        "customers": float(len(known.customers.names)),
        "churned": float(known.labels.mean()),
    }
    rows += [
        {"metric": name, "value": value, "low": _NAN, "high": _NAN}
        for name, value in counts.items()
    ]
    return of_rows(rows)


def models(evidence: Evidence) -> Columns:
    """Return the figures of every model."""
    rows = []
    for model in evidence.models:
        at, risks, labels = evidence.said_by(model)
        if not len(risks):
            continue
        found = _figures(risks, labels)
        if evidence.landmarks:
            looks = [_figures(risks[at == each], labels[at == each]) for each in np.unique(at)]
            found |= {name: _mean([look[name] for look in looks]) for name in _BY_RANK}
        rows.append({"model": model} | found)
    return of_rows(rows)


def _figures(risks: Floats, labels: Floats) -> dict[str, Any]:
    return {
        "count": len(risks),
        "churned": float(labels.mean()),
        "auc": roc_auc(risks, labels),
        "pr_auc": average_precision(risks, labels),
        "log_loss": log_loss(risks, labels),
        "brier": float(np.mean((risks - labels) ** 2)),
        "ece": calibration_error(risks, labels, BINS),
        "precision_top_tenth": precision_at(risks, labels, TOP),
    }


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else _NAN


def landmarks(evidence: Evidence) -> Columns:
    """Return the figures at each landmark."""
    if not evidence.landmarks:
        return {}
    known = evidence.known
    times = np.unique(known.at)
    rows = [_figures(known.risks[held], known.labels[held]) for held in _each(known.at, times)]
    return {"at": moments(times)} | of_rows(rows) if rows else {}


def _each(values: Any, different: Any) -> Iterator[Any]:
    return (values == each for each in different)


def roc(evidence: Evidence) -> Columns:
    """Return the ROC curve of every model."""
    return _curves(evidence, roc_curve, ("false_positive_rate", "true_positive_rate"))


def precision_recall(evidence: Evidence) -> Columns:
    """Return the precision-recall curve of every model."""
    return _curves(evidence, precision_recall_curve, ("recall", "precision"))


def _curves(
    evidence: Evidence, draw: Callable[[Floats, Floats], Curve], axes: tuple[str, str]
) -> Columns:
    drawn = [(model, draw(*evidence.said_by(model)[1:])) for model in evidence.models]
    return {
        "model": np.repeat([model for model, _ in drawn], [len(curve.x) for _, curve in drawn]),
        axes[0]: np.concatenate([curve.x for _, curve in drawn]),
        axes[1]: np.concatenate([curve.y for _, curve in drawn]),
        "threshold": np.concatenate([curve.thresholds for _, curve in drawn]),
    }


def calibrated(evidence: Evidence) -> Columns:
    """Return, for equal bins of risk, what was said and what came true."""
    known = evidence.known
    place = np.minimum((known.risks * BINS).astype(np.int64), BINS - 1)
    rows = []
    for each in calibration(known.risks, known.labels, BINS):
        held = place == round(each.low * BINS)
        sure = share_interval(known.labels[held], known.customers.codes[held])
        rows.append(vars(each) | {"observed_low": sure.low, "observed_high": sure.high})
    return of_rows(rows)
