"""Decisions taken again from the log, each with the model of then, beside those that were taken.

What was known at a decision comes from the events; which model judged it was recorded beside it,
in the ledger, in ``training`` and in the alert; and that model lies in ``models``. So risk,
verdict and alert can be computed again, and must be the same.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from features import Millis, from_datetime, to_iso
from models.deciding import Ledger, Promised, decision_id
from streams.pipeline import Effects, Shop
from streams.verify.again import (
    Again,
    Judged,
    Point,
    Was,
    alert_differs,
    decide_again,
    risk_differs,
    verdict_differs,
)
from streams.verify.records import Recorded, Records
from streams.verify.versions import (
    HURRIED,
    NO_MODEL,
    NOT_RECORDED,
    UNSURE,
    UNTOLD,
    SoFar,
    Versions,
    elsewhere,
    version_of,
)

#: Differences that are kept in full; the rest are counted.
_KEPT: Final = 1_000
#: Reasons that are told apart.
_REASONS: Final = 50


@dataclass
class Retold:
    """What came of taking decisions again.

    Parameters
    ----------
    counts
        How many are ``equal``, ``different``, and ``unknown``: they cannot be taken again, or are
        not the same on a customer whose log does not tell all.
    differences
        The customer, when it was, and what is not the same, in words; up to a thousand.
    reasons
        Why so many are unknown, in words.
    """

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for ``--json``."""
        return {
            "equal": self.counts["equal"],
            "different": self.counts["different"],
            "unknown": self.counts["unknown"],
            "unknown_because": dict(self.reasons.most_common()),
            "differences": self.differences,
        }

    def unknown(self, reason: str) -> None:
        """Note a decision that cannot be taken again, and why."""
        self.counts["unknown"] += 1
        known = reason in self.reasons or len(self.reasons) < _REASONS
        self.reasons[reason if known else "decided by still other versions"] += 1

    def differ(self, user_id: str, at: Millis, what: str) -> None:
        """Note a difference."""
        self.counts["different"] += 1
        if len(self.differences) < _KEPT:
            self.differences.append({"customer": user_id, "at": to_iso(at), "reason": what})


class Expected(NamedTuple):
    """A customer whose decisions are to be taken again, as stored at one instant."""

    user_id: str
    ledger: Ledger
    #: Up to when decisions had been taken.
    watermark: Millis
    #: Messages of the partition that were not published yet: an alert may be among them.
    on_their_way: int
    #: Whether the log tells what was known at each decision. It does not where it lies in two
    #: topics, nor where the clock may have moved time: what differs then is not known to differ.
    sure: bool = True


