"""Whatever stands in the way of a playbook can be said in every language."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from models.judging import LANGUAGES
from models.playbooks import Hindrance, Plan, Situation, choose, say
from models.playbooks.saying import read_words
from tests.models.playbooks.plans import PLANS, SITUATIONS


@settings(max_examples=80, deadline=None)
@given(PLANS, SITUATIONS)
def test_every_hindrance_is_told_in_every_language(plan: Plan, who: Situation) -> None:
    for each in choose(plan, who).considered:
        if each.hindrance is not None:
            for language in LANGUAGES:
                told = say(each.hindrance, language, "EUR")
                assert told and "{" not in told
                assert bool(re.search("[\u4e00-\u9fff]", told)) is (language == "zh")


def test_every_language_has_every_word() -> None:
    words = read_words()
    for entry in (*words["say"].values(), *words["about"].values(), words["none"], words["any"]):
        assert set(entry) == set(LANGUAGES)
    for entry in words["say"].values():
        asked = [set(re.findall(r"{\w+}", entry[language])) for language in LANGUAGES]
        assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("hindrance", "said"),
    [
        (Hindrance("off"), "it is not enabled"),
        (Hindrance("above", "risk", (0.95, 0.9)), "risk 0.95 is above 0.9"),
        (Hindrance("below", "orders", (1.0, 12_000.0)), "orders 1 is below 12,000"),
        (Hindrance("unknown", "tier"), "tier is not known"),
        (
            Hindrance("without", "reasons", (), (), ("offers",)),
            "reasons are none, and none is offers",
        ),
        (
            Hindrance("excluded", "reasons", (), ("trouble",)),
            "excluded by reasons: trouble",
        ),
        (Hindrance("excluded", "value", (8_000.0,)), "excluded by value: 80.00 EUR"),
        (Hindrance("refused", "email"), "no consent for email"),
        (Hindrance("resting", "", (2.5, 14.0)), "done 2.5 days ago, and not again for 14 days"),
        (
            Hindrance("peace", "", (0.0, 3.0)),
            "something was done 0 days ago, and the customer is left in peace for 3 days",
        ),
        (
            Hindrance("capped", "email", (2, 2, 7.0)),
            "2 over email within 7 days, and no more than 2 may be",
        ),
        (
            Hindrance("capped", "", (6, 6, 30.0)),
            "6 over all channels within 30 days, and no more than 6 may be",
        ),
        (Hindrance("loss", "", (12.4, 60.0)), "would bring 0.12 EUR and cost 0.60 EUR"),
    ],
)
def test_what_is_said_in_english(hindrance: Hindrance, said: str) -> None:
    assert say(hindrance, "en", "EUR") == said


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words in 'fr'; there are en, zh"):
        say(Hindrance("off"), "fr")
