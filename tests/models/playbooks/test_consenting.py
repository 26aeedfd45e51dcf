"""Whether a customer may be written to: what was said last holds, and of one time the no."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import DAY, DEVICE_ZONE, HOUR, Told
from models.playbooks import Action, Arm, Consent, OneOf, Plan, Playbook, Quiet, Situation, choose
from models.playbooks import say as in_words
from models.playbooks.conditions import Hindrance, barred

START = 1_772_323_200_000  # 2026-03-01
EMAIL = Consent("email", "news")
RENEWED = EMAIL._replace(renews=True)


class Saying(NamedTuple):
    """Something that was said: a trait of the shop's, or a word of the customer's."""

    at: int
    yes: bool
    about: str  # "trait", or a channel; empty for all of them


SAYINGS = st.lists(
    st.builds(
        Saying,
        st.integers(1, 5),
        st.booleans(),
        st.sampled_from(["trait", "trait", "email", "", "phone"]),
    ),
    max_size=6,
)


def told(sayings: list[Saying]) -> Told:
    known = Told()
    for at, yes, about in sayings:
        if about == "trait":
            known.trait("news", "yes" if yes else "no", at)
        else:
            known.word(about, granted=yes, at=at)
    return known


def may(sayings: list[Saying], consent: Consent | None) -> bool:
    """Look at all that was ever said of e-mail, the slow way."""
    words = [each for each in sayings if each.about in ("email", "")]
    traits = [each for each in sayings if each.about == "trait"] if consent else []
    newest_word = max((each.at for each in words), default=None)
    no = any(not each.yes for each in words if each.at == newest_word)
    if no and consent is not None and not consent.renews:
        return False  # whatever a trait says
    # Of traits of one moment the one that came last holds; of words, the no.
    newest_trait = max((each.at for each in traits), default=None)
    heard = words + [each for each in traits if each.at == newest_trait][-1:]
    if not heard:
        return consent is None or consent.unknown
    newest = max(each.at for each in heard)
    return all(each.yes for each in heard if each.at == newest)


@settings(max_examples=300)
@given(SAYINGS, st.sampled_from([None, EMAIL, RENEWED, RENEWED._replace(unknown=True)]))
def test_what_was_said_last_holds(sayings: list[Saying], consent: Consent | None) -> None:
    consents = () if consent is None else (consent,)
    found = barred(consents, ("email",), told(sayings))
    assert (found is None) is may(sayings, consent)
    if found is not None and found.code == "unsubscribed":
        since = max(each.at for each in sayings if each.about in ("email", ""))
        assert found == Hindrance("unsubscribed", "email", (since,))


@given(st.permutations([Saying(3, False, "email"), Saying(4, True, "trait"), Saying(3, False, "")]))
def test_in_whatever_order_it_arrives(sayings: list[Saying]) -> None:
    assert barred((RENEWED,), ("email",), told([*sayings, *sayings])) is None
    assert barred((RENEWED,), ("email",), told([*sayings, Saying(5, False, "email")])) is not None
    # A shop may repeat an old trait for ever: it is no word of the customer's.
    assert barred((EMAIL,), ("email",), told([*sayings, *sayings])) is not None
    assert barred((EMAIL,), ("email",), told([*sayings, Saying(5, True, "email")])) is None


def plan_of(action: Action, **more: object) -> Plan:
    playbook = Playbook("remind", (Arm("only", 1.0, action),))
    return Plan((playbook,), holdout=0.0, **more)  # type: ignore[arg-type]


def ada(*sayings: Saying, at: int = START) -> Situation:
    return Situation("ada", at, risk=0.7, band="high", traits=told(list(sayings)))


def hindered(plan: Plan, who: Situation) -> Hindrance | None:
    [considered] = choose(plan, who).considered
    return considered.hindrance


MAIL = Action("message", "email")


def test_who_has_unsubscribed_is_left_alone_with_or_without_a_consent_in_the_file() -> None:
    no = Saying(START - DAY, False, "email")
    for plan in (plan_of(MAIL), plan_of(MAIL, consents=(EMAIL,))):
        found = hindered(plan, ada(Saying(START - 2 * DAY, True, "trait"), no))
        assert found == Hindrance("unsubscribed", "email", (START - DAY,))
        assert hindered(plan, ada(no, Saying(START, True, "email"))) is None
    assert found is not None
    assert in_words(found) == "unsubscribed from email on 2026-02-28"
    assert in_words(found, "zh") == "已于2026-02-28退订email"


def test_another_channel_and_what_is_owed_are_not_concerned() -> None:
    no = Saying(START - DAY, False, "email")
    assert hindered(plan_of(Action("call", "phone")), ada(no)) is None
    owed = MAIL._replace(transactional=True)
    assert hindered(plan_of(owed, consents=(EMAIL,)), ada(no)) is None
    everything = Saying(START - DAY, False, "")
    assert hindered(plan_of(owed), ada(everything)) is None
    for action in (MAIL, Action("call", "phone")):
        found = hindered(plan_of(action), ada(everything))
        assert found is not None and found.code == "unsubscribed"


def test_a_condition_on_a_consent_says_so_too() -> None:
    playbook = Playbook(
        "remind", (Arm("only", 1.0, Action("nothing")),), when=(OneOf("consent", "", ("email",)),)
    )
    plan = Plan((playbook,), holdout=0.0, consents=(EMAIL,))
    no = Saying(START - DAY, False, "email")
    found = hindered(plan, ada(Saying(1, True, "trait"), no))
    assert found is not None and found.code == "unsubscribed"


@pytest.mark.parametrize(
    ("traits", "hours"),
    [
        ({}, 0),
        ({DEVICE_ZONE: "Asia/Tokyo"}, 11),
        ({DEVICE_ZONE: "Asia/Tokyo", "timezone": "Europe/London"}, 0),
        ({DEVICE_ZONE: "Asia/Tokyo", "timezone": "GMT+0200"}, 11),
        ({DEVICE_ZONE: "Mars/Olympus"}, 0),
    ],
)
def test_quiet_hours_are_on_the_clock_of_the_device_unless_the_shop_says_another(
    traits: dict[str, str], hours: int
) -> None:
    plan = plan_of(MAIL, quiet=Quiet(21 * 60, 8 * 60), timezone="UTC")
    at = START + 12 * HOUR  # nine in the evening in Tokyo
    option = choose(plan, Situation("ada", at, 0.7, "high", traits=Told(traits))).first
    assert option is not None
    assert option.not_before == at + hours * HOUR
