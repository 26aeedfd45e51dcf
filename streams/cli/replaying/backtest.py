"""``ebb backtest``: history taken through the live pipeline, and how good it would have been."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from streams.replay import BacktestResult, History, Landmarks
    from streams.settings import Settings

EPILOG = """\b
Examples:
  ebb backtest orders.csv -m orders.toml -o out --qualifying purchase
  ebb backtest orders.csv -m orders.toml -o race --model bayes,logistic
  ebb backtest orders.csv -m orders.toml -o grid --horizon 14d,28d,56d
  ebb backtest orders.csv -m orders.toml -o pays --cost 5 --margin 100 --capacity 50
  ebb backtest 'kafka://clickstream?from=2026-01-01&to=2026-02-01' -o january"""


@click.command(epilog=EPILOG)
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for report.json, predictions.parquet and the other files.",
)
@click.option(
    "-m",
    "--mapping",
    metavar="NAME|FILE",
    help="Of a file, which column says what: as of ebb import.",
)
@click.option(
    "--model",
    "models",
    metavar="NAME,...",
    help="Models to race on one pass; the first one decides.  [default: model.name]",
)
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", help="Order of learning.")
@click.option(
    "--landmarks",
    metavar="START/STEP",
    help="Score everybody at the end of set days, as 2017-03-31/7d, instead of at decision points.",
)
@click.option("--score-from", metavar="DATE", help="Landmarks before this day only teach.")
@click.option(
    "--horizon",
    metavar="DURATION,...",
    help="Instead of churn.horizon; of several, each gets a folder in DIR, on one reading.",
)
@click.option("--active", metavar="DURATION", help="Instead of churn.active.")
@click.option("--qualifying", metavar="TYPE,...", help="Instead of churn.activity.")
@click.option("--cost", metavar="MONEY", help="Of one offer: instead of offer.cost.")
@click.option("--margin", metavar="MONEY", help="Of a saved customer: instead of offer.margin.")
@click.option("--saved", metavar="SHARE", help="Of churners with an offer: instead of offer.saved.")
@click.option("--capacity", metavar="N", help="Offers a day: instead of offer.capacity.")
@click.option("--vectors", is_flag=True, help="Write also what was known at each prediction.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N events.")
@click.option("--no-report", is_flag=True, help="Write no report.html.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def backtest(
    context: Context,
    /,
    source: str,
    output: Path,
    mapping: str | None,
    models: str | None,
    seed: int,
    landmarks: str | None,
    score_from: str | None,
    vectors: bool,
    limit: int | None,
    no_report: bool,
    as_json: bool,
    **overrides: str | None,
) -> None:
    """Replay SOURCE through the live pipeline, labels maturing as they would have.

    SOURCE is a file (CSV, JSON lines, Parquet; compressed or not) with a mapping, or a stretch of
    a topic by time of arrival: kafka://clickstream?from=2026-01-01&to=2026-02-01.

    Every prediction is made with what was known at its moment, and tested when its label comes.
    """
    from streams.cli.replaying.importing import progress_bar
    from streams.composition import shop_of
    from streams.replay import Plan, check_horizons, open_history, replay_grid, replay_history

    held = _settings(context, overrides)
    # What is wrong with the policy file is said before the history is read.
    shop_of(held[0])
    if len(held) > 1:
        check_horizons(held)
    plan = Plan(models, seed, _landmarks(landmarks, score_from), vectors)
    began = time.monotonic()
    with (
        _in_words(),
        progress_bar(context) as show,
        open_history(held[0], source, mapping, limit, show) as history,
        _with_rejected(context, history),
    ):
        if len(held) > 1:
            results = list(replay_grid(history, held, output, plan, show).values())
        else:
            results = [replay_history(history, held[0], output, plan, show)]
    ended = time.monotonic()
    timing = {
        "seconds": round(ended - began, 3),
        "reading_seconds": round(history.began - began, 3),
        "events_per_second": round(results[0].events / (ended - history.began), 1),
        "peak_memory_bytes": _peak_memory(),
    }
    reports = [result.report for result in results]
    if as_json:
        told: dict[str, Any] = reports[0] if len(held) == 1 else _as_grid(results)
        click.echo(json.dumps({**told, "source": history.told(), "timing": timing}))
    else:
        _show(reports, timing, output)
    for note in [*history.notes(), *(each for report in reports for each in _caveats(report))]:
        context.console.print(note, markup=False, soft_wrap=True)
    for note in _pages(context, results, no_report, as_json):
        context.console.print(note, markup=False, soft_wrap=True)
    for report in reports:
        if report["mode"] == "landmarks" and not report["models"][0]["landmarks"]:
            raise Problem(_no_landmark(report))


def _pages(
    context: Context, results: Sequence[BacktestResult], unwanted: bool, quiet: bool
) -> Iterator[str]:
    """Write the page of each backtest, and yield what stood in its way."""
    from streams.report import PAGE, OutputRefused, PageRefused, read_findings, write_page

    for result in results:
        page = result.output / PAGE
        # What an earlier backtest left there is not of these events.
        page.unlink(missing_ok=True)
        if unwanted:
            continue
        try:
            write_page(read_findings(result.output), page, context.settings.alerts.language)
        except (OutputRefused, PageRefused) as error:
            yield f"No {PAGE}: {error}"
            return
        if not quiet:
            click.echo(f"{page}: open it in a browser")


def _settings(context: Context, overrides: dict[str, str | None]) -> list[Settings]:
    """Return the settings, one for each horizon."""
    from streams.replay import SETTINGS
    from streams.settings import load_settings

    above = {SETTINGS[name]: value for name, value in overrides.items() if value is not None}
    horizons = _words(above.pop(SETTINGS["horizon"], ""))
    context.options.update(above)
    if overrides["horizon"] is None:
        return [context.settings]
    return [
        load_settings(
            context.config, context.environ, context.options | {SETTINGS["horizon"]: horizon}
        ).settings
        for horizon in horizons or [""]
    ]


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what went wrong in a line."""
    from models.registry import MissingLibrary
    from streams.recorded import MappingError, SourceError
    from streams.replay import NoEvents, UnknownModel, WrongSource
    from streams.report import OutputRefused

    try:
        yield
    except (UnknownModel, MissingLibrary, WrongSource) as error:
        raise Usage(str(error)) from None
    except (OutputRefused, NoEvents, SourceError, MappingError) as error:
        raise Problem(str(error)) from None


