"""A policy file is read whole, or refused with everything that is wrong with it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, HOUR, Definition, build_catalogue
from models.playbooks import (
    Action,
    Arm,
    Budget,
    Cap,
    Consent,
    OneOf,
    Plan,
    PolicyWrong,
    Prior,
    Quiet,
    Rate,
    Within,
    doubts,
    read_plan,
)
from tests.servers import ROOT

NAMES = build_catalogue(Definition()).names
EXAMPLE = (ROOT / "examples" / "policy.toml").read_text(encoding="utf-8")
#: Line 3 is where the playbook begins, line 6 is free.
SMALL = """version = 1
{top}
[[playbook]]
name = "bargains"
action = {{ kind = "message", channel = "email" }}
{inside}
"""


def small(inside: str = "", top: str = "") -> str:
    return SMALL.format(top=top, inside=inside)


def faults(text: str) -> list[str]:
    with pytest.raises(PolicyWrong) as caught:
        read_plan(text, NAMES)
    return str(caught.value).splitlines()


def test_the_example_is_good_to_start_from() -> None:
    plan = read_plan(EXAMPLE, NAMES)
    assert doubts(plan) == []
    assert [each.name for each in plan.playbooks] == [
        *("make-good", "too-new", "call-the-best", "bargains", "remind"),
    ]


def test_all_that_the_example_says_is_read() -> None:
    plan = read_plan(EXAMPLE, NAMES)
    assert (plan.timezone, plan.currency) == ("Europe/Berlin", "EUR")
    assert (plan.holdout, plan.salt) == (0.1, "ebbtide")
    assert (plan.cooldown, plan.rate) == (3 * DAY, Rate(2_000, HOUR))
    assert plan.caps == (
        *(Cap("email", 2, 7 * DAY), Cap("phone", 1, 60 * DAY), Cap("", 6, 30 * DAY)),
    )
    assert plan.quiet == Quiet(21 * 60, 8 * 60, "timezone", ("phone",))
    assert plan.consents == (Consent("email", "newsletter"), Consent("phone", "phone_consent"))
    assert plan.prior == Prior(0.3, 4_500, 3.0, 1.0, 60.0)
    bargains = plan.playbooks[3]
    assert bargains.when == (
        Within("risk", "", 0.5, None),
        OneOf("stage", "", ("late", "lapsing")),
        Within("features", "coupons_90d", 1.0, None),
    )
    assert bargains.unless == (
        OneOf("reasons", "", ("trouble",)),
        OneOf("traits", "tier", ("staff",)),
    )
    ten, fifteen = bargains.arms
    assert ten == Arm("ten", 2.0, Action("coupon", "email", 60, "", 0.1, 7 * DAY))
    assert (fifteen.weight, fifteen.action.depth) == (1.0, 0.15)
    assert (bargains.holdout, bargains.uplift, bargains.cooldown) == (0.1, 0.05, 30 * DAY)
    assert bargains.budget == Budget(15_000, 300_000)
    assert bargains.cost == pytest.approx((2 * 60 + 110) / 3)
    assert plan.playbooks[2].when[-1] == Within("value", "", 6_000.0, None)
    assert plan.playbooks[0].arms[0].action.transactional


def test_what_is_left_out_has_defaults() -> None:
    plan = read_plan(small(), ())
    [only] = plan.playbooks
    assert plan == Plan((only,), fingerprint=plan.fingerprint)
    assert (only.when, only.unless, only.holdout, only.uplift) == ((), (), 0.0, None)
    assert only.arms == (Arm("only", 1.0, Action("message", "email")),)
    assert read_plan(small() + "\n# other", ()).fingerprint != plan.fingerprint


PLAYBOOK = "line 6, playbook 'bargains', "


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (
            'when.band = "hgih"',
            PLAYBOOK + "when.band: 'hgih' is no band; did you mean 'high'? (low, medium, high)",
        ),
        (
            "when = { band = 3 }",
            PLAYBOOK + "when.band: 3 is no band; write a text, in quotes",
        ),
        (
            "when = { band = [] }",
            PLAYBOOK + "when.band: the list is empty; name at least one, or leave the key out",
        ),
        (
            "when = 0.7",
            PLAYBOOK + "when: 0.7 is no table; write when = { ... } or a header",
        ),
        (
            'when = { bnd = "high" }',
            PLAYBOOK + "when.bnd: there is no such key; did you mean 'band'?",
        ),
        (
            "when.risk = 0.7",
            PLAYBOOK + "when.risk: 0.7 has no bounds; write risk = { min = ... }, or max",
        ),
        (
            "when.risk = { min = 70 }",
            PLAYBOOK + "when.risk.min: 70 cannot be; write a number from 0 to 1",
        ),
        ("when.risk = { min = nan }", PLAYBOOK + "when.risk.min: nan cannot be; write a number"),
        (
            "when.risk = { min = 0.8, max = 0.2 }",
            PLAYBOOK + "when.risk.max: 0.2 is below min = 0.8: nothing is both",
        ),
        ("when.value = {}", PLAYBOOK + "when.value: write min or max, or both"),
        (
            'unless = { reasons = ["silnce"] }',
            PLAYBOOK + "unless.reasons: 'silnce' is no reason; did you mean 'silence'?",
        ),
        ("unless = {}", PLAYBOOK + "unless: it names nothing that would exclude"),
        (
            'when = { segment = "VIP" }',
            PLAYBOOK + "when.segment: 'VIP' is no segment; write new, one-time, occasional,",
        ),
        (
            "when.features = { coupon_90d = { min = 1 } }",
            PLAYBOOK + "when.features.coupon_90d: there is no such feature; did you mean 'coupons",
        ),
        (
            "when.features = { zzz = { min = 1 } }",
            PLAYBOOK + "when.features.zzz: there is no such feature; ebb features lists them all",
        ),
        (
            'when.consent = "email"',
            PLAYBOOK + "when.consent: the file has no [consent] that says where it is known from",
        ),
        ("priority = -1", PLAYBOOK + "priority: -1 cannot be; write a whole number from 0 to"),
        ("priority = 1.5", PLAYBOOK + "priority: 1.5 cannot be; write a whole number from 0 to"),
        ("holdout = 1.0", PLAYBOOK + "holdout: 1 cannot be; write a number from 0 to 0.9"),
        ('holdout = "10%"', PLAYBOOK + "holdout: '10%' is no number; write a number from 0 to 0.9"),
        ("uplift = true", PLAYBOOK + "uplift: true is no number; write a number from 0 to 1"),
        (
            "cooldown = 14",
            PLAYBOOK + "cooldown: 14 is no duration; write a number and a unit, such as 90s, 6h,",
        ),
        ('cooldown = "2 weeks"', PLAYBOOK + "cooldown: '2 weeks' is no duration; write a number"),
        ("budget = {}", PLAYBOOK + "budget: write day or month, or both, each with an amount"),
        (
            "budget = { dya = 9 }",
            PLAYBOOK + "budget.dya: there is no such key; did you mean 'day'?",
        ),
        (
            "budget = { day = 0.005 }",
            PLAYBOOK + "budget.day: 0.005 is no amount; write at most two digits behind the point",
        ),
        ('enabled = "yes"', PLAYBOOK + "enabled: 'yes' is neither true nor false; write one of"),
        ("cooldwon = 1", PLAYBOOK + "cooldwon: there is no such key; did you mean 'cooldown'?"),
        (
            '[[playbook.arms]]\nname = "a"\naction = { kind = "nothing" }',
            "line 5, playbook 'bargains', action: there are arms as well; give each arm its action",
        ),
    ],
)
def test_a_fault_names_line_field_and_value_and_what_would_be_right(inside: str, said: str) -> None:
    assert faults(small(inside))[0].startswith(said)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ('kind = "cupon", channel = "email"', "action.kind: 'cupon' is no kind of action; did you"),
        ('channel = "email"', "action: kind is missing; write coupon, recommend, call, message,"),
        ('kind = "call"', "action: channel is missing; write over which it goes, such as email"),
        (
            'kind = "coupon", channel = "email"',
            "action: depth is missing; write a number above 0, at most 1",
        ),
        (
            'kind = "coupon", channel = "email", depth = 10, expires = "7d"',
            "action.depth: 10 cannot be; write a number above 0, at most 1",
        ),
        (
            'kind = "call", channel = "phone", depth = 0.1',
            "action.depth: only a coupon has one, and the kind is 'call'; leave it out",
        ),
        ('kind = "nothing", cost = 2', "action.cost: nothing is done, so there is none; leave it"),
        ('kind = "call", channel = "the phone"', "action.channel: 'the phone' is no name of a ch"),
        (
            'kind = "call", channel = "phone", cost = -1',
            "action.cost: -1 cannot be; write a number",
        ),
    ],
)
def test_what_is_wrong_with_an_action_is_told(action: str, said: str) -> None:
    text = f'version = 1\n[[playbook]]\nname = "x"\naction = {{ {action} }}\n'
    assert faults(text)[0].startswith(f"line 4, playbook 'x', {said}")


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ('timezone = "Europe/Brelin"', "line 2, timezone: 'Europe/Brelin' is no time zone; write"),
        ('currency = "euro"', "line 2, currency: 'euro': write three capital letters, such as EUR"),
        ("holdout = 0.1", "line 2, holdout: 0.1 is no table; write holdout = { ... } or a header"),
        ("holdout.share = 1", "line 2, holdout.share: 1 cannot be; write a number from 0 to 0.9"),
        ("holdout.slat = 'x'", "line 2, holdout.slat: there is no such key; did you mean 'salt'?"),
        ("limits.rate.most = 9", "line 2, limits.rate: per is missing; write a number and a unit"),
        ("quiet = { from = '9pm', to = '08:00' }", "line 2, quiet.from: '9pm' is no time of day; "),
        ("quiet = { from = '24:00', to = '08:00' }", "line 2, quiet.from: '24:00' is no time of"),
        ("quiet = { from = '08:00', to = '08:00' }", "line 2, quiet.to: the same as from"),
        (
            "quiet = { from = '21:00', to = '8:00', channels = ['emial'] }",
            "line 2, quiet.channels: no action goes out over 'emial'; did you mean 'email'?",
        ),
        (
            "cap = [{ channel = 'emial', most = 1, per = '1d' }]",
            "line 2, cap number 1, channel: no action goes out over 'emial'; did you mean 'email'?",
        ),
        ("consent = { email = {} }", "line 2, consent.email: trait is missing; write a text"),
        ("value = { margin = 30 }", "line 2, value.margin: 30 cannot be; write a number above 0, "),
        ("value = { order = 0 }", "line 2, value.order: 0 cannot be; write a number above 0"),
        ("playboks = 1", "line 2, playboks: there is no such key; did you mean 'playbook'?"),
    ],
)
def test_what_is_wrong_for_all_playbooks_is_told(top: str, said: str) -> None:
    assert faults(small(top=top))[0].startswith(said)


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_file() -> None:
    text = """
