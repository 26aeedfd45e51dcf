"""Whom a playbook moves is learnt from what became of alerts, and then steers: a planted truth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from features import DAY, HOUR, Event, Millis, to_datetime
from models.deciding import Alert, Offer, Outcome, Reason
from models.effect import Rules
from models.playbooks import (
    Course,
    Group,
    Learnt,
    Plan,
    Situation,
    choose,
    decode_learnt,
    read_plan,
    with_learnt,
)
from streams.effect import (
    Asked,
    Joined,
    NotLearnable,
    check_dimensions,
    join,
    learnt_of,
    write_learnt,
)
from tests.streams.effect.small_shop import GONE, HORIZON, START

#: What the lifecycle reads, of a customer of each kind.
KINDS = {
    "loyal": {"tenure": 100.0, "visit_days": 12.0, "gap_mean": 8.0, "gap_usual": 8.0},
    "occasional": {"tenure": 90.0, "visit_days": 2.0, "gap_mean": 40.0, "gap_usual": 40.0},
}
TEXT = """
version = 1
holdout = { share = 0.3 }
[[playbook]]
name = "gift"
uplift = 0.10
action = { kind = "coupon", channel = "email", depth = 0.1, expires = "7d", cost = 0.50 }
[[playbook]]
name = "note"
uplift = 0.05
action = { kind = "message", channel = "email", cost = 0.10 }
"""
STEERING = """
[steering]
response = "response.json"
"""
DIMENSIONS = ("playbook", "segment")
RULES = Rules(horizon=HORIZON, gone=GONE, holdout=0.3)
RISK, VALUE = 0.8, 60_00
#: By how much more come back, of all who are treated: the gift is loved by the loyal, and drives
#: the occasional ones away; what the file thinks of the note is so.
TRUTH = {
    ("gift", "loyal"): 0.25,
    ("gift", "occasional"): -0.25,
    ("note", "loyal"): 0.04,
    ("note", "occasional"): 0.04,
}


def shoppers(seed: int, count: int, at: Millis = START) -> list[Situation]:
    """Return customers at decision points."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        kind = rng.choice(sorted(KINDS))
        found.append(
            Situation(
                customer=f"shopper-{seed}-{number}",
                at=at + rng.randrange(60 * 24) * HOUR,
                risk=RISK,
                band="high",
                cause="silence",
                segment=kind,
                value=VALUE,
                facts=KINDS[kind],
            )
        )
    return found


@dataclass
class Log:
    """What a shop has done by a plan, and what came of it."""

    sent: list[Alert] = field(default_factory=list)
    done: list[tuple[Millis, Event]] = field(default_factory=list)
    unusable: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def alerts(self) -> Iterator[Alert]:
        return iter(self.sent)

    def events(self) -> Iterator[tuple[Millis, Event]]:
        return iter(self.done)

    def outcomes(self) -> Iterator[Outcome]:
        return iter(())


def log_of(plan: Plan, customers: list[Situation], truth: dict[tuple[str, str], float]) -> Log:
    """Return the log of a shop that does what the plan says, to all but the held-out."""
    made, rng = Log(), random.Random(7)
    for who in customers:
        course = choose(plan, who)
        if course.first is None:
            continue
        made.sent.append(alert_of(who, course))
        option = course.first
        lift = 0.0 if option.held else truth[option.playbook, who.segment]
        if rng.random() < 0.4 + lift:
            made.done.append(visit(who.customer, who.at + rng.randrange(1, 20 * 24) * HOUR))
    made.done.append(visit("clock", START + 200 * DAY))
    return made


def alert_of(who: Situation, course: Course) -> Alert:
    option = course.first
    assert option is not None
    told: dict[str, Any] = {"steering": course.steering} if course.steering else {}
    return Alert(
        alert_id=course.id,
        user_id=who.customer,
        decided_at=to_datetime(who.at),
        valid_until=to_datetime(who.at + 7 * DAY),
        cause="silence",
        risk=who.risk,
        band="high",
        reasons=[Reason("silence", "silent", 1.0)],
        silence_days=31.0,
        action="none" if option.held else "offer",
        arm="holdout" if option.held else "treated",
        horizon_days=30.0,
        model_version="prior",
        catalogue="c",
        vector=dict(who.facts),
        playbook=option.playbook,
        variant=option.arm,
        offer=Offer(kind=option.action.kind),
        **told,
    )


def visit(name: str, at: Millis) -> tuple[Millis, Event]:
    return at, Event(event_id=f"{name}@{at}", user_id=name, type="visit", time=at)


