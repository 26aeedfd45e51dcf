"""The pages that tell a shop of a backtest, a comparison or an effect, in two languages.

What it is made with comes with the extra ``report``, so nothing of it is imported until a page
is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import altair as alt

    from streams.effect import Asked, Joined
    from streams.report.page.source import Source
    from streams.report.standing import Comparison

__all__ = ["PageRefused", "figures", "write_comparison", "write_effect", "write_page"]


class PageRefused(RuntimeError):
    """The page cannot be made; says what to do."""


def write_page(findings: Source, path: Path, language: str = "en") -> None:
    """Write the page of a backtest: one file that opens anywhere, without a network.

    Parameters
    ----------
    findings
        A finished backtest: a shop's history, replayed.
    path
        Where to; what is there is replaced when the page is whole.
    language
        ``en``, or ``zh`` for Chinese.

    Raises
    ------
    PageRefused
        If the extra ``report`` is not installed, or the file cannot be written.
    ValueError
        If there are no words in that language.
    """
    _complete()
    from streams.report.page.writing import page_of, put

    put(path, page_of(findings, language))


def write_comparison(found: Comparison, path: Path, language: str = "en") -> None:
    """Write the page of a comparison: which run is better, and whether that is real.

    Parameters
    ----------
    found
        What came of comparing finished backtests.
    path
        Where to; what is there is replaced when the page is whole.
    language
        ``en``, or ``zh`` for Chinese.

    Raises
    ------
    PageRefused
        If the extra ``report`` is not installed, or the file cannot be written.
    ValueError
        If there are no words in that language.
    """
    _complete()
    from streams.report.page.versus import versus_page
    from streams.report.page.writing import put

    put(path, versus_page(found, language))


def write_effect(
    joined: Joined,
    asked: Asked,
    path: Path,
    language: str = "en",
    *,
    sources: Sequence[str] = (),
    unusable: Mapping[str, int] | None = None,
) -> None:
    """Write the page of an effect: whether acting on alerts helped, and how that became known.

    Parameters
    ----------
    joined
        What treating has done, with its looks at earlier moments.
    asked
        What was asked.
    path
        Where to; what is there is replaced when the page is whole.
    language
        ``en``, or ``zh`` for Chinese.
    sources
        What was read, as people call it.
    unusable
        What of it could not be used, by kind.

    Raises
    ------
    PageRefused
        If the extra ``report`` is not installed, or the file cannot be written.
    ValueError
        If there are no words in that language.
    """
    _complete()
    from streams.report.page.effect import Read, effect_page
    from streams.report.page.writing import put

    put(path, effect_page(joined, asked, Read(sources, unusable or {}), language))


def figures(findings: Source, language: str = "en") -> Mapping[str, alt.TopLevelMixin]:
    """Return the charts of a backtest by name, each drawn when it is asked for.

    Parameters
    ----------
    findings
        A finished backtest.
    language
        In which titles and axes are told: ``en`` or ``zh``.

    Returns
    -------
    mapping of str to altair chart
        Those that there are data for, in the order of the page. A notebook shows one as it is;
        ``figures(findings)["roc"].save("roc.svg")`` keeps it.

    Raises
    ------
    PageRefused
        If the extra ``report`` is not installed.
    """
    _complete()
    from streams.report.page.charts import Figures

    return Figures(findings, language)


def _complete() -> None:
    try:
        import altair  # noqa: F401
        import jinja2  # noqa: F401
        import pandas  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise PageRefused(
            f'a report\'s page needs {error.name}: pip install "ebbtide[report]"'
        ) from None
