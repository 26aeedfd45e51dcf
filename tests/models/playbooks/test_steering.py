"""What was learnt steers: against a slow oracle, and who is left as they would have been."""

from __future__ import annotations

import random
from dataclasses import replace
from hashlib import blake2b
from itertools import product
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from models.playbooks import (
    Action,
    Arm,
    Course,
    Estimate,
    Group,
    Plan,
    Playbook,
    PolicyWrong,
    Situation,
    Steering,
    choose,
    doubts,
    encode_learnt,
    read_plan,
    say,
    say_steering,
    with_learnt,
)
from tests.models.playbooks.lessons import learnt_of
from tests.models.playbooks.plans import NOW, PLANS, SITUATIONS

WHERE = st.sampled_from(["loyal", "new"])
#: By which almost all customers go, and almost none.
NOBODY, MOST = 0.01, 0.99


def table_of(seed: int) -> list[Group]:
    """Return what was learnt of each playbook; at once: there are many numbers in it."""
    rng = random.Random(seed)
    found = []
    for playbook, where in product("abcd", ("loyal", "new")):
        treated, held_out = rng.choice(
            [(5_000, 100), (100, 100), (100, 5_000), (5_000, 49), (99, 99)]
        )
        lift, reach = rng.choice([-0.3, -0.02, 0.0, 0.1, 0.4]), rng.choice([0.0, 0.02, 0.2])
        bounds = {"lift": lift, "error": reach / 2, "low": lift - reach, "high": lift + reach}
        bounds |= {"money": rng.choice([-20.0, -0.5, 0.0, 0.5, 20.0])}
        bounds |= {"money_error": rng.choice([0.0, 0.5, 10.0])}
        each = Group(
            playbook=playbook,
            where=(where,),
            treated=treated,
            held_out=held_out,
            risk=rng.choice([0.5, 0.8, 1.0]),
            **(bounds if rng.random() < 0.8 else {}),
        )
        if rng.random() < 0.8:
            found.append(each)
    return found


TABLES = st.integers(0, 2**32).map(table_of)
STEERINGS = st.builds(
    lambda explore, least, spread, found: Steering(
        "response.json", explore, least, spread, learnt_of(*found)
    ),
    st.sampled_from([NOBODY, NOBODY, NOBODY, MOST]),
    st.sampled_from([50, 100]),
    st.sampled_from([0.02, 0.5]),
    TABLES,
)


def with_steering(plan: Plan, steering: Steering, wide: bool) -> Plan:
    """Return a plan that steers; if it is wide, little but what was learnt is in the way."""
    if wide:
        books = tuple(
            replace(each, when=(), unless=(), enabled=True, priority=1) for each in plan.playbooks
        )
        plan = replace(plan, playbooks=books, consents=(), caps=(), cooldown=0)
    return replace(plan, steering=steering)


STEERED = st.builds(with_steering, PLANS, STEERINGS, st.sampled_from([True, True, False]))
THERE = st.builds(lambda who, where: replace(who, segment=where), SITUATIONS, WHERE)


# -- the oracle --------------------------------------------------------------------------------


def explorer(plan: Plan, customer: str) -> bool:
    assert plan.steering is not None
    digest = blake2b(f"{plan.salt}|{customer}".encode(), digest_size=8, person=b"explore").digest()
    return int.from_bytes(digest) / 2**64 < plan.steering.explore


def believed(plan: Plan, playbook: Playbook, who: Situation) -> tuple[float, Group] | None:
    """Return the uplift that what was learnt gives a playbook, by looking at every group."""
    steering = plan.steering
    assert steering is not None and steering.learnt is not None
    owed = all(each.action.kind == "nothing" or each.action.transactional for each in playbook.arms)
    for group in steering.learnt.groups:
        if owed or (group.playbook, group.where) != (playbook.name, (who.segment,)):
            continue
        if group.lift is None or group.treated < steering.least or group.held_out < steering.least:
            return None
        assert group.error is not None
        measured, noise = group.lift / group.risk, group.error / group.risk
        said = playbook.uplift or 0.0
        # Two guesses, each weighed by one over its variance.
        if noise == 0:
            return max(measured, 0.0), group
        weights = 1 / steering.spread**2, 1 / noise**2
        mean = (weights[0] * said + weights[1] * measured) / sum(weights)
        return max(mean, 0.0), group
    return None


