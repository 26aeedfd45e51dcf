"""Decisions by several versions of the policy file: each is taken again by its own, or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, CustomerState
from models.deciding import Alert, Ledger, Policy
from models.learning import Judge, TrainingExample
from models.playbooks import read_plan
from streams.composition import task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Shop, handle
from streams.verify.records import Records
from streams.verify.redeciding import Expected, Redeciding, Retold
from streams.verify.versions import NONE, NOT_RECORDED, UNSURE, UNTOLD, elsewhere, version_of
from tests.features.histories import START, happened
from tests.streams.planned import CAPPED, LIMITED, NAMES, PLAN, TEXT, Wavering, logs, planned

FEW = NAMES[:2]
#: Another order, longer spans, and others who are held out.
LONGER = read_plan(
    CAPPED.replace('cooldown = "3d"', 'cooldown = "6d"')
    .replace('per = "25d"', 'per = "60d"')
    .replace("share = 0.25", "share = 0.5")
    .replace("priority = 40", "priority = 25"),
    (),
)
#: With one playbook less.
FEWER = read_plan(TEXT.replace('name = "call"', 'name = "call"\nenabled = false'), ())


def version(plan: Any) -> Shop:
    shop = planned(plan, 0)
    return replace(shop, policy=replace(shop.policy, holdout=plan.holdout, salt=plan.salt))


def name_of(shop: Shop) -> str:
    return NONE if shop.plan is None else shop.plan.fingerprint


SHOPS = [version(plan) for plan in (PLAN, LIMITED, LONGER, FEWER)]
NO_FILE = replace(SHOPS[0], plan=None, policy=Policy(0.5, 0.1, 0, holdout=0.1, valid=5 * DAY))
ALL = [*SHOPS, NO_FILE]


class Recorded(Records):
    """What the topics say, where one model has judged all the time."""

    def judge(self, version: str) -> Judge | None:
        return Wavering(SHOPS[0])


def message(what: Any) -> SimpleNamespace:
    return SimpleNamespace(key=b"", value=msgspec.json.encode(what))


@dataclass
class Past:
    """What workers did, whose policy file has changed again and again."""

    log: Sequence[Arrival]
    book: dict[str, Customer] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    examples: list[TrainingExample] = field(default_factory=list)
    watermark: int = NO_WATERMARK

    def work(self, turns: Sequence[int]) -> None:
        """Take the log event by event, each by the version whose turn it is."""
        self.book = blank()
        for number, arrival in enumerate(self.log):
            shop = ALL[turns[number * len(turns) // len(self.log)]]
            due = list(self.book) if number == len(self.log) - 1 else ()
            for batch, timers in (([arrival], ()), ([], due)):
                effects = handle(shop, Wavering(shop), batch, timers, self.book, self.watermark)
                self.watermark = effects.watermark
                self.alerts += effects.alerts
                self.examples += effects.examples

    def traces(self) -> set[str]:
        """Return the versions of which something is recorded."""
        decisions = (each for customer in self.book.values() for each in customer.ledger.decisions)
        found = {version_of(each, None) for each in decisions}
        found |= {version_of(None, each) for each in self.alerts}
        return {each for each in found if each is not None}

    def retold(self, shop: Shop, others: Sequence[Shop] = ()) -> Retold:
        redeciding = Redeciding(shop, others)
        book = blank()
        planned_shop = shop if shop.plan is not None else SHOPS[0]
        effects = handle(planned_shop, Wavering(shop), self.log, (), book, NO_WATERMARK)
        redeciding.watch(effects)
        rest = handle(planned_shop, Wavering(shop), [], list(book), book, effects.watermark)
        redeciding.watch(rest)
        for name, customer in self.book.items():
            redeciding.expect(Expected(name, customer.ledger, self.watermark, 0))
        records = Recorded(lambda _: True, task_of(shop))
        records.read_alerts(map(message, self.alerts))
        records.read_training(map(message, self.examples))
        return redeciding.retell(records)


def blank() -> dict[str, Customer]:
    definition = SHOPS[0].definition
    return {
        name: Customer(CustomerState(definition), Ledger(), new=True) for name in (*FEW, "clock")
    }


PASTS = st.tuples(
    logs(FEW, 30),
    st.lists(st.integers(0, len(ALL) - 1), min_size=1, max_size=6),
    st.sets(st.integers(0, len(ALL) - 1), min_size=1),
)


@settings(max_examples=40, deadline=None)
@given(PASTS)
def test_what_another_version_decided_is_never_called_different(
    what: tuple[list[Arrival], list[int], set[int]],
) -> None:
    log, turns, at_hand = what
    past = Past(log)
    past.work(turns)
    now, *others = (ALL[number] for number in sorted(at_hand))
    retold = past.retold(now, others)
    known = {name_of(ALL[number]) for number in at_hand}
    if {name_of(ALL[turn]) for turn in turns} <= known or past.traces() - known:
        # Else nothing recorded says that there ever was another version.
        assert retold.differences == []
    assert sum(retold.reasons.values()) == retold.counts["unknown"]
    if set(turns) <= at_hand:
        assert set(retold.reasons) <= {NOT_RECORDED}


def one_past(turns: Sequence[int], hours: int = 48, complaints: int = 3, days: int = 40) -> Past:
    """Return a past of regular visits, some of them with a complaint, in which much was done."""
    log = []
    for number in range(days * 24 // hours):
        for name in FEW:
            at = START + number * hours * HOUR
            kind = "complaint" if complaints and number % complaints == 0 else "visit"
            happens = happened(len(log), kind, at, name, traits={"news": "yes"})
            log.append(Arrival(len(log), at, happens))
    past = Past(log)
    past.work(turns)
    return past


def test_each_is_taken_again_by_its_own_version_and_the_rest_is_told_apart() -> None:
    past = one_past([0, 1, 0])
    counts = {plan.fingerprint: 0 for plan in (PLAN, LIMITED)}
    for alert in past.alerts:
        counts[str(alert.policy)] += 1
    assert min(counts.values()) > 2
    whole = past.retold(SHOPS[0], [SHOPS[1]])
    assert (whole.differences, whole.counts["unknown"]) == ([], 0)
    alone = past.retold(SHOPS[0])
    assert alone.differences == []
    assert alone.reasons[elsewhere(LIMITED.fingerprint)] >= counts[LIMITED.fingerprint]
    assert set(alone.reasons) <= {elsewhere(LIMITED.fingerprint), UNTOLD, UNSURE}
    assert alone.counts["equal"] > counts[PLAN.fingerprint]
    told = alone.as_dict()
    assert sum(told["unknown_because"].values()) == told["unknown"] > 0


@pytest.mark.parametrize("turns", [[0, 1], [1, 0], [4, 0], [0, 4]])
def test_what_is_not_as_its_own_version_decided_is_found_all_the_same(turns: list[int]) -> None:
    past = one_past(turns)
    wrong = past.alerts[-1]
    variant = "fifteen" if wrong.playbook == "bargain" else "other"
    past.alerts[-1] = msgspec.structs.replace(wrong, playbook="call", variant=variant)
    shops = [ALL[turn] for turn in turns]
    retold = past.retold(shops[-1], shops[:-1])
    assert [each["customer"] for each in retold.differences] == [wrong.user_id]


def test_what_a_version_that_is_not_at_hand_remembered_is_not_taken_for_known() -> None:
    """The first remembers nothing of what it did; taken for known, the caps of the second bite."""
    past = one_past([0, 2], 11, complaints=0)
    retold = past.retold(SHOPS[2])
    assert retold.differences == []
    assert retold.reasons[UNSURE] == 4
    whole = past.retold(SHOPS[2], [SHOPS[0]])
    assert (whole.differences, whole.counts["unknown"]) == ([], 0)


def test_that_a_playbook_acted_again_puts_nothing_out_of_mind_that_was_of_none() -> None:
    """Of what the first version did for ada, the second knows the time alone, and waits for it."""
    ada, trouble = FEW[0], START + 48_399_756
    times = (START, trouble, trouble + 10, trouble + 9_696_789, trouble + 40 * DAY)
    kinds = ("visit", "complaint", "complaint", "visit", "visit")
    names = (ada, ada, ada, ada, "clock")
    events = [happened(*each) for each in zip(range(5), kinds, times, names, strict=True)]
    past = Past([Arrival(number, each.at, each) for number, each in enumerate(events)])
    past.work([0, 0, 2, 2, 2])
    assert [alert.playbook for alert in past.alerts[:2]] == ["sorry", "sorry"]
    retold = past.retold(SHOPS[2])
    assert retold.differences == []
    assert retold.reasons[UNSURE] > 0


def test_what_a_version_that_is_not_at_hand_did_counts_for_what_follows() -> None:
    past = one_past([2, 1], 11, complaints=0)
    retold = past.retold(SHOPS[1])
    assert retold.differences == []
    # What it did not do either: of that no version is recorded.
    assert set(retold.reasons) == {elsewhere(LONGER.fingerprint), UNTOLD}
    # As long as nothing is left of it, nothing is in doubt.
    later = one_past([0, *[1] * 7], 29, complaints=0, days=80)
    found = later.retold(SHOPS[1])
    last = later.alerts[-1]
    later.alerts[-1] = msgspec.structs.replace(last, playbook="sorry")
    wrong = later.retold(SHOPS[1])
    assert (found.counts["different"], wrong.counts["different"]) == (0, 1)
