"""What was left is set against what must be there: everything that differs is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.deadletters import HEADER
from tests.chaos.policies import is_mixed, plain
from tests.chaos.receivers import Told, untold
from tests.chaos.reference import COUNTS, Expected, Known, Letter
from tests.e2e.corner import Said, Stored

_SOME = 5


@dataclass(frozen=True)
class Found:
    """What was left: in Redis, and in the topics.

    ``events_of`` tells how many events a stored state has counted. ``model`` is the learner's
    state and how many examples it has learnt; ``taught`` what a learner makes of the topic.
    ``told`` is what each live endpoint was told.
    """

    stored: Mapping[int, Stored]
    alerts: Sequence[Said]
    examples: Sequence[Said]
    letters: Sequence[Said]
    model: tuple[Any, int]
    taught: tuple[Any, int]
    events_of: Callable[[bytes], int]
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass
class Differences:
    """How often something is not as it must be; ``notes`` say where."""

    lost: int = 0
    doubled: int = 0
    states_wrong: int = 0
    timers_wrong: int = 0
    labels_wrong: int = 0
    alerts_lost: int = 0
    alerts_wrong: int = 0
    two_ids: int = 0
    letters_wrong: int = 0
    counts_wrong: int = 0
    model_wrong: int = 0
    webhooks_lost: int = 0
    webhooks_wrong: int = 0
    #: Allowed: the same message under the same id.
    sent_again: int = 0
    notes: list[str] = field(default_factory=list)

    def note(self, what: str, which: Sequence[object]) -> None:
        """Say where, for the first few."""
        if which:
            some = "; ".join(map(str, which[:_SOME]))
            self.notes.append(f"{what}: {len(which)}, such as {some}")

    @property
    def none(self) -> bool:
        """Whether all is as it must be."""
        return not any(
            value for name, value in vars(self).items() if name not in ("sent_again", "notes")
        )


def compare(expected: Expected, found: Found) -> Differences:
    """Count what is not as it must be."""
    differences = Differences()
    for number, customers in expected.customers.items():
        _customers(number, customers, found, differences)
        counts = found.stored[number].mark.counts
        wrong = [
            f"{name} {counts.get(name, 0)} != {expected.counts[number][name]}"
            for name in COUNTS
            if counts.get(name, 0) != expected.counts[number][name]
        ]
        if found.stored[number].mark.watermark != expected.watermarks[number]:
            wrong.append("watermark")
        differences.counts_wrong += len(wrong)
        differences.note(f"counts of partition {number}", wrong)
    _alerts(expected, found.alerts, differences)
    _examples(expected, found.examples, differences)
    _letters(expected, found.letters, differences)
    _model(found, differences)
    for name, told in found.told.items():
        _webhooks(name, told, found.alerts, differences)
    return differences


def _customers(
    number: int, customers: Mapping[str, Known], found: Found, differences: Differences
) -> None:
    stored = found.stored[number]
    states: list[str] = []
    timers: list[str] = []
    for name in sorted(customers.keys() | stored.states.keys()):
        known = customers.get(name, Known(0, b"", None, None))
        state = stored.states.get(name)
        events = 0 if state is None else found.events_of(state)
        differences.lost += max(known.events - events, 0)
        differences.doubled += max(events - known.events, 0)
        ledger = stored.ledgers.get(name)
        if state != known.state or plain(ledger or b"") != plain(known.ledger or b""):
            part = "ledger" if state == known.state else "state"
            states.append(f"{name} ({part}; {events} events, must be {known.events})")
    for name in sorted(customers.keys() | stored.timers.keys()):
        due = customers[name].due if name in customers else None
        if stored.timers.get(name) != due:
            timers.append(f"{name} ({stored.timers.get(name)}, must be {due})")
    differences.states_wrong += len(states)
    differences.timers_wrong += len(timers)
    differences.note(f"customers of partition {number}", states)
    differences.note(f"timers of partition {number}", timers)


def _alerts(expected: Expected, alerts: Sequence[Said], differences: Differences) -> None:
    first: dict[str, bytes] = {}
    order: dict[str, list[str]] = {}
    decided: dict[tuple[str, str, str], str] = {}
    twofold: list[str] = []
    mixed: list[str] = []
    for said in alerts:
        body, value = json.loads(said.value), plain(said.value)
        name, customer = body["alert_id"], body["user_id"]
        if is_mixed(body):
            mixed.append(f"{name} is by two versions of the policy file")
        if name in first:
            differences.sent_again += 1
            if first[name] != value:
                twofold.append(f"{name} says two things")
            continue
        first[name] = value
        order.setdefault(customer, []).append(name)
        decision = (customer, body["decided_at"], body["cause"])
        if decided.setdefault(decision, name) != name:
            twofold.append(f"{decision} has {decided[decision]} and {name}")
    lost = sorted(expected.alerts.keys() - first.keys())
    wrong = [*mixed]
    wrong += [f"{name} must not be" for name in sorted(first.keys() - expected.alerts.keys())]
    wrong += [
        f"{name} says something else"
        for name in sorted(first.keys() & expected.alerts.keys())
        if first[name] != plain(expected.alerts[name])
    ]
    wrong += [
        f"{customer}'s are in another order"
        for customer, names in sorted(expected.order.items())
        if [name for name in order.get(customer, ()) if name in expected.alerts]
        != [name for name in names if name in first]
    ]
    differences.alerts_lost += len(lost)
    differences.alerts_wrong += len(wrong)
    differences.two_ids += len(twofold)
    differences.note("alerts lost", lost)
    differences.note("alerts wrong", wrong)
    differences.note("alerts twice", twofold)


def _examples(expected: Expected, examples: Sequence[Said], differences: Differences) -> None:
    first: dict[str, bytes] = {}
    wrong: list[str] = []
    for said in examples:
        name = json.loads(said.value)["example_id"]
        if name in first:
            differences.sent_again += 1
            if first[name] != said.value:
                wrong.append(f"{name} says two things")
        first.setdefault(name, said.value)
    for name in sorted(expected.examples.keys() | first.keys()):
        if name not in first:
            wrong.append(f"{name} is lost")
        elif name not in expected.examples:
            wrong.append(f"{name} must not be")
        elif first[name] != expected.examples[name]:
            wrong.append(f"{name} says something else")
    differences.labels_wrong += len(wrong)
    differences.note("examples", wrong)


def _letters(expected: Expected, letters: Sequence[Said], differences: Differences) -> None:
    seen: set[Letter] = set()
    wrong: list[str] = []
    for said in letters:
        why = json.loads(said.headers[HEADER])
        letter = Letter(why["partition"], why["offset"], said.value)
        differences.sent_again += letter in seen
        seen.add(letter)
    wrong += [f"{each.partition}/{each.offset} is lost" for each in expected.letters - seen]
    wrong += [f"{each.partition}/{each.offset} must not be" for each in seen - expected.letters]
    differences.letters_wrong += len(wrong)
    differences.note("dead letters", wrong)


def _webhooks(name: str, told: Told, alerts: Sequence[Said], differences: Differences) -> None:
    """Hold what an endpoint was told to the alerts: each at least once, under its own id."""
    lost = untold([said.value for said in alerts], told)
    wrong = [*told.wrong]
    wrong += [
        f"{alert} came as {', '.join(sorted(ids))}"
        for alert, ids in sorted(told.ids.items())
        if ids != {alert}
    ]
    differences.sent_again += told.taken.total() - len(told.taken)
    differences.webhooks_lost += len(lost)
    differences.webhooks_wrong += len(wrong)
    differences.note(f"webhooks lost at {name}", lost)
    differences.note(f"webhooks wrong at {name}", wrong)


def _model(found: Found, differences: Differences) -> None:
    (state, learnt), (taught, distinct) = found.model, found.taught
    wrong: list[str] = []
    if learnt != distinct:
        wrong.append(f"{learnt} examples are learnt, must be {distinct}")
    if state != taught:
        wrong.append("its numbers are not those of a learner that read the topic once")
    differences.model_wrong += bool(wrong)
    differences.note("model", wrong)