def by_hand(plan: Plan, who: Situation) -> tuple[Plan, set[str]]:
    """Return a plan of which the file itself says what was learnt, and what harms."""
    if explorer(plan, who.customer):
        return replace(plan, steering=None), set()
    books, harmful = [], set()
    for playbook in plan.playbooks:
        found = believed(plan, playbook, who)
        if found is None:
            books.append(playbook)
            continue
        uplift, group = found
        books.append(replace(playbook, uplift=uplift))
        if group.high is not None and group.high < 0:
            harmful.add(playbook.name)
    return replace(plan, playbooks=tuple(books), steering=None), harmful


def names(course: Course) -> list[str]:
    return [option.playbook for option in course.options]


@settings(max_examples=120, deadline=None)
@given(STEERED, THERE)
def test_a_plan_that_steers_is_one_whose_file_says_what_was_learnt(
    plan: Plan, who: Situation
) -> None:
    course = choose(plan, who)
    told, harmful = by_hand(plan, who)
    calm = choose(told, who)
    # What harms is as if it were not in the file.
    left = tuple(each for each in told.playbooks if each.name not in harmful)
    expected = names(choose(replace(told, playbooks=left), who)) if left else []
    assert names(course) == expected
    for mine, other in zip(course.considered, calm.considered, strict=True):
        assert mine.playbook == other.playbook
        assert mine.matched is other.matched
        assert mine.gain == pytest.approx(other.gain)
        code, was = (each and each.code for each in (mine.hindrance, other.hindrance))
        if mine.playbook in harmful and was in (None, "loss"):
            assert code == "harms"
        else:
            assert code == was
    by_file = choose(replace(plan, steering=None), who)
    event(course.steering)
    if explorer(plan, who.customer):
        assert course == by_file._replace(steering="explored")
    elif names(course)[:1] == names(by_file)[:1]:
        assert (course.steering, course.instead) == ("agreed", "")
    else:
        assert (course.steering, course.instead) == ("steered", "".join(names(by_file)[:1]))
    assert course.id == by_file.id


@settings(max_examples=40, deadline=None)
@given(STEERED, THERE)
def test_who_is_held_out_is_steered_as_all_others_are(plan: Plan, who: Situation) -> None:
    free = choose(replace(plan, holdout=0.0), who)
    held = choose(replace(plan, holdout=0.9999999), who)
    assert free.considered == held.considered
    assert (free.steering, free.instead) == (held.steering, held.instead)
    assert names(free) == names(held)
    assert [(each.arm, each.not_before) for each in free.options] == [
        (each.arm, each.not_before) for each in held.options
    ]


@settings(max_examples=40, deadline=None)
@given(PLANS, THERE, TABLES)
def test_where_too_little_is_known_nothing_is_other_than_by_the_file(
    plan: Plan, who: Situation, found: list[Group]
) -> None:
    steering = Steering("response.json", 0.01, least=5_001, learnt=learnt_of(*found))
    course = choose(replace(plan, steering=steering), who)
    by_file = choose(plan, who)
    assert course.steering in ("explored", "agreed")
    assert course._replace(steering="") == by_file
    unread = choose(replace(plan, steering=replace(steering, learnt=None)), who)
    assert unread == course