class Redeciding:
    """Takes the decisions on customers again.

    First the log goes by (`watch`), and each customer is looked at (`expect`); then the topics
    are read that say what was decided, which by then hold everything; then `retell`.

    Parameters
    ----------
    shop
        The rules; but for the policy file, they must be those of then.
    others
        The same rules by other versions of the policy file. What was decided by one that is not
        here is unknown.
    """

    def __init__(self, shop: Shop, others: Iterable[Shop] = ()) -> None:
        self._shop = shop
        self._versions = Versions([shop, *others])
        self._points: dict[str, list[Point]] = {}
        #: What customers were promised as visitors, each before so many of the decision points.
        self._taken_over: dict[str, list[tuple[int, Promised]]] = {}
        self._expected: list[Expected] = []
        self.retold = Retold()

    def watch(self, effects: Effects) -> None:
        """Take note of the decision points of a batch that was handled again."""
        for user_id, before, promised in effects.taken_over:
            here = sum(each.user_id == user_id for each in effects.decided[:before])
            place = len(self._points.get(user_id, ())) + here
            self._taken_over.setdefault(user_id, []).append((place, promised))
        if effects.vectors is None:
            return
        for user_id, decision, row, _, traits in effects.decided:
            point = Point(decision.at, decision.cause, effects.vectors[row].tobytes(), traits)
            self._points.setdefault(user_id, []).append(point)

    def expect(self, customer: Expected) -> None:
        """Take note of what is stored of a customer's decisions."""
        self._expected.append(customer)

    @property
    def customers(self) -> frozenset[str]:
        """Whose decisions are to be taken again."""
        return frozenset(each.user_id for each in self._expected)

    def retell(self, records: Records) -> Retold:
        """Take the decisions on all customers again, beside what was recorded of them."""
        ledgers = (customer.ledger for customer in self._expected)
        self._versions.take_note(ledgers, records.alerts)
        for customer in self._expected:
            self._retell(customer, records)
        self._expected = []
        return self.retold

    def _retell(self, customer: Expected, records: Records) -> None:
        user_id, ledger, watermark, on_their_way, _ = customer
        points = self._points.pop(user_id, [])
        kept = {(each.at, each.cause): each for each in ledger.decisions}
        told = {(each.at, each.cause): Recorded(each.risk, each.version) for each in ledger.pending}
        told |= {key: Recorded(each.risk, each.version) for key, each in kept.items()}
        ids = [decision_id(user_id, point.at, point.cause) for point in points]
        recorded = [
            told.get((point.at, point.cause)) or records.of(name)
            for name, point in zip(ids, points, strict=True)
        ]
        judged = self._judged(points, recorded, records)
        so_far = SoFar()
        taken_over = deque(self._taken_over.pop(user_id, ()))
        told_of = zip(points, ids, recorded, judged, strict=True)
        for place, (point, name, known, now) in enumerate(told_of):
            while taken_over and taken_over[0][0] <= place:
                so_far.take_over(taken_over.popleft()[1])
            if known is None:
                # Whether it raised the customer is not known, nor then what follows from that.
                so_far.lose()
                self.retold.unknown(NOT_RECORDED)
                continue
            alert = records.alerts.get(name)
            what = "" if now is None else risk_differs(known, now.risk)
            doubt = NO_MODEL if now is None else ""
            if so_far.standing is not None:
                was = Was(kept.get((point.at, point.cause)), alert, waiting=on_their_way > 0)
                differs, cannot = self._redecide(user_id, point, known.risk, now, so_far, was)
                what, doubt = what or differs, doubt or cannot
            if alert is not None:
                what = what or alert_differs(alert, known, point)
            if what:
                self._differ(customer, point.at, what)
            elif doubt:
                self.retold.unknown(doubt)
            else:
                self.retold.counts["equal"] += 1
        for name in records.alerts_of(user_id) - set(ids):
            at = from_datetime(records.alerts[name].decided_at)
            if at <= watermark:
                self._differ(customer, at, "there is an alert, but no such decision point")

    def _differ(self, customer: Expected, at: Millis, what: str) -> None:
        if customer.sure:
            self.retold.differ(customer.user_id, at, what)
        else:
            self.retold.unknown(HURRIED)

    def _judged(
        self, points: Sequence[Point], recorded: Sequence[Recorded | None], records: Records
    ) -> list[Judged | None]:
        """Return what the models of then say now; None where one is not there any more."""
        explainer, catalogue = self._shop.explainer, self._shop.catalogue
        found: list[Judged | None] = [None] * len(points)
        rows: dict[str, list[int]] = {}
        for place, known in enumerate(recorded):
            if known is not None:
                rows.setdefault(known.version, []).append(place)
        for version, places in rows.items():
            judge = records.judge(version)
            if judge is None:
                continue
            vectors = np.array([np.frombuffer(points[n].vector, np.float32) for n in places])
            judgement = judge.judge(vectors)
            risks, weights = judgement.told(), explainer.weigh(judgement)
            for row, place in enumerate(places):
                facts = catalogue.facts(array("f", points[place].vector))
                grounds = explainer.grounds(weights[row], facts)
                codes = tuple(each.code for each in grounds)
                found[place] = Judged(risks[row], codes)
        return found

    def _redecide(
        self,
        user_id: str,
        point: Point,
        risk: float,
        now: Judged | None,
        so_far: SoFar,
        was: Was,
    ) -> tuple[str, str]:
        """Decide again, by the version of then; return what differs, or why nobody can tell."""
        standing = so_far.standing
        assert standing is not None
        version = version_of(was.decision, was.alert)
        first: tuple[Shop, Again, str] | None = None
        for shop in self._versions.able(version, so_far.version):
            again = decide_again(shop, user_id, point, risk, now, standing, so_far.sent, was)
            if again is None:
                so_far.lose()
                return "", NO_MODEL
            what = verdict_differs(again, was)
            first = first or (shop, again, what)
            if not what:
                so_far.decided(shop, again.verdict.standing, again.sent)
                return "", ""
        doubt = ""
        if first is None:
            doubt = elsewhere(version or "")
        elif version is None and self._versions.missing:
            doubt = UNTOLD
        elif not so_far.sure:
            doubt = UNSURE
        if first is None or doubt:
            policy = self._shop.policy
            so_far.decided_elsewhere(
                policy, point.at, risk, was.decision, was.alert, waiting=was.waiting
            )
            return "", doubt
        shop, again, what = first
        so_far.decided(shop, again.verdict.standing, again.sent)
        return what, ""