@contextmanager
def _with_rejected(context: Context, history: History) -> Iterator[None]:
    """Show the rows that were no events, whatever else there is to say."""
    from streams.cli.replaying.importing import show_rejected

    try:
        yield
    finally:
        if history.tally is not None:
            show_rejected(context, history.tally)


def _as_grid(results: Sequence[BacktestResult]) -> dict[str, Any]:
    from streams.report import GRID_FORMAT

    names = [result.output.name for result in results]
    reports = [result.report for result in results]
    return {"format": GRID_FORMAT, "horizons": names, "folders": names, "reports": reports}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _landmarks(text: str | None, score_from: str | None) -> Landmarks | None:
    from streams.replay import Landmarks

    if text is None:
        if score_from is not None:
            raise Usage("--score-from goes with --landmarks")
        return None
    try:
        return Landmarks.parse(text, score_from)
    except ValueError as error:
        raise Usage(f"--landmarks, --score-from: {error}") from None


# -- telling what came of it ------------------------------------------------------------------

_COLUMNS = {
    "model": "model",
    "count": "labels",
    "churned": "churned",
    "auc": "AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "ece": "ECE",
    "precision_top_tenth": "top 10 %",
}


def _show(reports: Sequence[dict[str, Any]], timing: dict[str, Any], output: Path) -> None:
    first = reports[0]
    data = first["data"]
    click.echo(f"events      {data['events']:,}, from {data['first']} to {data['last']}")
    click.echo(f"customers   {data['customers']:,}")
    several = len(reports) > 1
    for report in reports:
        if several:
            click.echo(f"\nhorizon     {report['configuration']['horizon']}")
        _show_decided(report)
    click.echo()
    heads = ["horizon"] * several + list(_COLUMNS.values())
    rows = [
        [report["configuration"]["horizon"]] * several + [_cell(model[name]) for name in _COLUMNS]
        for report in reports
        for model in report["models"]
    ]
    names = 1 + several
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = zip(row, widths, strict=True)
        aligned = [
            cell.ljust(width) if place < names else cell.rjust(width)
            for place, (cell, width) in enumerate(cells)
        ]
        click.echo("  ".join(aligned))
    click.echo()
    if several:
        folders = ", ".join(report["configuration"]["horizon"] for report in reports)
        click.echo(f"grid.json in {output}, and a folder for each horizon: {folders}")
    else:
        click.echo(f"report.json, predictions.parquet and the other files in {output}")
    click.echo(
        f"{timing['seconds']:.1f} s, of which reading {timing['reading_seconds']:.1f} s; "
        f"{timing['events_per_second']:,.0f} events/s; "
        f"at most {timing['peak_memory_bytes'] / 2**20:,.0f} MiB of memory"
    )


def _show_decided(report: dict[str, Any]) -> None:
    decisions = report["decisions"]
    if report["mode"] == "landmarks":
        click.echo(f"landmarks   {len(report['models'][0]['landmarks']):,} scored")
        return
    click.echo(
        f"decisions   {decisions['count']:,} (silence {decisions['silence']:,}, session end "
        f"{decisions['session_end']:,}, distress {decisions['distress']:,}), "
        f"{decisions['alerts']:,} alerts"
    )
    click.echo(
        f"labels      {decisions['matured']:,} known, {decisions['unresolved']:,} not known yet"
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _caveats(report: dict[str, Any]) -> Iterator[str]:
    if report["mode"] == "events" and not report["models"][0]["count"]:
        yield (
            "No label is known: the events span less than the horizon of "
            f"{report['configuration']['horizon']}. A shorter one can be tried with --horizon."
        )


def _no_landmark(report: dict[str, Any]) -> str:
    data, asked = report["data"], report["configuration"]
    when = asked["landmarks"]
    first = max(when["start"], when["score_from"] or "")
    return (
        f"no landmark could be scored: from {first} on, every {when['step']}, none has a customer "
        f"and a whole horizon ({asked['horizon']}) within the data, which goes from "
        f"{data['first']} to {data['last']}"
    )


def _peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
