"""What offers would bring, by threshold: what they cost, and whom they keep.

A customer is made one offer in a while, however often they are looked at: a while is the
cooldown of the policy or the horizon, whichever is longer, since within a horizon the same
customer cannot be lost twice. The offer is made at the first prediction of the while at or above
the threshold, as the policy would, and counts by what became of the customer after that one.
"""

from __future__ import annotations

import numpy as np

from models.judging import Choice, choose, first_offers
from streams.report.evidence import Evidence, Ints
from streams.report.tables.table import Columns, of_rows


def profit(evidence: Evidence) -> Columns:
    """Return what each threshold brings; nothing without an offer."""
    found = _chosen(evidence)
    return of_rows([vars(each) for each in found.curve]) if found else {}


def choice(evidence: Evidence) -> Columns:
    """Return the thresholds that bring most; nothing without an offer."""
    found = _chosen(evidence)
    if found is None or evidence.offer is None:
        return {}
    ceiling = found.capacity_threshold
    return of_rows(
        [
            {
                "best_threshold": found.best.threshold,
                "best_profit": found.best.found,
                "break_even": evidence.offer.break_even,
                "calibrated_profit": found.calibrated.found,
                "capacity_threshold": float("nan") if ceiling is None else ceiling,
                "within_threshold": found.within_capacity.threshold,
                "within_profit": found.within_capacity.found,
            }
        ]
    )


def _chosen(evidence: Evidence) -> Choice | None:
    known = evidence.known
    if evidence.offer is None or not len(known.risks):
        return None
    rows, replaced_at = first_offers(known.risks, known.at, whiles(evidence))
    return choose(
        known.risks[rows],
        known.labels[rows],
        evidence.offer,
        known.days[rows],
        replaced_at=replaced_at,
    )


def whiles(evidence: Evidence) -> Ints:
    """Return of each prediction, as a number, whose it is and in which while since their first."""
    known = evidence.known
    codes = known.customers.codes
    first = np.full(len(known.customers.names), np.iinfo(np.int64).max)
    np.minimum.at(first, codes, known.at)
    nth = (known.at - first[codes]) // max(evidence.cooldown, evidence.horizon)
    found: Ints = codes * (int(nth.max()) + 1) + nth
    return found
