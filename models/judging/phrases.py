"""What a reason can say, in every language: `phrases.toml`, and how it tells numbers.

A sentence names its numbers and how each is to be told, ``{silent:days}``; the catalogue says for
every language what "days" looks like for none, one and many. So a language is a matter of data,
but for its plural rule.
"""

from __future__ import annotations

import tomllib
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from string import Formatter
from typing import Any, Final, TypeAlias

#: The numbers of a reason, by name: what its text is made of in any language.
Numbers: TypeAlias = Mapping[str, float]
_Saying: TypeAlias = Callable[[float], str]

#: Which form a language uses for a whole number from 1 on.
PLURALS: Final[Mapping[str, Callable[[int], str]]] = {
    "en": lambda count: "one" if count == 1 else "other",
    "zh": lambda count: "other",
}
#: The languages that reasons can be told in.
LANGUAGES: Final = tuple(PLURALS)
#: Whole numbers up to this are put into words once.
_REMEMBERED: Final = 400
#: From this amount on, what comes behind the point says nothing more.
_WHOLE: Final = 10.0


def read_phrases() -> dict[str, Any]:
    """Return the catalogue of phrases as it is written."""
    text = files("models.judging").joinpath("phrases.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Phrases:
    """All that can be said, in one language.

    Parameters
    ----------
    language
        One of `LANGUAGES`.
    catalogue
        What `read_phrases` returns.

    Raises
    ------
    ValueError
        If there are no phrases in that language.

    Examples
    --------
    >>> phrases_in("en").tell("trouble.complaint", {"since": 4.2})
    'complained 4 days ago'
    >>> phrases_in("zh").tell("trouble.complaint", {"since": 4.2})
    '4天前投诉过'
    """

    def __init__(self, language: str, catalogue: Mapping[str, Any]) -> None:
        if language not in PLURALS:
            raise ValueError(f"no phrases in {language!r}; there are {', '.join(LANGUAGES)}")
        told: dict[str, _Saying] = {"share": _share(language, catalogue["share"])}
        for kind, forms in catalogue["count"].items():
            if language in forms:
                told[kind] = _count(forms[language], PLURALS[language])
        for kind, forms in catalogue["amount"].items():
            if language in forms:
                told[kind] = _amount(forms[language])
        self._sentences = {
            name: _compile(texts[language], told) for name, texts in catalogue["say"].items()
        }

    def tell(self, name: str, numbers: Numbers) -> str:
        """Return a sentence.

        Parameters
        ----------
        name
            Of the sentence in the catalogue.
        numbers
            All that it asks for, and maybe more.
        """
        return self._sentences[name](numbers)


@cache
def phrases_in(language: str) -> Phrases:
    """Return what can be said in a language; read once."""
    return Phrases(language, read_phrases())


def _compile(text: str, told: Mapping[str, _Saying]) -> Callable[[Numbers], str]:
    """Make of a sentence what fills it in; fast, for it is done for every decision."""
    around = [""]
    parts: list[tuple[str, _Saying]] = []
    for literal, number, kind, _ in Formatter().parse(text):
        around[-1] += literal
        if number is not None:
            parts.append((number, told[kind or ""]))
            around.append("")
    if not parts:
        return lambda numbers: around[0]
    if len(parts) == 2:
        # The most told by far.
        (one, say_one), (two, say_two) = parts
        start, middle, end = around
        return lambda numbers: f"{start}{say_one(numbers[one])}{middle}{say_two(numbers[two])}{end}"
    steps = [(*part, after) for part, after in zip(parts, around[1:], strict=True)]

    def tell(numbers: Numbers) -> str:
        found = around[0]
        for number, say, after in steps:
            found += say(numbers[number]) + after
        return found

    return tell


def _count(forms: Mapping[str, str], plural: Callable[[int], str]) -> _Saying:
    def form(count: int) -> str:
        found = forms.get("zero") if count == 0 else forms.get(plural(count))
        return (forms["other"] if found is None else found).replace("{n}", f"{count:,}")

    small = [form(count) for count in range(_REMEMBERED)]
    under = forms.get("under")

    def say(value: float) -> str:
        if under is not None and value < 1:
            return under
        count = int(value + 0.5)
        return small[count] if 0 <= count < _REMEMBERED else form(count)

    return say


def _amount(forms: Mapping[str, str]) -> _Saying:
    zero = forms.get("zero", forms["other"].replace("{n}", "0"))

    def say(value: float) -> str:
        if -0.005 <= value <= 0.005:
            return zero
        if -_WHOLE < value < _WHOLE:
            text = f"{value:.2f}".rstrip("0").rstrip(".")
        else:
            text = f"{value:,.0f}"
        return forms["other"].replace("{n}", text)

    return say


def _share(language: str, shares: Sequence[Mapping[str, Any]]) -> _Saying:
    at = sorted(float(each["of"]) for each in shares)
    texts = [str(each[language]) for each in sorted(shares, key=lambda each: float(each["of"]))]
    halfway = [(low + high) / 2 for low, high in pairwise(at)]

    def say(value: float) -> str:
        return texts[bisect(halfway, value)]

    return say


__all__ = ["LANGUAGES", "PLURALS", "Numbers", "Phrases", "phrases_in", "read_phrases"]
