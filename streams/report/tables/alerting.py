"""Who would be alerted, at a threshold or within a budget, and which of the others is missed."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.judging import Confusion, at_budgets, confusions, gains
from streams.report.evidence import Evidence
from streams.report.tables.table import Columns, of_rows

#: Alerts a day that a team may be able to take.
BUDGETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
#: Thresholds that are tried.
THRESHOLDS: Final = tuple(round(percent / 100, 2) for percent in range(1, 100))


def gained(evidence: Evidence) -> Columns:
    """Return what is found in each tenth of the predictions, the highest risks first."""
    return of_rows([vars(each) for each in gains(evidence.known.risks, evidence.known.labels)])


def budgets(evidence: Evidence) -> Columns:
    """Return what a team finds that takes the highest risks of each day.

    Budgets beyond the fullest day are left out, but for the first that holds it; the capacity of
    the offer is among them.
    """
    known = evidence.known
    if not len(known.risks):
        return {}
    fullest = int(np.unique(known.days, return_counts=True)[1].max())
    tried = {budget for budget in BUDGETS if budget < fullest} | {fullest}
    tried |= {evidence.offer.capacity} if evidence.offer and evidence.offer.capacity else set()
    rows = [
        {"alerts_per_day": each.budget} | vars(each)
        for each in at_budgets(known.risks, known.labels, known.days, sorted(tried))
    ]
    return of_rows(rows)


def confused(evidence: Evidence) -> Columns:
    """Return who is alerted at the configuration's threshold, and who churned."""
    known = evidence.known
    if not len(known.risks):
        return {}
    [found] = confusions(known.risks, known.labels, [evidence.threshold])
    return of_rows([vars(found) | _shares(found)])


def thresholds(evidence: Evidence) -> Columns:
    """Return the same for every threshold that one may think of."""
    known = evidence.known
    if not len(known.risks):
        return {}
    days = len(np.unique(known.days))
    rows = []
    for each in confusions(known.risks, known.labels, THRESHOLDS):
        alerts = each.alerted_churned + each.alerted_stayed
        told = {"threshold": each.threshold, "alerts": alerts, "alerts_per_day": alerts / days}
        rows.append(told | _shares(each))
    return of_rows(rows)


def _shares(found: Confusion) -> dict[str, float]:
    return {
        "accuracy": found.accuracy,
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
    }
