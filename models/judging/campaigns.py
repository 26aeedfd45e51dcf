"""What a series of alerts comes to: how many a day, whom they reach, how early, and what they cost.

A customer is *gone* when nothing that counts has come for the active time A. A silence that gets
as far is one that alerts should have come in; how long before its end they came is what is left
to act in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features import DAY, MINUTE, Millis
from models.judging.costs import Offer
from models.judging.curves import Floats, Indices

_NAN: Final = float("nan")
#: Silences are kept in days and single precision, so that the same last activity comes out of
#: two of them within seconds.
_SAME: Final[Millis] = MINUTE


@dataclass(frozen=True, eq=False)
class Silences:
    """The silences in which customers were judged, and which of them went on until they were gone.

    Parameters
    ----------
    of
        Of each decision point, the number of its silence.
    gone
        Of each silence, whether it reached A.
    gone_at
        When it did or would have, in milliseconds.
    """

    of: Indices
    gone: npt.NDArray[np.bool_]
    gone_at: Indices


def silences(
    customers: npt.ArrayLike,
    at: npt.ArrayLike,
    silence_days: npt.ArrayLike,
    active: Millis,
    end: Millis,
    last_at: npt.ArrayLike | None = None,
) -> Silences:
    """Tell in which silence each decision point lies, and whether the customer came back.

    Parameters
    ----------
    customers
        Of each decision point, whom it is about.
    at
        When, in milliseconds.
    silence_days
        Days since the customer's last activity that counts.
    active
        A, in milliseconds: who is silent for that long is gone.
    end
        The time of the last event: what comes later is not known.
    last_at
        The customer's last activity of all, in milliseconds: somebody may have come back and not
        been judged since. Without it, nobody has.

    Examples
    --------
    Ada comes back after 40 days, and is gone at the end; of Zoe it is not known yet.

    >>> day = 86_400_000
    >>> found = silences(list("aaaz"), [9 * day, 30 * day, 50 * day, 90 * day],
    ...                  [9, 30, 10, 5], active=35 * day, end=100 * day)
    >>> found.of.tolist(), found.gone.tolist(), (found.gone_at // day).tolist()
    ([0, 0, 1, 2], [True, True, False], [35, 75, 120])
    """
    who = np.unique(np.asarray(customers), return_inverse=True)[1]
    moment = np.asarray(at, dtype=np.int64)
    since = moment - np.rint(np.asarray(silence_days, dtype=np.float64) * DAY).astype(np.int64)
    if not len(moment):
        nothing = np.empty(0, dtype=np.int64)
        return Silences(nothing, nothing.astype(bool), nothing)
    order = np.lexsort((moment, who))
    who, since = who[order], since[order]
    other = np.append(True, who[1:] != who[:-1])
    new = other | np.append(True, np.diff(since) > _SAME)
    of = np.empty(len(order), dtype=np.int64)
    of[order] = np.cumsum(new) - 1
    starts = np.flatnonzero(new)
    began = since[starts]
    # A silence ends with the activity that the next one begins with.
    ended = np.append(began[1:], end)
    last = np.append(other[starts][1:], True)
    ended[last] = end
    if last_at is not None:
        of_all = np.asarray(last_at, dtype=np.int64)[order][starts]
        ended = np.where(last & (of_all > began + _SAME), of_all, ended)
    return Silences(of, ended - began >= active, began + active)


@dataclass(frozen=True)
class Campaign:
    """What a series of alerts comes to; what cannot be told is not a number.

    Parameters
    ----------
    alerts, held_out
        All of them, and those of customers who are not to be contacted.
    days
        From the first decision to the last.
    a_day, a_day_95, most_a_day
        Alerts on a mean day, on the busiest day but one in twenty, and on the busiest.
    customers
        Who had an alert.
    known, churned
        Alerts of which it is known what became of the customer, and those of which nothing that
        counts came in the horizon.
    precision
        The second as a share of the first.
    gone, foreseen
        Silences that went on until the customer was gone, and those of them with an alert before.
    recall
        The second as a share of the first.
    lead_days
        From the first alert of such a silence until the customer was gone: the median.
    cost, promised, found
        Of the offers to those not held out: what they cost, what they bring if the risks are
        right, and what they bring by who churned (of those of whom it is known). None without
        an offer.
    """

    alerts: int
    held_out: int
    days: int
    a_day: float
    a_day_95: float
    most_a_day: int
    customers: int
    known: int
    churned: int
    precision: float
    gone: int
    foreseen: int
    recall: float
    lead_days: float
    cost: float | None = None
    promised: float | None = None
    found: float | None = None


def campaign(
    alerted: npt.ArrayLike,
    held_out: npt.ArrayLike,
    customers: npt.ArrayLike,
    at: npt.ArrayLike,
    risks: npt.ArrayLike,
    labels: npt.ArrayLike,
    within: Silences,
    *,
    sent_at: npt.ArrayLike | None = None,
    offer: Offer | None = None,
) -> Campaign:
    """Return what alerts at some of the decision points come to.

    Parameters
    ----------
    alerted
        Of each decision point, whether there was an alert.
    held_out
        Whether the customer is held out.
    customers, at, risks
        Whom it is about, when (milliseconds), and what was said.
    labels
        1 if nothing that counts came in the horizon, 0 if something did, not a number if that is
        not known.
    within
        The silences of the same decision points.
    sent_at
        When an alert would go out; at once if not said.
    offer
        What is done about an alert, in money; its capacity is not looked at.

    Raises
    ------
    ValueError
        If the rows do not agree.

    Examples
    --------
    >>> day = 86_400_000
    >>> at = [9 * day, 30 * day, 50 * day]
    >>> spells = silences(list("aaa"), at, [9, 30, 10], active=35 * day, end=100 * day)
    >>> found = campaign([False, True, False], [False] * 3, list("aaa"), at, [0.3, 0.7, 0.2],
    ...                  [0, 1, 1], spells)
    >>> found.alerts, found.precision, found.recall, found.lead_days, round(found.a_day, 3)
    (1, 1.0, 0.5, 5.0, 0.024)
    """
    chosen = np.asarray(alerted, dtype=bool)
    held = np.asarray(held_out, dtype=bool)
    named = np.asarray(customers)
    moment = np.asarray(at, dtype=np.int64)
    risk = np.asarray(risks, dtype=np.float64)
    label = np.asarray(labels, dtype=np.float64)
    sent = moment if sent_at is None else np.asarray(sent_at, dtype=np.int64)
    if any(len(each) != len(chosen) for each in (held, named, moment, risk, label, sent)) or len(
        within.of
    ) != len(chosen):
        raise ValueError("each decision point has one value of everything")
    a_day = _by_day(moment, chosen)
    known = chosen & ~np.isnan(label)
    churned = int(label[known].sum())
    first = _first_in(within, chosen, sent)
    in_time = within.gone & (first < within.gone_at)
    leads = (within.gone_at - first)[in_time] / DAY
    return Campaign(
        alerts=int(chosen.sum()),
        held_out=int((chosen & held).sum()),
        days=len(a_day),
        a_day=float(a_day.mean()) if len(a_day) else _NAN,
        # A count that there was, not one between two.
        a_day_95=float(np.percentile(a_day, 95, method="inverted_cdf")) if len(a_day) else _NAN,
        most_a_day=int(a_day.max(initial=0)),
        customers=len(np.unique(named[chosen])),
        known=int(known.sum()),
        churned=churned,
        precision=churned / int(known.sum()) if known.any() else _NAN,
        gone=int(within.gone.sum()),
        foreseen=int(in_time.sum()),
        recall=int(in_time.sum()) / int(within.gone.sum()) if within.gone.any() else _NAN,
        lead_days=float(np.median(leads)) if len(leads) else _NAN,
        **_money(chosen & ~held, risk, label, offer),
    )


def _by_day(at: Indices, chosen: npt.NDArray[np.bool_]) -> Indices:
    """Return how many alerts there were on each day, days without any included."""
    if not len(at):
        return np.empty(0, dtype=np.int64)
    day = at // DAY
    return np.bincount(day[chosen] - day.min(), minlength=int(day.max() - day.min()) + 1)


def _first_in(within: Silences, chosen: npt.NDArray[np.bool_], sent: Indices) -> Indices:
    """Return when the first alert of each silence went out; far in the future for none."""
    first = np.full(len(within.gone), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, within.of[chosen], sent[chosen])
    return first


def _money(
    treated: npt.NDArray[np.bool_], risks: Floats, labels: Floats, offer: Offer | None
) -> dict[str, float]:
    if offer is None:
        return {}
    value = offer.saved * offer.margin
    known = labels[treated & ~np.isnan(labels)]
    offers = int(treated.sum())
    return {
        "cost": offer.cost * offers,
        "promised": value * float(risks[treated].sum()) - offer.cost * offers,
        "found": value * float(known.sum()) - offer.cost * len(known),
    }