def joined(log: Log, dimensions: tuple[str, ...] = DIMENSIONS) -> Joined:
    asked = Asked(RULES, dimensions, lambda kind: True, lateness=HOUR, skew=DAY)
    return join(log, asked)


def steered(learnt: Learnt, tmp_path: Path, explore: float = 0.1) -> Plan:
    """Return the plan of the file that steers by what was learnt, as it was written."""
    write_learnt(tmp_path / "response.json", learnt)
    text = f"{TEXT}{STEERING}explore = {explore}\n"
    return with_learnt(read_plan(text, ()), text, (tmp_path / "response.json").read_bytes(), ())


def worth(plan: Plan, customers: list[Situation], truth: dict[tuple[str, str], float]) -> float:
    """Return what a plan truly brings a customer, in cents, were nobody held out."""
    total, free = 0.0, replace(plan, holdout=0.0)
    for who in customers:
        option = choose(free, who).first
        if option is not None:
            total += truth[option.playbook, who.segment] * who.value - option.action.cost
    return total / len(customers)


FILE = read_plan(TEXT, ())


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return learnt_of(joined(log_of(FILE, shoppers(1, 5_000), TRUTH)), RULES, DIMENSIONS)


def test_what_was_planted_is_learnt_with_its_bounds(learnt: Learnt) -> None:
    found = {(each.playbook, *each.where): each for each in learnt.groups}
    # The file has the gift first, so of the note nothing is known yet.
    assert set(found) == {("gift", "loyal"), ("gift", "occasional")}
    for key, group in found.items():
        assert group.lift is not None and group.low is not None and group.high is not None
        playbook, segment = key
        assert group.low < TRUTH[playbook, segment] < group.high
        assert group.risk == RISK
        rates = (0.4 + TRUTH[playbook, segment], group.treated), (0.4, group.held_out)
        noise = sum(rate * (1 - rate) / count for rate, count in rates) ** 0.5
        assert group.error == pytest.approx(noise, rel=0.1)
        assert group.treated + group.held_out > 2_000
        assert group.held_out / (group.treated + group.held_out) == pytest.approx(0.3, abs=0.03)
    assert (learnt.by, learnt.horizon_days, learnt.alpha) == (("segment",), 30.0, 0.05)
    assert learnt.first < learnt.last


def test_who_is_driven_away_is_spared_it_outside_of_exploration_and_who_is_moved_gets_it(
    learnt: Learnt, tmp_path: Path
) -> None:
    plan, crowd = steered(learnt, tmp_path), shoppers(2, 2_000)
    given: Counter[tuple[str, str, str]] = Counter()
    for who in crowd:
        course = choose(plan, who)
        assert course.first is not None
        given[who.segment, course.steering, course.first.playbook] += 1
        harmed = [each.playbook for each in course.considered if each.hindrance is not None]
        spared = who.segment == "occasional" and course.steering != "explored"
        assert harmed == (["gift"] if spared else [])
        assert course.instead == ("gift" if spared else "")
    assert set(given) == {
        ("loyal", "agreed", "gift"),
        ("loyal", "explored", "gift"),
        ("occasional", "steered", "note"),
        ("occasional", "explored", "gift"),
    }
    explored = sum(count for (_, how, _), count in given.items() if how == "explored")
    assert explored / len(crowd) == pytest.approx(0.1, abs=0.02)


def test_it_is_worth_more_than_the_file_s_order(learnt: Learnt, tmp_path: Path) -> None:
    plan, crowd = steered(learnt, tmp_path), shoppers(3, 2_000)
    by_file, by_learnt = worth(FILE, crowd, TRUTH), worth(plan, crowd, TRUTH)
    best = sum(
        max(0.25 * VALUE - 50, 0) if who.segment == "loyal" else 0.04 * VALUE - 10 for who in crowd
    ) / len(crowd)
    assert by_file == pytest.approx(-50, abs=60)
    # All that there is to be had, but for the tenth who explore.
    assert by_learnt == pytest.approx(0.9 * best + 0.1 * by_file, abs=30)


