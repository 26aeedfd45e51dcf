"""A comparison in words: which run is better, whether that is real, and what it does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from streams.report.comparing import FEWEST, offer_of
from streams.report.measuring import METRICS
from streams.report.standing import Comparison

#: Whoever has fewer of its predictions in the comparison should be told.
_MOST: Final = 0.9


@cache
def words(language: str) -> dict[str, dict[str, str]]:
    """Return what there is to say in a language: what metrics are `called`, `verdicts`, and more.

    Raises
    ------
    ValueError
        If there are no words in that language.

    Examples
    --------
    >>> words("en")["called"]["skill"]
    'skill'
    """
    text = files(__package__).joinpath("concluding.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, str]]] = tomllib.loads(text)
    if language not in found:
        raise ValueError(f"no words in {language!r}; there are {', '.join(found)}")
    return found[language]


def number(metric: str, value: float | None, signed: bool = False) -> str:
    """Return a value or a difference as it is shown; amounts are larger than shares.

    Examples
    --------
    >>> number("auc", 0.81239), number("profit", -1234.5, signed=True), number("auc", None)
    ('0.8124', '-1,234.50', '-')
    """
    if value is None:
        return "-"
    form = ",.2f" if METRICS[metric].amount else ".4f"
    return f"{value:{'+z' if signed else ''}{form}}"


def verdict_of(real: str | None, better: bool | None, language: str = "en") -> str:
    """Return a verdict as it is shown.

    Examples
    --------
    >>> verdict_of("real", True), verdict_of("no real difference", None), verdict_of(None, None)
    ('real, better', 'no real difference', '')
    """
    if real is None:
        return ""
    told = words(language)["verdicts"]
    if better is None:
        return told[real]
    return f"{told[real]}{told['comma']}{told['better' if better else 'worse']}"


def conclusion(found: Comparison, language: str = "en") -> list[str]:
    """Return which run is best and whether that is real, in sentences.

    Parameters
    ----------
    found
        What came of comparing.
    language
        `en` or `zh`.
    """
    return list(_conclusion(found, language))


def caveats(found: Comparison, language: str = "en") -> list[str]:
    """Return what must be known to read a comparison rightly, in sentences."""
    return list(_caveats(found, language))


def _conclusion(found: Comparison, language: str) -> Iterator[str]:
    said, called = words(language)["said"], words(language)["called"]
    lead = found.lead
    if found.customers < FEWEST:
        yield said["few"].format(customers=f"{found.customers:,}", fewest=FEWEST)
    elif lead is None:
        priceless = any(run.decided for run in found.runs)
        yield said["priceless" if priceless else "undecided"]
    else:
        best = next(each for each in found.standings[lead.metric] if each.run == lead.run)
        told = {
            "best": lead.run,
            "metric": called[lead.metric],
            "value": number(lead.metric, best.value),
            "level": said["and"].join(lead.level_with),
        }
        yield said["shared" if lead.level_with else "alone"].format(**told)
        if lead.level_with and lead.ahead_of:
            yield said["behind"].format(ahead=said["and"].join(lead.ahead_of))
    if found.customers >= FEWEST:
        yield from _also(found, lead.metric if lead else "", language)
    if found.by == "customer":
        horizons = dict.fromkeys(run.horizon for run in found.runs)
        yield said["horizons"].format(horizons=said["and"].join(horizons))
        yield said["can"]
        shares = {
            run.horizon: f"{run.horizon}: {each.churned:.1%}"
            for run, each in zip(found.runs, found.compared, strict=True)
        }
        yield said["cannot"].format(shares=said["and"].join(shares.values()))


def _also(found: Comparison, decided: str, language: str) -> Iterator[str]:
    """Tell of real differences from the first run by metrics other than the one that decides."""
    said, called = words(language)["said"], words(language)["called"]
    for place, run in enumerate(found.runs[1:], 1):
        for better in (True, False):
            metrics = [
                called[metric]
                for metric, standings in found.standings.items()
                if metric != decided and standings[place].better is better
            ]
            if metrics:
                yield said["also_better" if better else "also_worse"].format(
                    run=run.name, first=found.runs[0].name, metrics=said["and"].join(metrics)
                )


def _caveats(found: Comparison, language: str) -> Iterator[str]:
    said = words(language)["said"]
    for run, compared in zip(found.runs, found.compared, strict=True):
        share = compared.predictions / len(run.labels)
        if share < _MOST:
            yield said["common" if found.by == "prediction" else "common_customers"].format(
                joined=f"{compared.predictions:,}",
                labels=f"{len(run.labels):,}",
                run=run.name,
                share=f"{share:.0%}",
            )
    if found.other_cause:
        yield said["causes"].format(count=f"{found.other_cause:,}")
    if any(run.threshold is not None for run in found.runs):
        yield said["reach"]
    offered = found.runs[0].alerts and any(run.offer for run in found.runs)
    if offered and offer_of(found.runs) is None:
        yield said["offers"]