# -- by the margin -----------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(STEERED, THERE, st.sampled_from([0.0, 0.5, 100.0]))
def test_by_the_margin_they_are_ranked_by_what_they_brought_such_customers(
    plan: Plan, who: Situation, euros: float
) -> None:
    assert plan.steering is not None
    who = replace(who, value=100 * euros)
    plan = replace(plan, steering=replace(plan.steering, goal="margin"))
    course, by_return = choose(plan, who), by_hand(plan, who)
    books = {each.name: each for each in plan.playbooks}
    free = []
    for place, each in enumerate(course.considered):
        playbook = books[each.playbook]
        found = None if explorer(plan, who.customer) else believed(plan, playbook, who)
        if found is None or playbook.idle:
            assert each.learnt is None
            assert each.gain == pytest.approx(by_file_s_word(playbook, who))
        else:
            _, group = found
            assert group.money is not None and group.money_error is not None
            lost = who.risk * who.value
            word = lost * (playbook.uplift or 0.0) - playbook.cost
            expected = between(word, plan.steering.spread * lost, 100 * group.money, group)
            assert each.gain == pytest.approx(expected, abs=1e-6, rel=1e-6)
        code = None if each.hindrance is None else each.hindrance.code
        if code in (None, "loss") and each.gain is not None and not playbook.idle:
            owed = not playbook.channels
            assert (code == "loss") is (each.gain < 0 and not owed)
        if each.hindrance is None:
            free.append((playbook.priority, -(each.gain or 0.0), place, each.playbook))
    expected_names = [name for *_, name in sorted(free)]
    assert names(course) == expected_names[: len(names(course))]
    # What drives customers away is not taken, whatever it brings of those who stay.
    harmed = {e.playbook for e in course.considered if e.hindrance and e.hindrance.code == "harms"}
    assert harmed <= by_return[1]


def by_file_s_word(playbook: Playbook, who: Situation) -> float | None:
    if all(each.action.kind == "nothing" for each in playbook.arms):
        return 0.0
    if playbook.uplift is None:
        return None
    weights = sum(each.weight for each in playbook.arms)
    cost = sum(each.weight * each.action.cost for each in playbook.arms) / weights
    return who.risk * who.value * playbook.uplift - cost


def between(word: float, spread: float, measured: float, group: Group) -> float:
    """Return the mean of two guesses, each weighed by one over its variance."""
    error = 100 * (group.money_error or 0.0)
    if not error:
        return measured
    if not spread:
        return word
    weights = 1 / spread**2, 1 / error**2
    return (weights[0] * word + weights[1] * measured) / sum(weights)


def test_what_brings_customers_back_at_a_loss_goes_behind_what_pays() -> None:
    gift, note = only("gift", 50, uplift=0.1), only("note", 10, uplift=0.05)
    by = (
        group("gift", 0.2, 0.3, money=-3.0, money_error=0.2),
        group("note", 0.0, 0.1, money=1.5, money_error=0.2),
    )
    by_return = steered(gift, note, by=by)
    assert by_return.steering is not None
    by_margin = replace(by_return, steering=replace(by_return.steering, goal="margin"))
    assert names(choose(by_return, ADA)) == ["gift", "note"]
    course = choose(by_margin, ADA)
    assert (names(course), course.steering, course.instead) == (["note"], "steered", "gift")
    [dear, cheap] = course.considered
    assert dear.hindrance is not None and dear.hindrance.code == "loss"
    assert cheap.gain == pytest.approx(150, rel=0.1)
    # Whose value is nothing are thought to be like all others.
    assert choose(by_margin, replace(ADA, value=0.0)).considered[1].gain == pytest.approx(-10)


# -- what is owed, what harms, what is not certain ---------------------------------------------


def only(name: str, cost: int = 0, **more: Any) -> Playbook:
    arm = Arm("only", 1.0, Action("message", "email", cost))
    return replace(Playbook(name, (arm,)), **more)


def group(name: str, low: float, high: float, **more: Any) -> Group:
    said: dict[str, Any] = {"treated": 900, "held_out": 900, "risk": 0.5, "where": ("loyal",)}
    bounds = {"lift": (low + high) / 2, "error": (high - low) / 6, "low": low, "high": high}
    return Group(playbook=name, **{**said, **bounds, **more})


def steered(*books: Playbook, by: tuple[Group, ...], explore: float = 0.01) -> Plan:
    steering = Steering("response.json", explore, learnt=learnt_of(*by))
    return Plan(books, holdout=0.0, steering=steering)


ADA = Situation("ada", NOW, 0.8, "high", segment="loyal", value=100_00)


