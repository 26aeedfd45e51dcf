"""The file of what was learnt: the same bytes for the same numbers, and nothing else is taken."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.playbooks import Group, Learnt, LearntWrong, Situation, decode_learnt, encode_learnt
from models.playbooks.learnt import GROUPINGS, MOST_BYTES, MOST_GROUPS
from models.understanding import SEGMENTS
from tests.models.playbooks.lessons import group_of, learnt_of

NUMBERS = st.floats(-1, 1, allow_nan=False)
BY = (*GROUPINGS, "risk:0.8", "orders:1:5")
WORDS = st.text(min_size=1, max_size=8)


@st.composite
def learnt(draw: st.DrawFn) -> Learnt:
    by = draw(st.lists(st.sampled_from(BY), max_size=2, unique=True).map(tuple))
    names = draw(
        st.lists(st.tuples(WORDS, st.tuples(*(WORDS for _ in by))), max_size=5, unique=True)
    )
    groups = []
    for playbook, where in names:
        low, lift, high = sorted(draw(st.tuples(NUMBERS, NUMBERS, NUMBERS)))
        bounds = {"low": low, "lift": lift, "high": high, "error": draw(st.floats(0, 1))}
        if draw(st.booleans()):
            bounds |= {"money": draw(NUMBERS), "money_error": draw(st.floats(0, 1))}
        counts = draw(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)))
        groups.append(
            Group(
                playbook=playbook,
                where=where,
                treated=counts[0],
                held_out=counts[1],
                risk=draw(st.floats(1e-6, 1)),
                **(bounds if draw(st.booleans()) else {}),
            )
        )
    return Learnt(
        version=1,
        first="2026-01-01T00:00:00Z",
        last="2026-03-01T00:00:00Z",
        horizon_days=draw(st.floats(1e-3, 400)),
        alpha=draw(st.floats(1e-6, 0.99)),
        by=by,
        groups=tuple(groups),
    )


@settings(max_examples=100)
@given(learnt(), st.randoms())
def test_what_is_written_is_read_and_the_order_changes_no_byte(
    told: Learnt, rng: random.Random
) -> None:
    data = encode_learnt(told)
    read = decode_learnt(data)
    assert set(read.groups) == set(told.groups)
    assert (read.by, read.alpha, read.horizon_days) == (told.by, told.alpha, told.horizon_days)
    assert encode_learnt(read) == data
    groups = list(told.groups)
    rng.shuffle(groups)
    again = Learnt(
        version=1,
        first=told.first,
        last=told.last,
        horizon_days=told.horizon_days,
        alpha=told.alpha,
        by=told.by,
        groups=tuple(groups),
    )
    assert encode_learnt(again) == data
    # A group a line, so that a change can be seen in a diff.
    assert data.decode().count("\n  {") == len(groups)


GOOD = encode_learnt(learnt_of(*(group_of("gift", 0.08, 0.12, (name,), 100) for name in SEGMENTS)))


@given(st.integers(0, len(GOOD) - 3))
def test_a_file_that_is_not_whole_is_refused(length: int) -> None:
    with pytest.raises(LearntWrong):
        decode_learnt(GOOD[:length])


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_anything_else_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(LearntWrong, match="--write-response"):
        decode_learnt(data)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2 is not known to this version of Ebbtide, which knows 1;"),
        ({"alpha": 0}, "Expected `float` > 0.0 - at `$.alpha`; write it anew"),
        ({"more": 1}, "Object contains unknown field `more`; write it anew"),
        ({"by": ["sgment"]}, "by[0]: 'sgment' tells nobody apart; did you mean 'segment'?"),
        ({"by": ["orders:x"]}, "by[0]: orders:x: an edge is no number; write such as orders:1:5"),
        ({"by": ["orders:1.0"]}, "by[0]: 'orders:1.0' is written 'orders:1'; write it anew"),
        ({"by": []}, "groups[0].where: 1 words, and by has 0; write it anew"),
        ({"groups": 7}, "Expected `array`, got `int` - at `$.groups`; write it anew"),
        ({"groups.treated": "many"}, "Expected `int`, got `str` - at `$.groups[0].treated`; write"),
        ({"groups.treated": -1}, "Expected `int` >= 0 - at `$.groups[0].treated`; write"),
        ({"groups.risk": 0}, "Expected `float` > 0.0 - at `$.groups[0].risk`; write it anew"),
        ({"groups.lift": 1e300}, "Expected `float` <= 1000000.0 - at `$.groups[0].lift`; write"),
        ({"groups.low": 0.1}, "groups[0]: low, lift, high and error go together, low below high;"),
        ({"groups.error": None}, "groups[0]: low, lift, high and error go together, low below"),
        (
            {"groups.money": 1.5},
            "groups[0]: money and money_error go together, and with lift; write",
        ),
        ({"groups.where": ["new"]}, "groups[1]: the same group as another one; write it anew"),
        ({"groups.held_out": 1_000}, "fingerprint: it is not that of what the file says, so"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: dict[str, object], said: str) -> None:
    told = json.loads(GOOD)
    for key, value in change.items():
        where, _, field = key.partition(".")
        if field:
            told[where][0 if field != "where" else 1][field] = value
        else:
            told[key] = value
    if change == {"groups.where": ["new"]}:
        told["groups"][0]["where"] = ["new"]
    with pytest.raises(LearntWrong) as caught:
        decode_learnt(json.dumps(told).encode())
    assert str(caught.value).startswith(said)


def test_a_file_of_before_money_was_told_is_read_as_it_was_written() -> None:
    assert b"money" not in GOOD
    assert all(group.money is None for group in decode_learnt(GOOD).groups)


def test_a_file_is_bounded() -> None:
    with pytest.raises(LearntWrong, match="longer than 1,048,576 bytes"):
        decode_learnt(GOOD + b" " * MOST_BYTES)
    told = json.loads(GOOD)
    small = {"playbook": "x", "where": ["x"], "treated": 0, "held_out": 0, "risk": 1}
    told["groups"] = [small] * (MOST_GROUPS + 1)
    with pytest.raises(LearntWrong, match="groups: there are more than 5,000"):
        decode_learnt(json.dumps(told).encode())


def test_a_customer_s_group_is_told_from_the_situation() -> None:
    who = Situation("ada", 0, 0.7, "high", cause="silence", segment="loyal", stage="late")
    assert {name: told(who) for name, told in GROUPINGS.items()} == {
        "segment": "loyal",
        "stage": "late",
        "cause": "silence",
        "band": "high",
    }
