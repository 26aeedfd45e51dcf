"""How an effect is told in a language: its groups, its words, its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import altair as alt
from markupsafe import Markup

from models.effect import Line
from models.judging import Interval
from streams.report.page.packing import Packed
from streams.report.page.words import Words
from streams.report.page.writing import Figure, marked

#: Of each figure, how its means are told, and its difference.
KINDS: Final = {
    "returned": ("share", "lift"),
    "repurchased": ("share", "lift"),
    "margin": ("amount", "gain"),
    "gone": ("share", "lift"),
}


class Telling:
    """The words of one page, and the charts that are packed with it.

    Parameters
    ----------
    words
        In a language.
    dimensions
        By what customers are told apart.
    """

    def __init__(self, words: Words, dimensions: Sequence[str]) -> None:
        self.words, self.dimensions = words, dimensions
        self.packed = Packed(words)
        self.gap = "" if words.language == "zh" else " "
        self.comma = "、" if words.language == "zh" else ", "

    def say(self, name: str, **values: Any) -> Markup:
        """Return a sentence of the page, its terms marked."""
        return marked(self.words, self.words.tell(f"effect.{name}", **values))

    def plain(self, name: str, **values: Any) -> str:
        """Return a sentence of the page as text."""
        return self.words.tell(f"effect.{name}", **values)

    def group(self, line: Line) -> str:
        """Return what the group of a line is called."""
        return self.called(line.group)

    def called(self, group: Sequence[str]) -> str:
        """Return what a group is called; the one of everybody has no names."""
        if not group:
            return self.words.word("everybody")
        return self.comma.join(
            self.words.word(f"{by}.{each}") if self.words.knows(f"{by}.{each}") else each
            for by, each in zip(self.dimensions, group, strict=False)
        )

    def by(self, dimension: str) -> str:
        """Return what it is called that customers are told apart by."""
        name = f"by_{dimension}"
        # A number that is cut is called what it is in every language.
        return self.words.word(name) if self.words.knows(name) else dimension

    def word(self, line: Line) -> str:
        """Return what a line advises, in a word."""
        return self.plain(f"word.{line.advice.word}")

    def because(self, line: Line) -> Markup:
        """Return why a line advises it, and how long until more is known."""
        advice = line.advice
        said = self.say(f"because.{advice.code}", **advice.numbers)
        weeks = advice.numbers.get("weeks")
        if weeks is None:
            return said
        if math.isinf(weeks):
            return said + self.gap + self.say("weeks.never")
        return said + self.gap + self.say("weeks.some", weeks=max(round(weeks), 1))

    def between(self, found: Interval, kind: str) -> str:
        """Return bounds; nothing where there are none."""
        if not math.isfinite(found.low):
            return ""
        low, high = (self.number(kind, end) for end in (found.low, found.high))
        return self.plain("bounds", low=low, high=high)

    def number(self, kind: str, value: float) -> str:
        """Return a number as its kind is written."""
        if kind == "amount":
            return "\N{EN DASH}" if math.isnan(value) else f"{value:,.2f}".replace("-", "\u2212")
        return self.words.number(kind, value)

    def figure(
        self, name: str, title: str, takeaway: Markup, chart: alt.LayerChart, wide: bool
    ) -> Figure:
        """Return a chart with what it says, packed with the page."""
        added = self.packed.add(name, chart.to_dict(validate=False))
        return Figure(name, title, takeaway, wide, True, added)


def whole(text: str) -> Markup:
    """Return figures that no line is broken in."""
    return Markup('<span class="whole">{}</span>').format(text)


__all__ = ["KINDS", "Telling", "whole"]
