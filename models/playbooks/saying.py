"""Puts into words why a playbook is not for a customer: `words.toml`, in every language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from features import to_iso
from models.judging import LANGUAGES
from models.playbooks.conditions import Hindrance


@cache
def read_words() -> dict[str, Any]:
    """Return the catalogue of words as it is written; read once."""
    text = files("models.playbooks").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def money(cents: float, currency: str) -> str:
    """Return an amount as it is told.

    Examples
    --------
    >>> money(123_456, "EUR"), money(-50, "")
    ('1,234.56 EUR', '-0.50')
    """
    return f"{cents / 100:,.2f} {currency}".strip()


def say(hindrance: Hindrance, language: str = "en", currency: str = "") -> str:
    """Return a hindrance in words.

    Parameters
    ----------
    hindrance
        Of `choose`.
    language
        One of `LANGUAGES`.
    currency
        Of the plan.

    Raises
    ------
    ValueError
        If there are no words in that language.

    Examples
    --------
    >>> say(Hindrance("below", "risk", (0.413, 0.6)))
    'risk 0.413 is below 0.6'
    >>> say(Hindrance("below", "value", (1250, 2000)), currency="EUR")
    'value 12.50 EUR is below 20.00 EUR'
    >>> say(Hindrance("unsubscribed", "email", (1_767_225_600_000,)))
    'unsubscribed from email on 2026-01-01'
    >>> say(Hindrance("off"), "zh")
    '未启用'
    """
    if language not in LANGUAGES:
        raise ValueError(f"no words in {language!r}; there are {', '.join(LANGUAGES)}")
    words = read_words()
    code, about, numbers, found, wanted = hindrance
    told = [_told(hindrance, number, currency) for number in numbers]
    named = words["about"].get(about)
    if named is None:
        named = words["any"] if code == "capped" and not about else {language: about}
    none = words["none"][language]
    listed = ", ".join(found) or (told[0] if told else none)
    if code == "harms" and not found:
        listed = words["everybody"][language]
    sentence: str = words["say"][code][language]
    return sentence.format(
        about=named[language],
        value=told[0] if told else "",
        limit=told[1] if len(told) > 1 else "",
        per=told[2] if len(told) > 2 else "",
        found=listed,
        wanted=", ".join(wanted),
    )


def say_steering(steering: str, instead: str = "", language: str = "en") -> str:
    """Return in words how what was learnt has steered a decision; empty where nothing steers.

    Parameters
    ----------
    steering, instead
        Of a course.
    language
        One of `LANGUAGES`.

    Examples
    --------
    >>> say_steering("steered", "gift")
    "steered by what was learnt: the file's order has gift first"
    >>> say_steering("")
    ''
    """
    if not steering:
        return ""
    code = "nothing" if steering == "steered" and not instead else steering
    sentence: str = read_words()["steering"][code][language]
    return sentence.format(first=instead)


def _told(hindrance: Hindrance, number: float, currency: str) -> str:
    if hindrance.code == "unsubscribed":
        return to_iso(round(number))[: len("2026-11-29")]
    if hindrance.code in ("loss", "budget") or hindrance.about == "value":
        return money(number, currency)
    if hindrance.code in ("resting", "peace"):
        return f"{number:.1f}".removesuffix(".0")
    if hindrance.code == "harms":
        return f"{number:.1f}"
    return f"{number:.4g}" if abs(number) < 10_000 else f"{number:,.0f}"


__all__ = ["money", "say", "say_steering"]
