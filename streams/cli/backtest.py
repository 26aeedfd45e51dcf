"""``ebb backtest``: history taken through the live pipeline, and how good it would have been."""

from __future__ import annotations

import dataclasses
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from streams.cli.history import History
    from streams.cli.importing import Show
    from streams.replay import Landmarks

EPILOG = """\b
Examples:
  ebb backtest orders.csv -m orders.toml -o out --qualifying purchase
  ebb backtest orders.csv -m orders.toml -o race --model bayes,logistic
  ebb backtest 'kafka://clickstream?from=2026-01-01&to=2026-02-01' -o january"""

_OVERRIDES = {"horizon": "churn.horizon", "active": "churn.active", "qualifying": "churn.activity"}


@click.command(epilog=EPILOG)
@click.argument("source")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder for predictions.parquet, decisions.parquet and report.json.",
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
@click.option("--horizon", metavar="DURATION", help="Instead of churn.horizon.")
@click.option("--active", metavar="DURATION", help="Instead of churn.active.")
@click.option("--qualifying", metavar="TYPE,...", help="Instead of churn.activity.")
@click.option("--vectors", is_flag=True, help="Write also what was known at each prediction.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N events.")
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
    as_json: bool,
    **overrides: str | None,
) -> None:
    """Replay SOURCE through the live pipeline, labels maturing as they would have.

    SOURCE is a file (CSV, JSON lines, Parquet; compressed or not) with a mapping, or a stretch of
    a topic by time of arrival: kafka://clickstream?from=2026-01-01&to=2026-02-01.

    Every prediction is made with what was known at its moment, and tested when its label comes.
    """
    from models.registry import MissingLibrary
    from streams.cli.history import open_history
    from streams.cli.importing import progress_bar
    from streams.replay import UnknownModel
    from streams.report import OutputRefused

    for name, value in overrides.items():
        if value is not None:
            context.options[_OVERRIDES[name]] = value
    plan = _Plan(
        models=_words(models if models is not None else context.settings.model.name),
        output=output,
        seed=seed,
        landmarks=_landmarks(landmarks, score_from),
        vectors=vectors,
    )
    began = time.monotonic()
    with (
        progress_bar(context) as show,
        open_history(context, source, mapping, limit, show) as history,
    ):
        try:
            report = _replay(context, history, plan, show)
        except (UnknownModel, MissingLibrary) as error:
            raise Usage(f"{error}") from None
        except OutputRefused as error:
            raise Problem(str(error)) from None
    ended = time.monotonic()
    timing = {
        "seconds": round(ended - began, 3),
        "reading_seconds": round(history.began - began, 3),
        "events_per_second": round(report["data"]["events"] / (ended - history.began), 1),
        "peak_memory_bytes": _peak_memory(),
    }
    if as_json:
        click.echo(json.dumps({**report, "source": history.told(), "timing": timing}))
    else:
        _show(report, timing, output)
    for note in [*history.notes(), *_caveats(report)]:
        context.console.print(note, markup=False, soft_wrap=True)
    if plan.landmarks is not None and not report["models"][0]["landmarks"]:
        raise Problem(_no_landmark(report))


@dataclass(frozen=True)
class _Plan:
    models: list[str]
    output: Path
    seed: int
    landmarks: Landmarks | None
    vectors: bool


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


def _replay(context: Context, history: History, plan: _Plan, show: Show) -> dict[str, Any]:
    from streams.composition import shop_of, task_of, weighing_of
    from streams.replay import backtest as replay

    settings = context.settings
    weighing = weighing_of(settings)
    if not history.treated and context.source("model.weight_treated") == "default":
        # In a file, nobody was sent the alerts that the replay decides upon.
        weighing = dataclasses.replace(weighing, treated=1.0)
    shop = shop_of(settings)
    result = replay(
        history.arrivals,
        shop,
        plan.models,
        task=task_of(shop, weighing),
        output=plan.output,
        warmup=settings.model.warmup,
        seed=plan.seed,
        landmarks=plan.landmarks,
        vectors=plan.vectors,
        source=history.source,
        progress=lambda events, _: show("replaying", events, history.total()),
    )
    return result.report


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


def _show(report: dict[str, Any], timing: dict[str, Any], output: Path) -> None:
    data, decisions = report["data"], report["decisions"]
    click.echo(f"events      {data['events']:,}, from {data['first']} to {data['last']}")
    click.echo(f"customers   {data['customers']:,}")
    if report["mode"] == "events":
        click.echo(
            f"decisions   {decisions['count']:,} (silence {decisions['silence']:,}, session end "
            f"{decisions['session_end']:,}, distress {decisions['distress']:,}), "
            f"{decisions['alerts']:,} alerts"
        )
        click.echo(
            f"labels      {decisions['matured']:,} known, {decisions['unresolved']:,} not known yet"
        )
    else:
        click.echo(f"landmarks   {len(report['models'][0]['landmarks']):,} scored")
    click.echo()
    rows = [list(_COLUMNS.values())]
    rows += [[_cell(model[name]) for name in _COLUMNS] for model in report["models"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        click.echo("  ".join([name.ljust(widths[0]), *numbers]))
    click.echo()
    click.echo(f"predictions.parquet, decisions.parquet, report.json in {output}")
    click.echo(
        f"{timing['seconds']:.1f} s, of which reading {timing['reading_seconds']:.1f} s; "
        f"{timing['events_per_second']:,.0f} events/s; "
        f"at most {timing['peak_memory_bytes'] / 2**20:,.0f} MiB of memory"
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
