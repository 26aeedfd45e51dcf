"""Decisions taken again from the log, each with the model of then, beside those that were taken.

What was known at a decision comes from the events; which model judged it was recorded beside it,
in the ledger, in ``training`` and in the alert; and that model lies in ``models``. So risk,
verdict and alert can be computed again, and must be the same.
"""

from __future__ import annotations

from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from features import Millis, from_datetime, to_iso
from models.deciding import Alert, Decision, Ledger, Sent, Standing, Verdict, decision_id, why
from models.learning import PRIOR, Judge, Snapshot, TrainingExample
from models.limits import Answer, Lack, Request
from models.registry import REGISTRY, Task, prior_judge
from streams.pipeline import Effects, Shop
from streams.ruling import Point as PlanPoint
from streams.ruling import Ruling, rule

#: A risk is told again to the last bits but those in which processors differ.
_CLOSE: Final = 1e-9
#: Judges that are kept; another one is made again when it is asked for.
_JUDGES: Final = 64
#: Differences that are kept in full; the rest are counted.
_KEPT: Final = 1_000


class Recorded(NamedTuple):
    """What was recorded of a decision: its risk, and the version of the model that judged."""

    risk: float
    version: str


class Records:
    """What the topics say of the decisions on some customers.

    Parameters
    ----------
    chosen
        Whether a customer is among them.
    task
        What the models are made for.

    Attributes
    ----------
    told, alerts
        What was recorded of decisions, and the alerts, by decision id.
    """

    def __init__(self, chosen: Callable[[str], bool], task: Task) -> None:
        self._chosen = chosen
        self._task = task
        self._snapshots: dict[str, bytes] = {}
        self._judges: OrderedDict[str, Judge | None] = OrderedDict()
        self._example = msgspec.json.Decoder(TrainingExample)
        self._alert = msgspec.json.Decoder(Alert)
        self._snapshot = msgspec.json.Decoder(Snapshot)
        self.told: dict[str, Recorded] = {}
        self.alerts: dict[str, Alert] = {}
        self._by_customer: dict[str, set[str]] = {}

    def read_training(self, messages: Iterable[Any]) -> None:
        """Take note of the risks and versions that matured examples carry."""
        for message in messages:
            try:
                example = self._example.decode(message.value or b"")
            except msgspec.DecodeError:
                continue
            if example.whole and self._chosen(example.user_id):
                self.told[example.example_id] = Recorded(example.risk, example.model_version)

    def read_alerts(self, messages: Iterable[Any]) -> None:
        """Take note of the alerts."""
        for message in messages:
            try:
                alert = self._alert.decode(message.value or b"")
            except msgspec.DecodeError:
                continue
            if self._chosen(alert.user_id) and alert.alert_id not in self.alerts:
                self.alerts[alert.alert_id] = alert
                self._by_customer.setdefault(alert.user_id, set()).add(alert.alert_id)

    def read_models(self, messages: Iterable[Any]) -> None:
        """Take note of every model that was published."""
        for message in messages:
            if message.key and message.value:
                self._snapshots[message.key.decode(errors="replace")] = message.value

    def of(self, name: str) -> Recorded | None:
        """Return what was recorded of a decision; None if nothing is."""
        found = self.told.get(name)
        if found is None and (alert := self.alerts.get(name)) is not None:
            return Recorded(alert.risk, alert.model_version)
        return found

    def alerts_of(self, user_id: str) -> set[str]:
        """Return the ids of a customer's alerts."""
        return self._by_customer.get(user_id, set())

    def judge(self, version: str) -> Judge | None:
        """Return the model of a version; None if it is not recorded, or is of another shop."""
        if version not in self._judges:
            self._judges[version] = self._make(version)
            if len(self._judges) > _JUDGES:
                self._judges.popitem(last=False)
        self._judges.move_to_end(version)
        return self._judges[version]

    def _make(self, version: str) -> Judge | None:
        if version == PRIOR:
            return prior_judge(self._task)
        try:
            snapshot = self._snapshot.decode(self._snapshots[version])
            return REGISTRY[snapshot.name].judge(self._task, snapshot)
        except (LookupError, ValueError):
            return None


class Point(NamedTuple):
    """A decision point as the log gives it."""

    at: Millis
    cause: Any
    vector: bytes
    #: What the shop had said of the customer by then; None where no plan asks for it.
    traits: Mapping[str, str] | None


class Judged(NamedTuple):
    """What the model of then says now: the risk, and the codes of the reasons."""

    risk: float
    codes: tuple[str, ...]


