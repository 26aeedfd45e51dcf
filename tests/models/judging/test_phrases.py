"""Everything can be said in every language, with its plurals, and every number is told well."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from string import Formatter
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.judging.phrases import LANGUAGES, PLURALS, Phrases, phrases_in, read_phrases
from streams.sections import AlertSettings

Catalogue = dict[str, Any]
CATALOGUE = read_phrases()


def asked_for(text: str) -> dict[str, str | None]:
    """Return the numbers that a sentence tells, and how."""
    return {name: kind for _, name, kind, _ in Formatter().parse(text) if name is not None}


def holes(catalogue: Catalogue) -> Iterator[str]:
    """Yield what is missing, superfluous or different between languages."""
    kinds: Catalogue = {"share": {language: {} for language in LANGUAGES}}
    kinds |= catalogue["count"] | catalogue["amount"]
    used = {(language, "share") for language in LANGUAGES}
    for name, texts in catalogue["say"].items():
        if set(texts) != set(LANGUAGES):
            yield f"{name}: in {', '.join(texts)}"
            continue
        if len({frozenset(asked_for(text)) for text in texts.values()}) > 1:
            yield f"{name}: not the same numbers in every language"
        for language, text in texts.items():
            if not text.strip():
                yield f"{name}: says nothing in {language}"
            for kind in asked_for(text).values():
                used.add((language, kind or ""))
                if language not in kinds.get(kind or "", {}):
                    yield f"{name}: no {kind!r} in {language}"
    for kind, languages in kinds.items():
        for language, forms in languages.items():
            if (language, kind) not in used:
                yield f"{kind}: no sentence in {language} asks for it"
            if kind == "share":
                continue
            plurals = {PLURALS[language](count) for count in range(1, 200)}
            wanted = {"other"} | (plurals if kind in catalogue["count"] else set())
            if wanted - set(forms):
                yield f"{kind}: no form {', '.join(sorted(wanted - set(forms)))} in {language}"
            if "{n}" not in forms.get("other", ""):
                yield f"{kind}: the number is not told in {language}"
    for share in catalogue["share"]:
        if set(share) != {"of", *LANGUAGES}:
            yield f"share {share['of']}: in {', '.join(share)}"


def test_everything_can_be_said_in_every_language() -> None:
    assert list(holes(CATALOGUE)) == []


def _remove(*path: str | int) -> Callable[[Catalogue], None]:
    def change(catalogue: Any) -> None:
        for step in path[:-1]:
            catalogue = catalogue[step]
        del catalogue[path[-1]]

    return change


def _write(text: str, *path: str) -> Callable[[Catalogue], None]:
    def change(catalogue: Any) -> None:
        for step in path[:-1]:
            catalogue = catalogue[step]
        catalogue[path[-1]] = text

    return change


@pytest.mark.parametrize(
    "change",
    [
        _remove("say", "carts.left", "zh"),
        _write("早就来过", "say", "trouble.past", "zh"),
        _write("{carts:cats}", "say", "carts.left", "en"),
        _write("{often:times}", "say", "carts.left", "zh"),
        _write(" ", "say", "profile", "zh"),
        _remove("count", "days", "zh"),
        _remove("count", "days", "en", "one"),
        _remove("amount", "money", "zh"),
        _write("很多天", "count", "days", "zh", "other"),
        _remove("share", 0, "zh"),
    ],
)
def test_a_hole_in_the_catalogue_is_found(change: Callable[[Catalogue], None]) -> None:
    broken = copy.deepcopy(CATALOGUE)
    change(broken)
    assert list(holes(broken)) != []


def test_chinese_is_written_in_chinese() -> None:
    for name, texts in CATALOGUE["say"].items():
        words = re.sub(r"\{.*?\}", "", texts["zh"])
        assert not re.search(r"[A-Za-z,;:!?() ]", words), name
        assert texts["en"].isascii(), name


def test_the_languages_of_the_settings_are_those_of_the_catalogue() -> None:
    assert get_args(AlertSettings.model_fields["language"].annotation) == LANGUAGES


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="no phrases in 'fr'; there are en, zh"):
        Phrases("fr", CATALOGUE)


def in_both(text: str, value: float, kind: str) -> tuple[str, str]:
    """Return a number as it is told in English and in Chinese; '' where it is not."""
    found = []
    for language in ("en", "zh"):
        there = language in (CATALOGUE["count"] | CATALOGUE["amount"]).get(kind, {language: 1})
        catalogue = {**CATALOGUE, "say": {"x": {language: text.replace("KIND", kind)}}}
        found.append(Phrases(language, catalogue).tell("x", {"x": value}) if there else "")
    return found[0], found[1]


@pytest.mark.parametrize(
    ("kind", "value", "english", "chinese"),
    [
        ("days", 0.0, "less than a day", "不到1天"),
        ("days", 0.99, "less than a day", "不到1天"),
        ("days", 1.0, "1 day", "1天"),
        ("days", 1.4, "1 day", "1天"),
        ("days", 2.0, "2 days", "2天"),
        ("days", 400.0, "400 days", "400天"),
        ("days", 1e9, "1,000,000,000 days", "1,000,000,000天"),
        ("ago", 0.5, "less than a day ago", "24小时内"),
        ("ago", 4.0, "4 days ago", "4天前"),
        ("bare", 1.0, "1 day", "已沉默1天"),
        ("visits", 0.0, "no day", "0天"),
        ("interactions", 0.0, "no interaction", "没有互动"),
        ("interactions", 1.0, "1 interaction", "互动1次"),
        ("interactions", 1234.0, "1,234 interactions", "互动1,234次"),
        ("none", 0.0, "none", ""),
        ("times", 3.0, "", "3次"),
        ("coupons", 0.0, "no coupon", "没有使用优惠券"),
        ("money", 0.0, "0", "0"),
        ("money", 9.5, "9.5", "9.5"),
        ("money", 9.0, "9", "9"),
        ("money", 9.999, "10", "10"),
        ("money", 1234.56, "1,235", "1,235"),
        ("money", -40.0, "-40", "-40"),
        ("spending", -0.001, "nothing", "没有消费"),
        ("spending", 120.0, "120", "消费120"),
        ("share", 0.46, "half of", "约半数"),
        ("share", 0.74, "three of four", "约四分之三"),
        ("share", 0.89, "nine of ten", "约九成"),
        ("share", 1.0, "99 of 100", "约99%"),
    ],
)
def test_a_number_in_words(kind: str, value: float, english: str, chinese: str) -> None:
    assert in_both("{x:KIND}", value, kind) == (english, chinese)


@given(st.floats(0.0, 1.0))
def test_a_share_is_told_by_the_nearest_there_is(share: float) -> None:
    nearest = min(CATALOGUE["share"], key=lambda each: abs(each["of"] - share))
    distance = abs(nearest["of"] - share)
    told = phrases_in("en").tell("silence.share", {"share": share})
    [found] = [each["of"] for each in CATALOGUE["share"] if told.startswith(f"; {each['en']} ")]
    assert abs(found - share) == pytest.approx(distance, abs=1e-12)


@given(st.floats(1.0, 1e9), st.sampled_from(LANGUAGES))
def test_remembered_numbers_are_told_like_all_others(value: float, language: str) -> None:
    told = phrases_in(language).tell("trouble.past", {"since": value})
    assert f"{int(value + 0.5):,}" in told


def test_what_stands_around_the_numbers_stays() -> None:
    assert in_both("a {x:days} b {x:days}, c", 2.0, "days")[0] == "a 2 days b 2 days, c"