def test_what_drives_customers_away_is_not_taken_and_the_next_one_is() -> None:
    plan = steered(only("a", priority=1), only("b", priority=2), by=(group("a", -0.2, -0.04),))
    course = choose(plan, ADA)
    [a, b] = course.considered
    assert (names(course), course.steering, course.instead) == (["b"], "steered", "a")
    assert a.hindrance is not None and (a.hindrance.code, b.hindrance) == ("harms", None)
    assert say(a.hindrance) == (
        "fewer of such customers (loyal) come back with it: -12.0 points, -20.0 to -4.0"
    )
    assert "loyal" in say(a.hindrance, "zh") and "-12.0" in say(a.hindrance, "zh")
    assert say_steering(course.steering, course.instead).endswith("the file's order has a first")
    others = choose(plan, replace(ADA, segment="new"))
    assert (names(others), others.steering) == (["a", "b"], "agreed")


def test_of_everybody_together_it_is_told_so() -> None:
    all_alike = group("a", -0.2, -0.04, where=())
    plan = replace(
        steered(only("a"), by=()),
        steering=Steering("r.json", 0.01, learnt=learnt_of(all_alike, by=())),
    )
    hindrance = choose(plan, ADA).considered[0].hindrance
    assert hindrance is not None
    assert say(hindrance).startswith("fewer of such customers (all) come back")
    assert "全部" in say(hindrance, "zh")
    course = choose(plan, ADA)
    assert (course.steering, course.instead, course.first) == ("steered", "a", None)
    nothing = say_steering("steered", "")
    assert nothing == "steered by what was learnt: by the file's order nothing is done"


def test_enough_of_both_arms_must_be_known() -> None:
    for treated, held_out, counts in ((100, 100, True), (99, 900, False), (900, 99, False)):
        learnt = group("a", -0.2, -0.04, treated=treated, held_out=held_out)
        [a] = choose(steered(only("a"), by=(learnt,)), ADA).considered
        assert (a.hindrance is not None) is counts


def test_until_it_is_certain_a_playbook_that_costs_nothing_is_not_kept_back() -> None:
    """A guess below zero is no more than that: it counts as bringing nothing."""
    plan = steered(only("a"), only("dear", 1, priority=1), by=(group("a", -0.4, 0.0),))
    [a, _] = choose(plan, ADA).considered
    assert (a.hindrance, a.gain) == (None, 0.0)
    assert isinstance(a.learnt, Estimate) and a.learnt.uplift == 0.0
    costly = steered(only("dear", 1, uplift=0.05), by=(group("dear", -0.4, 0.0),))
    [dear] = choose(costly, ADA).considered
    assert dear.hindrance is not None and dear.hindrance.code == "loss"


def test_what_the_customer_is_owed_is_given_whatever_was_learnt() -> None:
    owed = Arm("only", 1.0, Action("recover", "email", 500, transactional=True))
    plan = steered(Playbook("sorry", (owed,)), by=(group("sorry", -0.2, -0.04),))
    course = choose(plan, ADA)
    assert (names(course), course.steering) == (["sorry"], "agreed")
    assert course.considered[0].learnt is None


def test_the_shop_s_priority_stands_and_among_equals_what_was_learnt_decides() -> None:
    a, b = only("a", uplift=0.1), only("b", uplift=0.05)
    learnt = (group("b", 0.14, 0.16),)
    assert names(choose(steered(a, b, by=learnt), ADA)) == ["b", "a"]
    assert names(choose(steered(replace(a, priority=1), b, by=learnt), ADA)) == ["a", "b"]
    # What was measured is of all; an uplift is of those who would not have come, half of them.
    found = choose(steered(a, b, by=learnt), ADA).considered[1].learnt
    assert found is not None
    assert found.uplift == pytest.approx(0.3, abs=0.01)


# -- who explores ------------------------------------------------------------------------------


def test_who_explores_is_the_same_for_ever() -> None:
    """Written down once: a change of these would have others explore in the middle."""
    plan = steered(only("a"), by=(), explore=0.3)
    found = [
        n for n in range(20) if choose(plan, replace(ADA, customer=f"c{n}")).steering == "explored"
    ]
    assert found == [1, 2, 7, 13, 15, 16, 19]