timezone = "Mars"

[[playbook]]
name = "a b"
when = { band = ["hgih",
  "lwo"] }

[[playbook]]
name = "c"
[[playbook.arms]]
name = "x"
weight = 0
action = { kind = "call", channel = "phone" }
[[playbook.arms]]
name = "x"
weight = 0

[[playbook]]
name = "c"
action.kind = "nothing"
"""
    assert faults(text) == [
        "line 1, the file: version is missing; write a whole number from 0 to 1000000",
        "line 2, timezone: 'Mars' is no time zone; write one such as Europe/Berlin",
        "line 4, playbook 'a b': action is missing; write action = { kind = ... }, or"
        " [[playbook.arms]]",
        "line 5, playbook 'a b', name: 'a b' is no name of a playbook; up to 40 letters, digits,"
        " dashes and underscores, in quotes",
        "line 6, playbook 'a b', when.band: 'hgih' is no band; did you mean 'high'? (low, medium,"
        " high)",
        "line 7, playbook 'a b', when.band: 'lwo' is no band; did you mean 'low'? (low, medium,"
        " high)",
        "line 11, playbook 'c', arms: all of them have the weight 0; give one a weight above 0",
        "line 15, playbook 'c', arm 'x': action is missing; write action = { kind = ... }",
        "line 16, playbook 'c', arm 'x', name: there is another arm 'x'; name this one anew",
        "line 20, playbook 'c', name: there is another playbook 'c'; name this anew",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version = 1\nx = = 2\n", "line 2, the file: not valid TOML: Invalid value"),
        ("version = 1\n[[playbook]", "line 2, the file: not valid TOML: Expected"),
        ("", "line 1, the file: "),
        (
            "version = 2\n" + small()[12:],
            "line 1, version: 2 is not known to this version; write 1",
        ),
        (
            "version = 1\nplaybook = []\n",
            "line 1, the file: there is no playbook; write [[playbook]",
        ),
        ("version = 1\n[playbook]\n", "line 2, playbook: {} is no list of tables; write [[playb"),
        ("#" * 300_000, "line 1, the file: longer than 262,144 letters"),
        ("x = " + "[" * 100_000, "line 1, the file: "),
    ],
)
def test_a_file_that_is_no_policy_is_refused(text: str, said: str) -> None:
    assert faults(text)[0].startswith(said)


PIECES = st.sampled_from(
    [
        *('"high"', "0.5", "-1", "true", "[]", "{}", "[[playbook]]", "{ min = 1 }", "1979-05-27"),
        *("inf", "nan", '"x"', "[1, 'a']", "{ a = 1 }", "12345678901234567890", "[[]]", '""'),
    ]
)
VALUES: list[int] = [
    place for place, line in enumerate(EXAMPLE.splitlines()) if " = " in line.partition("#")[0]
]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_a_file_says_it_is_read_or_refused_with_lines_that_are_there(data: Any) -> None:
    lines = EXAMPLE.splitlines()
    for place in data.draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3)):
        key, _, value = lines[place].partition(" = ")
        if data.draw(st.booleans()):
            lines[place] = f"{key} = {data.draw(PIECES)}"
        else:
            at = data.draw(st.integers(0, len(value)))
            stray = data.draw(st.sampled_from("x1 {]'"))
            lines[place] = f"{key} = {value[:at]}{stray}{value[at:]}"
    text = "\n".join(lines)
    try:
        plan = read_plan(text, NAMES)
    except PolicyWrong as wrong:
        assert wrong.faults
        for fault in wrong.faults:
            assert 1 <= fault.line <= len(lines) + 1
            assert fault.text
    else:
        tomllib.loads(text)
        doubts(plan)
