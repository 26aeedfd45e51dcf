"""What an effect comes to, and the figures that say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from models.effect import ALARM, LEAST, Line
from streams.report.page.effect.telling import Telling

#: How the page's look judges each word.
_LEVELS: Final = {"keep": "yes", "stop": "no", "not yet": "unknown"}
#: So many groups have a sentence beside the verdict.
_SAID: Final = 6


def verdict(lines: Sequence[Line], telling: Telling) -> dict[str, Any]:
    """Return the verdict on everybody and on the first groups, with its figures."""
    overall, *groups = lines
    alarm = overall.split.chance < ALARM
    because = [telling.because(overall)]
    if not alarm:
        because += [
            telling.say("one", group=telling.group(line), word=telling.word(line))
            + telling.gap
            + telling.because(line)
            for line in groups[:_SAID]
        ]
    level = _LEVELS[overall.advice.word]
    return {
        "level": "careful" if alarm else level,
        "title": telling.plain("verdict.split" if alarm else f"verdict.{overall.advice.word}"),
        "because": because,
        "figures": list(_numbers_of(overall, telling) if alarm else _key_figures(overall, telling)),
    }


def _numbers_of(line: Line, telling: Telling) -> Iterator[dict[str, Any]]:
    """Yield how customers were split: where that is wrong, no difference means anything."""
    found = line.split
    share = telling.words.number("share", found.drawn)
    yield {
        "title": telling.plain("key.found"),
        "value": f"{found.found:,}",
        "text": telling.say("key.found.text", count=found.customers),
    }
    yield {
        "title": telling.plain("key.drawn"),
        "value": f"{found.drawn * found.customers:,.0f}",
        "text": telling.say("key.drawn.text", share=share),
    }
    yield {
        "title": telling.plain("key.chance"),
        "value": telling.words.number("chance", found.chance),
        "text": telling.say("key.chance.text", alarm=ALARM),
    }


def _key_figures(line: Line, telling: Telling) -> Iterator[dict[str, Any]]:
    for name, kind in (("returned", "lift"), ("margin", "gain")):
        found = line.figures[name]
        text = telling.say("key.open", least=LEAST)
        if found.enough:
            low, high = found.difference.low, found.difference.high
            text = telling.say(f"key.{name}.text", low=low, high=high)
        yield {
            "title": telling.plain(f"key.{name}"),
            "value": telling.words.number(kind, found.difference.estimate),
            "text": text,
        }
    known = line.figures["returned"]
    yield {
        "title": telling.plain("key.known"),
        "value": f"{known.count:,}",
        "text": telling.say("key.known.text", treated=known.treated, held=known.held_out),
    }


__all__ = ["verdict"]
