"""How good the risks were for different customers: by segment, by tenure, by cohort."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from models.judging import confusions
from streams.report.evidence import Evidence, Ints, month_names
from streams.report.finished import NotComparable
from streams.report.tables.sureness import intervals
from streams.report.tables.table import Columns, of_rows

#: Segments, from those who have hardly begun to those who are at home.
SEGMENTS: Final[tuple[str, ...]] = ("new", "one-time", "occasional", "regular", "loyal")
#: Days since the first event at which a group of tenure begins.
TENURES: Final = (0, 30, 90, 180, 365, 730)


def by_segment(evidence: Evidence) -> Columns:
    """Return the figures of each segment, as the customer was at the prediction."""
    segments = evidence.known.segments
    names = [name for name in SEGMENTS if name in segments.names]
    names += [name for name in segments.names if name not in SEGMENTS]
    place = np.array([names.index(name) for name in segments.names], dtype=np.int64)
    return _groups(evidence, names, place[segments.codes] if names else segments.codes)


def by_tenure(evidence: Evidence) -> Columns:
    """Return the figures by how long the customer had been there, in days."""
    names = [f"{low}-{high}" for low, high in pairwise(TENURES)]
    held = np.searchsorted(TENURES, evidence.known.tenure, side="right") - 1
    return _groups(evidence, [*names, f"{TENURES[-1]}+"], np.maximum(held, 0).astype(np.int64))


def by_cohort(evidence: Evidence) -> Columns:
    """Return the figures by the month in which the customer was first seen."""
    known, people = evidence.known, evidence.people
    month = dict(zip(people.names, people.cohorts.tolist(), strict=True))
    try:
        cohorts = np.array([month[name] for name in known.customers.names], dtype=np.int64)
    except KeyError as error:
        raise NotComparable(
            f"{evidence.folder}: customer {error} has predictions, and is not in customers.parquet"
        ) from None
    different, place = np.unique(cohorts, return_inverse=True)
    return _groups(evidence, month_names(different), place[known.customers.codes])


def _groups(evidence: Evidence, names: list[str], group: Ints) -> Columns:
    known, rows = evidence.known, []
    for number, name in enumerate(names):
        held = np.flatnonzero(group == number)
        if not len(held):
            continue
        risks, labels = known.risks[held], known.labels[held]
        found = intervals(known, ["auc", "log_loss"], held)
        [at_threshold] = confusions(risks, labels, [evidence.threshold])
        rows.append(
            {
                "group": name,
                "count": len(held),
                "customers": len(np.unique(known.customers.codes[held])),
                "churned": float(labels.mean()),
                "mean_risk": float(risks.mean()),
                "auc": found["auc"].estimate,
                "auc_low": found["auc"].low,
                "auc_high": found["auc"].high,
                "log_loss": found["log_loss"].estimate,
                "precision": at_threshold.precision,
                "recall": at_threshold.recall,
            }
        )
    return of_rows(rows)