def test_by_the_margin_what_brings_back_those_who_then_buy_for_nothing_is_not_taken(
    tmp_path: Path,
) -> None:
    """The gift brings more back, who buy for 5 with it; the note fewer, who buy for 60 as ever."""
    text = TEXT.replace('name = "gift"', 'name = "gift"\npriority = PRIORITY')
    back = {"gift": 0.25, "note": 0.10}
    groups = []
    for priority in (1, 100):  # each is the first for one half of the time
        plan = read_plan(
            text.replace("PRIORITY", str(priority)).replace(
                'name = "note"', f'name = "note"\npriority = {101 - priority}'
            ),
            (),
        )
        made, rng = Log(), random.Random(priority)
        for who in shoppers(20 + priority, 4_000):
            course = choose(plan, who)
            assert course.first is not None
            made.sent.append(alert_of(who, course))
            option = course.first
            gift = option.playbook == "gift" and not option.held
            lift = 0.0 if option.held else back[option.playbook]
            if rng.random() < 0.4 + lift:
                at = who.at + rng.randrange(1, 20 * 24) * HOUR
                made.done.append(bought(who.customer, at, 5.0 if gift else 60.0))
        made.done.append(visit("clock", START + 200 * DAY))
        groups += learnt_of(joined(made), RULES, DIMENSIONS).groups
    for group in groups:
        truth = 0.65 * 5 - 0.4 * 60 if group.playbook == "gift" else 0.1 * 60
        assert group.money is not None and group.money_error is not None
        assert abs(group.money - truth) < 4 * group.money_error < 8
    learnt = replace_groups(learnt_of(joined(made), RULES, DIMENSIONS), groups)
    write_learnt(tmp_path / "response.json", learnt)
    found = {}
    for goal in ("return", "margin"):
        said = f'{TEXT}{STEERING}goal = "{goal}"\nexplore = 0.01\n'
        data = (tmp_path / "response.json").read_bytes()
        plan = with_learnt(read_plan(said, ()), said, data, ())
        steered_ones = [choose(plan, who) for who in shoppers(30, 200)]
        found[goal] = {
            each.first.playbook
            for each in steered_ones
            if each.first is not None and each.steering != "explored"
        }
    assert found == {"return": {"gift"}, "margin": {"note"}}


def bought(name: str, at: Millis, amount: float) -> tuple[Millis, Event]:
    event = Event(event_id=f"{name}@{at}", user_id=name, type="purchase", time=at, amount=amount)
    return at, event


def replace_groups(learnt: Learnt, groups: list[Group]) -> Learnt:
    return msgspec.structs.replace(learnt, groups=tuple(groups))


@pytest.mark.parametrize("seed", range(6))
def test_where_all_is_as_the_file_says_what_was_learnt_costs_next_to_nothing(
    seed: int, tmp_path: Path
) -> None:
    """A noisy guess may put the second best first; it may not cost more than a tenth of it all."""
    truth = {key: RISK * (0.1 if key[0] == "gift" else 0.05) for key in TRUTH}
    log = log_of(FILE, shoppers(100 + seed, 1_200), truth)
    plan = steered(learnt_of(joined(log), RULES, DIMENSIONS), tmp_path)
    crowd = shoppers(4, 400)
    assert not any(
        each.hindrance is not None and each.hindrance.code == "harms"
        for who in crowd
        for each in choose(plan, who).considered
    )
    assert worth(plan, crowd, truth) >= 0.9 * worth(FILE, crowd, truth)


def test_where_too_little_is_known_it_is_worth_exactly_the_same(tmp_path: Path) -> None:
    log = log_of(FILE, shoppers(5, 300), TRUTH)
    plan = steered(learnt_of(joined(log), RULES, DIMENSIONS), tmp_path)
    crowd = shoppers(6, 300)
    assert [choose(plan, who).options for who in crowd] == [
        choose(FILE, who).options for who in crowd
    ]


def test_what_was_learnt_wrongly_is_learnt_anew_from_those_who_explore(tmp_path: Path) -> None:
    """The occasional have come to like the gift; nobody but explorers is given it any more."""
    log = log_of(FILE, shoppers(1, 2_000), TRUTH)
    plan = steered(learnt_of(joined(log), RULES, DIMENSIONS), tmp_path, explore=0.3)
    now = {**TRUTH, ("gift", "occasional"): 0.4}
    later = log_of(plan, shoppers(8, 4_000), now)
    anew = learnt_of(joined(later), RULES, DIMENSIONS)
    found = {(each.playbook, *each.where): each for each in anew.groups}
    group = found["gift", "occasional"]
    # Three tenths of half of them.
    assert group.treated + group.held_out == pytest.approx(600, rel=0.15)
    assert group.low is not None and group.low > 0
    assert found["note", "occasional"].treated > 700
    again = steered(anew, tmp_path)
    who = next(each for each in shoppers(9, 50) if each.segment == "occasional")
    assert choose(again, who).considered[0].hindrance is None
    # The effect of the file's order, for the explorers by themselves.
    by = joined(later, ("steering",)).measured.lines
    counts = {line.group: line.treated + line.held_out for line in by}
    assert set(counts) == {(), ("agreed",), ("explored",), ("steered",)}
    assert counts["explored",] / counts[()] == pytest.approx(0.3, abs=0.02)


