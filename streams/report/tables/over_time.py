"""How good the risks were month by month, and when that changed."""

from __future__ import annotations

import numpy as np

from models.judging import average_precision
from models.watching import loss_alarms
from streams.report.evidence import Evidence
from streams.report.tables.sureness import SEED, intervals
from streams.report.tables.table import Columns, moments, month_starts, of_rows


def over_time(evidence: Evidence) -> Columns:
    """Return the figures of the predictions made in each month."""
    known = evidence.known
    months = np.unique(known.months)
    rows = []
    for month in months:
        held = np.flatnonzero(known.months == month)
        risks, labels = known.risks[held], known.labels[held]
        found = intervals(known, ["auc", "log_loss", "brier"], held)
        auc, loss = found["auc"], found["log_loss"]
        rows.append(
            {
                "count": len(held),
                "churned": float(labels.mean()),
                "auc": auc.estimate,
                "auc_low": auc.low,
                "auc_high": auc.high,
                "pr_auc": average_precision(risks, labels),
                "log_loss": loss.estimate,
                "log_loss_low": loss.low,
                "log_loss_high": loss.high,
                "brier": found["brier"].estimate,
            }
        )
    return {"period": month_starts(months)} | of_rows(rows) if rows else {}


def drift(evidence: Evidence) -> Columns:
    """Return when the log loss was found to have risen, as its labels came."""
    known = evidence.known
    # What becomes known at one moment has no order of its own; that of the file may have one.
    shuffled = np.random.default_rng(SEED).permutation(len(known.risks))
    order = shuffled[np.argsort(known.matured_at[shuffled], kind="stable")]
    found = loss_alarms(
        known.risks[order], known.labels[order], known.matured_at[order], evidence.horizon
    )
    return {
        "at": moments([each.at for each in found]),
        "detector": [each.detector for each in found],
        "before": [each.before for each in found],
        "after": [each.after for each in found],
    }
