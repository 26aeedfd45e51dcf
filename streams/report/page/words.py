"""What the report can say, in every language: `words.toml`, and how it tells numbers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Final

from models.judging import LANGUAGES

#: A term that the glossary explains: its key, and the words that stand in the text.
TERM: Final = re.compile(r"\[\[(\w+)\|(.*?)\]\]")
_NOTHING: Final = "\N{EN DASH}"
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: A chance below that is told as such.
_LEAST: Final = 0.0001
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def read_words(name: str = "words.toml") -> dict[str, Any]:
    """Return the catalogue of the report's words as it is written, or that of another page."""
    text = files("streams.report.page").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


class Words(Formatter):
    r"""All that the report says, in one language.

    Parameters
    ----------
    language
        One of `models.judging.LANGUAGES`.
    catalogue
        What `read_words` returns.

    Raises
    ------
    ValueError
        If there are no words in that language.

    Examples
    --------
    >>> words_in("en").tell("takes.calibration.honest", said=0.3, came=0.281)
    'Risks are honest: where we said 30\xa0%, 28\xa0% left.'
    >>> words_in("zh").number("months", 3)
    '3个月'
    """

    def __init__(self, language: str, catalogue: Mapping[str, Any]) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"no words in {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language

        def own(part: str) -> dict[str, Any]:
            return {name: texts[language] for name, texts in catalogue[part].items()}

        self._say: dict[str, str] = own("say")
        self._words: dict[str, str] = own("word")
        self._counts: dict[str, dict[str, str]] = own("count")
        self._forms: dict[str, str] = own("form")
        self._inputs: dict[str, str] = own("input")
        #: Of every term, by its key: what it is called, and what it means.
        self.glossary: Mapping[str, tuple[str, str]] = {
            key: (entry["term"][language], entry[language])
            for key, entry in catalogue["glossary"].items()
        }

    def tell(self, name: str, **values: Any) -> str:
        """Return a sentence; its terms are still marked.

        Parameters
        ----------
        name
            Of the sentence in the catalogue.
        values
            All that it asks for, and maybe more.
        """
        return str(self.vformat(self._say[name], (), values))

    def word(self, code: str) -> str:
        """Return what a code is called; itself, if it has no name here."""
        return self._words.get(code, code)

    def group(self, name: Any) -> str:
        """Return what a group of customers is called: a segment, a span of days, or a month.

        Examples
        --------
        >>> words_in("zh").group("loyal"), words_in("zh").group("2026-03")
        ('忠实顾客', '2026年3月')
        """
        text = str(name)
        if re.fullmatch(r"\d{4}-\d\d(-01)?( 00:00:00)?", text):
            return self.number("month", f"{text[:7]}-01")
        span = re.fullmatch(r"(\d+)(?:-(\d+)|\+)", text)
        if span is not None:
            return str(self._forms["span" if span[2] else "from"].format(low=span[1], high=span[2]))
        return self._words.get(text, text)

    def duration(self, text: str) -> str:
        """Return a duration as settings write it, in words.

        Examples
        --------
        >>> words_in("en").duration("30d"), words_in("zh").duration("12h")
        ('30 days', '12小时')
        """
        found = re.fullmatch(r"(\d+)([smhdw])", text)
        return text if found is None else self.number(_UNITS[found[2]], int(found[1]))

    def knows(self, code: str) -> bool:
        """Tell whether a code has a name in this language."""
        return code in self._words

    def input(self, name: str, meaning: str | None = None) -> str:
        """Return what an input of a model is about.

        Parameters
        ----------
        name
            Of the input.
        meaning
            What the catalogue of features says of it, in English; taken where nothing is said
            here.
        """
        return self._inputs.get(name) or (meaning or name)

    def form(self, name: str) -> str:
        """Return how something is written, such as a day on an axis."""
        return self._forms[name]

    def format_field(self, value: Any, format_spec: str) -> str:
        """Tell one number of a sentence."""
        if not format_spec:
            # Words of others must not look like our own marks.
            return str(value).replace("[[", "[ [").replace("]]", "] ]")
        return self.number(format_spec, value)

    def number(self, kind: str, value: Any) -> str:
        r"""Return a number as it is told.

        Parameters
        ----------
        kind
            ``count``, ``percent``, ``points``, ``figure``, ``money``, ``plain``, ``date``,
            ``month``, what is counted, such as ``days``, what something has changed by
            (``lift``, in points, and ``gain``, in money), ``share``, a percentage to a tenth, or
            ``chance``, which may be very small.
        value
            The number; a missing one is told as a dash.

        Examples
        --------
        >>> words = words_in("en")
        >>> words.number("percent", 0.004), words.number("days", 1), words.number("money", 12345)
        ('0.4\xa0%', '1 day', '12,345')
        """
        if value is None or value != value:
            return _NOTHING
        if kind in ("date", "month"):
            return _day(value).strftime(self._forms[kind]).replace(" ", _NO_BREAK)
        if kind == "choice":
            return self._forms[str(value)]
        if kind == "duration":
            return self.duration(str(value))
        return self._told(kind, float(value)).replace("-", "\N{MINUS SIGN}")

    def _told(self, kind: str, value: float) -> str:
        if kind == "percent":
            return self._forms["percent"].format(n=_share(100 * value)).replace(" ", _NO_BREAK)
        if kind == "points":
            return self._forms["points"].format(n=f"{100 * value:.1f}")
        if kind == "share":
            percent = f"{100 * value:.1f}"
            return self._forms["percent"].format(n=percent).replace(" ", _NO_BREAK)
        if kind == "chance":
            return (
                f"{value:.2g}" if value >= _LEAST or not value else f"<\N{NO-BREAK SPACE}{_LEAST}"
            )
        if kind == "lift":
            return f"{100 * value:+z.1f}"
        if kind == "gain":
            return f"{value:+z,.2f}"
        if kind == "figure":
            return f"{value:.3f}"
        if kind == "plain":
            return f"{value:,.1f}".removesuffix(".0")
        if kind == "money":
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".removesuffix(".00")
        if kind == "count":
            return f"{round(value):,}"
        forms = self._counts[kind]
        text = self._told("plain" if kind == "times" else "count", value)
        return str(forms.get("one" if text == "1" else "other", forms["other"]).format(n=text))


@cache
def words_in(language: str) -> Words:
    """Return what the report says in a language; read once."""
    return Words(language, read_words())


@cache
def words_of(page: str, language: str) -> Words:
    """Return what another page says in a language: its own words and glossary, and the report's.

    Examples
    --------
    >>> words_of("effect", "en").tell("effect.title"), "auc" in words_of("effect", "en").glossary
    ('Did it help?', False)
    """
    words, own = read_words(), read_words(f"{page}.toml")
    parts = {part: words[part] | own.get(part, {}) for part in words if part != "glossary"}
    return Words(language, {**parts, "glossary": own["glossary"]})


def _share(percent: float) -> str:
    """Return a percentage: whole, but never 0 or 100 for what is neither."""
    if 0 < abs(percent) < 1 or 99 < percent < 100:
        return f"{percent:.1f}"
    return f"{percent:.0f}"


def _day(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