def test_exploring_has_its_share_and_knows_nothing_of_holdouts_and_arms() -> None:
    arms = (Arm("x", 1.0, Action("message", "email")), Arm("y", 1.0, Action("call", "phone")))
    steering = Steering("r.json", 0.3, learnt=learnt_of())
    plan = Plan((Playbook("a", arms, holdout=0.25),), holdout=0.25, steering=steering)
    counts: dict[tuple[bool, str, str], int] = {}
    many = 8_000
    for number in range(many):
        course = choose(plan, replace(ADA, customer=f"customer-{number}"))
        assert course.first is not None
        key = course.steering == "explored", course.first.held, course.first.arm
        counts[key] = counts.get(key, 0) + 1
    held = {"shop": 0.25, "playbook": 0.75 * 0.25, "": 0.75**2}
    for explored, one in ((True, 0.3), (False, 0.7)):
        for word, share in held.items():
            for arm in "xy":
                expected = one * share / 2
                # Four standard deviations; the ids are fixed, so this passes or fails for good.
                wide = 4 * (expected * (1 - expected) / many) ** 0.5
                found = counts.get((explored, word, arm), 0) / many
                assert found == pytest.approx(expected, abs=wide)


def test_with_a_larger_share_nobody_stops_exploring() -> None:
    few, many = steered(only("a"), by=(), explore=0.1), steered(only("a"), by=(), explore=0.4)
    for number in range(200):
        who = replace(ADA, customer=f"c{number}")
        assert choose(few, who).steering != "explored" or choose(many, who).steering == "explored"


# -- the policy file ---------------------------------------------------------------------------

TEXT = """version = 1
[[playbook]]
name = "gift"
action = { kind = "message", channel = "email" }
[steering]
response = "response.json"
explore = 0.2
least = 300
spread = 0.1
"""
DATA = encode_learnt(learnt_of(group("gift", 0.1, 0.2)))


def test_a_file_says_how_it_is_steered_and_its_fingerprint_covers_what_was_learnt() -> None:
    plan = read_plan(TEXT, ())
    assert plan.steering == Steering("response.json", 0.2, 300, 0.1)
    found = with_learnt(plan, TEXT, DATA, ())
    assert found.steering is not None and found.steering.learnt is not None
    assert found.steering.learnt.groups == (group("gift", 0.1, 0.2),)
    other = with_learnt(plan, TEXT, encode_learnt(learnt_of(group("gift", 0.1, 0.3))), ())
    marks = {plan.fingerprint, found.fingerprint, other.fingerprint}
    assert len(marks) == 3
    assert with_learnt(plan, TEXT, DATA, ()) == found
    least = read_plan(TEXT.replace("explore = 0.2\nleast = 300\nspread = 0.1\n", ""), ())
    assert least.steering == Steering("response.json", 0.1, 100, 0.05)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("explore = 0", "explore: 0 cannot be; write a number from 0.01 to 1"),
        ('goal = "money"', "goal: 'money' is no goal; write return or margin"),
        ('explore = "10%"', "explore: '10%' is no number; write a number from 0.01 to 1"),
        ("least = 10", "least: 10 cannot be; write a whole number from 50 to 10000000"),
        ("spread = 0", "spread: 0 cannot be; write a number above 0, at most 1"),
        ("explor = 0.1", "explor: there is no such key; did you mean 'explore'?"),
        ("response = 7", "response: 7 is no text of 1 to 200 letters, in quotes"),
    ],
)
def test_what_is_wrong_with_steering_is_told_by_line_and_field(line: str, said: str) -> None:
    lines = [each for each in TEXT.splitlines() if each.split(" =")[0] != line.split(" =")[0]]
    text = "\n".join([*lines, line])
    with pytest.raises(PolicyWrong) as caught:
        read_plan(text, ())
    at = text.splitlines().index(line) + 1
    assert str(caught.value.faults[-1]).startswith(f"line {at}, steering.{said}")