def test_the_same_log_gives_the_same_bytes_in_any_order(learnt: Learnt, tmp_path: Path) -> None:
    log = log_of(FILE, shoppers(1, 5_000), TRUTH)
    random.Random(3).shuffle(log.sent)
    random.Random(4).shuffle(log.done)
    again = learnt_of(joined(log), RULES, DIMENSIONS)
    for path, each in ((tmp_path / "one", learnt), (tmp_path / "other", again)):
        write_learnt(path, each)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]
    read = decode_learnt((tmp_path / "one").read_bytes())
    assert read.groups == tuple(sorted(learnt.groups, key=lambda each: each.where))


@pytest.mark.parametrize(
    ("change", "groups"),
    [
        # What no playbook did, and of whom nothing is known yet, is left out.
        (lambda alert: _without_playbook(alert), 0),
        (lambda alert: alert, 2),
    ],
    ids=["no playbook", "all"],
)
def test_only_what_playbooks_did_is_learnt(change: Callable[[Alert], Alert], groups: int) -> None:
    log = log_of(FILE, shoppers(5, 100), TRUTH)
    log.sent = [change(each) for each in log.sent]
    found = learnt_of(joined(log), RULES, DIMENSIONS).groups
    assert len(found) == groups
    assert not any(each.known for each in found)


def _without_playbook(alert: Alert) -> Alert:
    told = {name: getattr(alert, name) for name in alert.__struct_fields__}
    for name in ("playbook", "variant", "offer"):
        del told[name]
    return Alert(**told)


def test_nobody_s_return_is_known_before_the_horizon_has_passed() -> None:
    log = log_of(FILE, shoppers(5, 100), TRUTH)
    log.done = [each for each in log.done if each[1].user_id != "clock"]
    log.done = [each for each in log.done if each[0] < START + 20 * DAY]
    assert learnt_of(joined(log), RULES, DIMENSIONS).groups == ()


def test_it_is_learnt_by_a_number_whom_no_segment_tells(tmp_path: Path) -> None:
    """Those who like coupons are moved; the others are driven away; and no segment tells them."""

    def likes(who: Situation) -> bool:
        return who.facts["coupons_90d"] >= 2

    rng = random.Random(11)
    crowd = [
        replace(who, facts={**who.facts, "coupons_90d": float(rng.randrange(4))})
        for who in shoppers(10, 3_000)
    ]
    log, by = Log(), ("coupons_90d:2", "playbook")
    for who in crowd:
        course = choose(FILE, who)
        assert course.first is not None
        log.sent.append(alert_of(who, course))
        lift = 0.0 if course.first.held else 0.25 if likes(who) else -0.25
        if rng.random() < 0.4 + lift:
            log.done.append(visit(who.customer, who.at + DAY))
    log.done.append(visit("clock", START + 200 * DAY))
    learnt = learnt_of(joined(log, by), RULES, by)
    found = {each.where[0]: each for each in learnt.groups}
    assert learnt.by == ("coupons_90d:2",)
    assert set(found) == {"coupons_90d < 2", "coupons_90d >= 2"}
    write_learnt(tmp_path / "response.json", learnt)
    text, data = TEXT + STEERING, (tmp_path / "response.json").read_bytes()
    plan = with_learnt(read_plan(text, ()), text, data, ("coupons_90d",))
    for who in crowd[:300]:
        course = choose(plan, who)
        if course.steering != "explored":
            assert course.first is not None
            assert course.first.playbook == ("gift" if likes(who) else "note")
    by_segment = learnt_of(joined(log), RULES, DIMENSIONS)
    assert all(
        each.low is not None and each.low < 0 < (each.high or 0) for each in by_segment.groups
    )


def test_it_is_refused_to_learn_by_what_a_playbook_cannot_know() -> None:
    check_dimensions(["segment", "playbook", "cause", "stage", "band", "orders:2"])
    with pytest.raises(NotLearnable, match="--by playbook, and any of segment, stage, cause, band"):
        check_dimensions(["segment"])
    for name in ("action", "variant", "response", "steering"):
        with pytest.raises(NotLearnable, match=f"{name} is not known when a playbook is chosen"):
            check_dimensions(["playbook", name])