@dataclass
class Retold:
    """What came of taking decisions again.

    Parameters
    ----------
    counts
        How many are ``equal``, ``different``, and ``unknown``: not recorded any more, or not the
        same on a customer whose log does not tell all.
    differences
        The customer, when it was, and what is not the same, in words; up to a thousand.
    """

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for ``--json``."""
        return {
            "equal": self.counts["equal"],
            "different": self.counts["different"],
            "unknown": self.counts["unknown"],
            "differences": self.differences,
        }

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
        The rules, which must be those of then.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._points: dict[str, list[Point]] = {}
        self._expected: list[Expected] = []
        self.retold = Retold()

    def watch(self, effects: Effects) -> None:
        """Take note of the decision points of a batch that was handled again."""
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
        standing: Standing | None = Standing()
        sent: tuple[Sent, ...] = ()
        for point, name, known, now in zip(points, ids, recorded, judged, strict=True):
            if known is None:
                # Whether it raised the customer is not known, nor then what follows from that.
                standing = None
                self.retold.counts["unknown"] += 1
                continue
            alert = records.alerts.get(name)
            what = "" if now is None else _risk_differs(known, now.risk)
            if standing is not None:
                decision = kept.get((point.at, point.cause))
                by = _playbook_of(decision, alert)
                again = self._decide(user_id, point, known.risk, now, standing, sent, by)
                standing = None if again is None else again.verdict.standing
                if again is not None:
                    sent = again.sent
                    waiting = on_their_way > 0
                    what = what or _verdict_differs(again, decision, alert, waiting=waiting)
            if alert is not None:
                what = what or _alert_differs(alert, known, point)
            if what:
                self._differ(customer, point.at, what)
            else:
                self.retold.counts["unknown" if now is None else "equal"] += 1
        for name in records.alerts_of(user_id) - set(ids):
            at = from_datetime(records.alerts[name].decided_at)
            if at <= watermark:
                self._differ(customer, at, "there is an alert, but no such decision point")

    def _differ(self, customer: Expected, at: Millis, what: str) -> None:
        if customer.sure:
            self.retold.differ(customer.user_id, at, what)
        else:
            self.retold.counts["unknown"] += 1

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
            weights = explainer.weigh(judgement)
            for row, place in enumerate(places):
                facts = catalogue.facts(array("f", points[place].vector))
                grounds = explainer.grounds(weights[row], facts)
                codes = tuple(each.code for each in grounds)
                found[place] = Judged(float(judgement.risks[row]), codes)
        return found

    def _decide(
        self,
        user_id: str,
        point: Point,
        risk: float,
        now: Judged | None,
        standing: Standing,
        sent: tuple[Sent, ...],
        by: str | None,
    ) -> Again | None:
        """Decide again; None where a plan asks for reasons that nobody can tell any more.

        What there was enough for at that moment is told by nothing but what was done (``by``).
        """
        shop = self._shop
        at, cause, vector, traits = point
        verdict = shop.policy.decide(user_id, at, cause, risk, standing)
        if shop.plan is None or not verdict.alert:
            return Again(verdict, verdict.why, UNSET, UNSET, UNSET, sent)
        if now is None:
            return None
        facts = shop.catalogue.as_dict(array("f", vector))
        seen = PlanPoint(user_id, at, cause, risk, facts, now.codes, traits or {})
        ruling = _ruled(rule(shop, shop.plan, seen, verdict, standing, sent), by)
        words = why(ruling.verdict.because, ruling.play)
        play = ruling.play
        steering = play.steering or UNSET
        return Again(ruling.verdict, words, play.playbook, play.variant, steering, ruling.sent)


class Again(NamedTuple):
    """What is decided now, why, in words, by which playbook, and what is remembered of it."""

    verdict: Verdict
    why: str
    playbook: str | UnsetType
    variant: str | UnsetType
    steering: str | UnsetType
    sent: tuple[Sent, ...]


def _ruled(ruling: Generator[Request, Answer, Ruling], by: str | None) -> Ruling:
    """Return a ruling to which the shop's limits answer what they must have answered."""
    try:
        asked = next(ruling)
        names = [choice.name for choice in asked.choices]
        refused = names[: names.index(by)] if by in names else names
        ruling.send(Answer(by, tuple(Lack(name, "", 0) for name in refused)))
    except StopIteration as done:
        found: Ruling = done.value
        return found
    raise AssertionError("a ruling asks once")


def _playbook_of(decision: Decision | None, alert: Alert | None) -> str | None:
    """Return by which playbook something was done; None if nothing was."""
    if decision is not None and decision.play is not None:
        return decision.play.playbook or None
    return alert.playbook if alert is not None and alert.playbook is not UNSET else None


def _verdict_differs(
    again: Again, decision: Decision | None, alert: Alert | None, *, waiting: bool
) -> str:
    verdict = again.verdict
    if decision is not None:
        mine = (verdict.alert, verdict.band, verdict.arm, again.why)
        theirs = (decision.alert, decision.band, decision.arm, decision.why)
        if mine != theirs:
            return f"{theirs} was decided, and now {mine}"
    if verdict.alert and alert is None and not waiting:
        return "its alert is not in the topic"
    if alert is not None and not verdict.alert:
        return f"there is an alert, but now there is none: {again.why}"
    if alert is not None:
        was = (alert.arm, alert.playbook, alert.variant)
        if was != (verdict.arm, again.playbook, again.variant):
            return f"the alert was {_by(*was)}, and now: {again.why} ({verdict.arm})"
        if alert.steering != again.steering:
            return f"the alert was {alert.steering} by what was learnt, and now {again.steering}"
    return ""


def _by(arm: str, playbook: str | UnsetType, variant: str | UnsetType) -> str:
    if playbook is UNSET:
        return f"by no playbook ({arm})"
    return f"by playbook {playbook}, arm {variant} ({arm})"


def _risk_differs(known: Recorded, risk: float) -> str:
    if abs(known.risk - risk) <= _CLOSE:
        return ""
    return f"the risk was {known.risk:.9g}, and {known.version} now says {risk:.9g}"


def _alert_differs(alert: Alert, known: Recorded, point: Point) -> str:
    if (alert.risk, alert.model_version) != known:
        return f"the alert says {alert.risk:.9g} by {alert.model_version}, the decision {known}"
    if array("f", alert.vector.values()).tobytes() != point.vector:
        now = array("f", point.vector)
        name = next(
            n for (n, was), is_ in zip(alert.vector.items(), now, strict=True) if was != is_
        )
        return f"the alert's {name} was {alert.vector[name]:.9g}, and is another now"
    return ""
