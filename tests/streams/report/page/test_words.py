"""What the report says: the same in every language, with its numbers from the data."""

from __future__ import annotations

import math
import re
from string import Formatter
from typing import Any

import pandas as pd
import pytest

from models.judging import CODES, LANGUAGES
from streams.report.page.charts import FIGURES
from streams.report.page.sections import SECTIONS
from streams.report.page.takeaways import TAKEAWAYS, takeaway
from streams.report.page.words import TERM, Words, read_words, words_in
from tests.streams.report.page.made import Made, everything

CATALOGUE = read_words()


def fields(text: str) -> set[tuple[str | None, str | None]]:
    return {(name, kind) for _, name, kind, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", CATALOGUE["say"])
def test_a_sentence_asks_for_the_same_numbers_in_every_language(name: str) -> None:
    texts = CATALOGUE["say"][name]

    assert set(texts) == set(LANGUAGES)
    assert len({frozenset(fields(text)) for text in texts.values()}) == 1
    assert len({frozenset(key for key, _ in TERM.findall(text)) for text in texts.values()}) == 1
    assert all(key in CATALOGUE["glossary"] for key, _ in TERM.findall(texts["en"]))


@pytest.mark.parametrize("part", ["word", "input", "form", "count"])
def test_every_word_is_there_in_every_language(part: str) -> None:
    assert {
        name for name, texts in CATALOGUE[part].items() if set(texts) != set(LANGUAGES)
    } == set()


def test_every_chart_and_section_has_its_words() -> None:
    words = words_in("en")

    assert set(TAKEAWAYS) == set(FIGURES)
    assert all(words.tell(f"chart.{name}") for name in FIGURES)
    assert all(words.tell(f"section.{each.name}") for each in SECTIONS)
    assert {name for each in SECTIONS for name in each.charts} == set(FIGURES)


def test_every_cause_of_a_risk_has_a_name() -> None:
    assert [code for code in CODES if not words_in("zh").knows(code)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TAKEAWAYS)
def test_every_chart_says_its_sentence(name: str, language: str) -> None:
    said = takeaway(name, Made(profit=None, choice=None), words_in(language))

    assert (said is None) == (name in ("profit", "landmarks"))
    assert said is None or (len(said) > 8 and "nan" not in said)


@pytest.mark.parametrize("name", TAKEAWAYS)
def test_a_chart_without_data_says_nothing_wrong(name: str) -> None:
    said = takeaway(name, Made(**dict.fromkeys(everything())), words_in("en"))

    assert said is None or name == "drift"


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (0.0, "Risks are honest: where we said 48 %, 48 % left."),
        (0.2, "Risks are too low"),
        (-0.2, "Risks are too high"),
    ],
)
def test_honest_risks_are_called_honest_and_others_are_not(off: float, said: str) -> None:
    bins = everything()["calibration"]
    bins = bins.assign(observed=(bins["predicted"] + off).clip(0, 1))

    found = takeaway("calibration", Made(calibration=bins), words_in("en"))

    assert found is not None
    assert found.replace("\N{NO-BREAK SPACE}", " ").startswith(said)


@pytest.mark.parametrize(
    ("kind", "value", "en", "zh"),
    [
        ("percent", 0.284, "28 %", "28%"),
        ("percent", 0.0004, "0.0 %", "0.0%"),
        ("percent", 0.996, "99.6 %", "99.6%"),
        ("percent", 1.0, "100 %", "100%"),
        ("count", 12_345.0, "12,345", "12,345"),
        ("days", 1.2, "1 day", "1天"),
        ("days", 31, "31 days", "31天"),
        ("money", -1_234.5, "\N{MINUS SIGN}1,234", "\N{MINUS SIGN}1,234"),
        ("money", 12.5, "12.50", "12.50"),
        ("month", "2025-03-01", "Mar 2025", "2025年3月"),
        ("date", "2025-03-09T10:00:00Z", "9 Mar 2025", "2025年3月9日"),
        ("figure", math.nan, "\N{EN DASH}", "\N{EN DASH}"),
        ("figure", None, "\N{EN DASH}", "\N{EN DASH}"),
    ],
)
def test_numbers_look_as_the_language_has_them(kind: str, value: Any, en: str, zh: str) -> None:
    told = [words_in(language).number(kind, value) for language in ("en", "zh")]

    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in told] == [en, zh]


def test_no_name_of_a_customer_can_look_like_a_term() -> None:
    said = words_in("en").tell("takes.models", best="[[auc|x]]", auc=1.0, worst="y", low=0.5)

    assert TERM.findall(said) == []


def test_a_language_that_lacks_a_word_is_found_out() -> None:
    lacking = CATALOGUE | {"say": {"hello": {"en": "hello"}}}

    with pytest.raises(KeyError, match="zh"):
        Words("zh", lacking)


def test_no_english_is_left_in_the_chinese_sentences() -> None:
    mixed = {
        name: texts["zh"]
        for name, texts in CATALOGUE["say"].items()
        if re.search(r"\b(the|of|and|is|customer)\b", re.sub(r"{[^}]*}|\[\[\w+\|", "", texts["zh"]))
    }
    assert mixed == {}


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2025-03-31T09:00:00Z", "came back, after 2 months 30"),
        ("2025-03-30T09:00:00Z", "One month after joining 40"),
    ],
)
def test_a_month_that_was_not_over_counts_for_nothing(last: str, said: str) -> None:
    months = {"cohort": "2025-01", "customers": 100, "month": [0, 1, 2], "active": [100, 40, 30]}
    retention = pd.DataFrame(months).assign(share=lambda table: table["active"] / 100)
    report = {"data": Made().report["data"] | {"last": last}}

    told = takeaway("retention", Made(report, retention=retention), words_in("en"))

    assert told is not None
    assert said in told.replace("\N{NO-BREAK SPACE}", " ")
    assert ("was not over" in told) == ("after 2 months" not in told)


@pytest.mark.parametrize(("last", "said"), [(0.5, "fell"), (0.6, "rose"), (0.553, "much the same")])
def test_a_loss_that_hardly_moves_has_not_moved(last: float, said: str) -> None:
    table = everything()["over_time"].assign(log_loss=[0.55] * 8 + [last])

    told = takeaway("log_loss_over_time", Made(over_time=table), words_in("en"))

    assert told is not None
    assert said in told