def test_steering_without_a_file_of_what_was_learnt_is_wrong() -> None:
    text = TEXT.replace('response = "response.json"\n', "")
    with pytest.raises(PolicyWrong) as caught:
        read_plan(text, ())
    assert str(caught.value) == (
        "line 5, steering: response is missing; write the file of ebb effect --write-response,"
        ' such as "response.json"'
    )


def test_a_file_that_says_nothing_that_was_learnt_is_a_fault_of_the_line_that_names_it() -> None:
    plan = read_plan(TEXT, ())
    with pytest.raises(PolicyWrong) as caught:
        with_learnt(plan, TEXT, DATA.replace(b"900", b"901", 1), ())
    assert str(caught.value).startswith(
        "line 6, steering.response: response.json: fingerprint: it is not that of what the file"
    )


def test_by_the_margin_a_file_must_tell_money() -> None:
    text = TEXT + 'goal = "margin"\n'
    plan = read_plan(text, ())
    assert plan.steering is not None and plan.steering.goal == "margin"
    with pytest.raises(PolicyWrong) as caught:
        with_learnt(plan, text, DATA, ())
    assert str(caught.value) == (
        "line 6, steering.response: response.json: it tells no money, by which to steer; write it"
        " anew with ebb effect --write-response"
    )
    told = encode_learnt(learnt_of(group("gift", 0.1, 0.2, money=2.0, money_error=0.5)))
    found = with_learnt(plan, text, told, ())
    assert found.steering is not None and len(found.steering.groups) == 1


def test_a_feature_that_there_is_not_any_more_is_a_fault() -> None:
    plan = read_plan(TEXT, ())
    cut = encode_learnt(learnt_of(group("gift", 0.1, 0.2), by=("orders:3",)))
    assert with_learnt(plan, TEXT, cut, ("orders",)).steering is not None
    with pytest.raises(PolicyWrong) as caught:
        with_learnt(plan, TEXT, cut, ("spent",))
    assert str(caught.value) == (
        "line 6, steering.response: response.json: by: there is no feature 'orders'; ebb features"
        " lists them all"
    )
    of_risk = encode_learnt(learnt_of(group("gift", 0.1, 0.2), by=("risk:0.8",)))
    assert with_learnt(plan, TEXT, of_risk, ()).steering is not None


def test_customers_are_told_apart_by_a_number() -> None:
    few, many = (
        group("gift", low, low + 0.1, where=(where,))
        for low, where in ((-0.3, "orders < 3"), (0.2, "orders >= 3"))
    )
    steering = Steering("r.json", 0.01, learnt=learnt_of(few, many, by=("orders:3",)))
    plan = Plan((only("gift"),), holdout=0.0, steering=steering)
    for orders, free in ((2.0, False), (3.0, True), (9.0, True)):
        [gift] = choose(plan, replace(ADA, facts={"orders": orders})).considered
        assert (gift.hindrance is None) is free
    # Of whom the number is not known, nothing was learnt.
    assert choose(plan, ADA).considered[0].learnt is None


# -- doubts ------------------------------------------------------------------------------------


def test_what_steering_cannot_do_is_doubted() -> None:
    renamed = steered(only("gift"), only("call"), by=(group("gifts", 0.1, 0.2),))
    said = [doubt.text for doubt in doubts(renamed) if doubt.code == "steering"]
    assert said == [
        "response.json has learnt of 'gifts', which is no playbook here; did you mean 'gift'?"
        " (gift, call)",
        "response.json knows too little of every playbook to count: nothing is other than by the"
        " file's order",
    ]
    ordered = steered(
        only("gift", priority=1), only("call", priority=2), by=(group("gift", 0.1, 0.2),)
    )
    [doubt] = [doubt for doubt in doubts(ordered) if doubt.code == "steering"]
    assert doubt.text.startswith("no two playbooks have the same priority")


def test_behind_one_that_may_harm_another_one_is_seldom_and_not_never() -> None:
    first, second = only("first", priority=1), only("second", priority=2)
    by = (group("first", 0.1, 0.2),)
    codes = {doubt.code for doubt in doubts(steered(first, second, by=by))}
    assert "seldom" in codes and "shadowed" not in codes
    assert "shadowed" in {doubt.code for doubt in doubts(Plan((first, second)))}
