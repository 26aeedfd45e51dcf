"""Of which data an effect is, and what was asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from features import DAY, to_iso
from streams.effect import Asked, Joined
from streams.report.page.effect.telling import Telling
from streams.report.page.writing import Grid, Shown

_TOLD: Final = (
    *("sent", "delivered", "opened", "clicked", "redeemed", "converted"),
    *("complained", "declined", "unsubscribed", "failed"),
)


class Read(NamedTuple):
    """Which data an effect is of.

    Parameters
    ----------
    sources
        What was read, as people call it.
    unusable
        What could not be used, by kind.
    """

    sources: Sequence[str]
    unusable: Mapping[str, int]


def origin(joined: Joined, asked: Asked, read: Read, telling: Telling) -> Shown:
    """Return what was asked, what was read, and what of it could not be used."""
    words, rules, met = telling.words, asked.rules, joined.met
    by = [*map(telling.by, telling.dimensions)]
    options = [
        ("asked_by", telling.comma.join(by) or words.word("anybody")),
        ("asked_horizon", words.number("days", rules.horizon / DAY)),
        ("asked_gone", words.number("days", rules.gone / DAY)),
        ("asked_margin", words.number("share", rules.margin)),
        ("asked_cost", words.number("money", rules.cost)),
        ("asked_worth", words.number("points", rules.worth)),
        ("asked_alpha", words.number("chance", rules.alpha)),
        ("asked_holdout", words.number("share", rules.holdout)),
    ]
    if rules.since:
        options.append(("asked_since", words.number("date", to_iso(rules.since))))
    data = [
        ("data_source", telling.comma.join(read.sources)),
        ("data_now", words.number("date", to_iso(joined.now))),
        ("data_alerts", f"{met['alerts']:,}"),
        ("data_repeated_alerts", f"{met['repeated_alerts']:,}"),
        ("data_outcomes", f"{met['outcomes']:,}"),
        ("data_repeated_outcomes", f"{met['repeated_outcomes']:,}"),
        ("data_before", f"{joined.measured.before:,}"),
        ("data_future", f"{met['from_the_future']:,}"),
        ("data_told", _reported(met, telling)),
    ]
    heads = (words.word("what"), words.word("value"))
    grids = tuple(
        Grid(telling.plain(name), heads, [(words.word(key), value) for key, value in rows])
        for name, rows in (("asked", options), ("data", data))
    )
    notes = [
        telling.plain("unusable", count=count, what=words.word(what))
        for what, count in read.unusable.items()
        if count
    ]
    notes += [
        telling.plain(name, count=met[key])
        for name, key in (("strange", "strange_outcomes"), ("payments", "payments_not_counted"))
        if met[key]
    ]
    return Shown("origin", telling.plain("section.origin"), (), grids, (), None, tuple(notes))


def _reported(met: Counter[str], telling: Telling) -> str:
    told = [
        f"{met[f'treated_{kind}']:,} {telling.words.word(f'told.{kind}')}"
        for kind in _TOLD
        if met[f"treated_{kind}"]
    ]
    return telling.comma.join(told) or telling.words.word("nothing")


__all__ = ["Read", "origin"]
