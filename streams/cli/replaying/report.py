"""``ebb report``: finished backtests listed, opened, made into a page again, and published."""

from __future__ import annotations

import json
import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from features import SECOND, to_iso
from streams.cli.context import Context
from streams.cli.errors import Problem, ServerAway, Usage

if TYPE_CHECKING:
    from streams.report import Listed

_FOLDER = click.Path(path_type=Path)
_LANGUAGE = click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    help="Of the page: English, or Chinese.  [default: alerts.language]",
)


@click.group()
def report() -> None:
    """List the backtests that are done, open one, or publish it."""


@report.command("list", epilog="Example: ebb report list ~/backtests")
@click.argument("top", default=".", type=_FOLDER, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="A line a backtest, for a machine.")
@click.pass_obj
def list_reports(_: Context, top: Path, as_json: bool) -> None:
    """List the finished backtests in DIR and below it, oldest first.

    Said are when it was done, its folder, the models, the first one's AUC, its alerts, and which
    events it took.
    """
    from streams.report import finished_below

    if not top.is_dir():
        raise Usage(f"{top}: there is no such folder")
    found = finished_below(top)
    for each in found if as_json else ():
        click.echo(json.dumps(_as_dict(each)))
    if found and not as_json:
        _show(found, top)
    if not found:
        click.echo(f"No finished backtest in {top} or below.", err=True)


def _as_dict(each: Listed) -> dict[str, object]:
    return {
        "folder": str(each.folder),
        "finished_at": to_iso(each.finished_at),
        "source": each.source,
        "mode": each.mode,
        "models": list(each.models),
        "auc": each.auc,
        "alerts": each.alerts,
        "page": each.page,
    }


def _show(found: list[Listed], top: Path) -> None:
    rows = [("finished", "folder", "models", "AUC", "alerts", "source")]
    rows += [
        (
            to_iso(each.finished_at)[:16].replace("T", " "),
            str(each.folder.relative_to(top)),
            ",".join(each.models),
            "-" if each.auc is None else f"{each.auc:.3f}",
            "landmarks" if each.alerts is None else f"{each.alerts:,}",
            each.source,
        )
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *cells, source in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths[:-1], strict=True)]
        click.echo("  ".join([*padded, source]))


@report.command(
    short_help="Write report.html of a finished backtest again.",
    epilog="Example: ebb report build out --language zh",
)
@click.argument("folder", type=_FOLDER)
@_LANGUAGE
@click.option("--model", metavar="NAME", help="Of whom to tell.  [default: the one that decided]")
@click.pass_obj
def build(context: Context, folder: Path, language: str | None, model: str | None) -> None:
    """Write report.html of a finished backtest again, from its other files."""
    click.echo(_build(context, folder, language, model))


@report.command(
    "open",
    short_help="Open report.html of a finished backtest in the browser.",
    epilog="Example: ebb report open out",
)
@click.argument("folder", type=_FOLDER)
@_LANGUAGE
@click.pass_obj
def open_report(context: Context, folder: Path, language: str | None) -> None:
    """Open report.html of a finished backtest in the browser; make it first if it is not there.

    With --language it is made again. Where there is no display, its path is printed.
    """
    from streams.report import PAGE, NotComparable, read_report

    try:
        read_report(folder)
    except NotComparable as error:
        raise Usage(str(error)) from None
    page = folder / PAGE
    if language is not None or not page.is_file():
        page = _build(context, folder, language, None)
    if not (_has_display() and webbrowser.open(page.resolve().as_uri())):
        click.echo(page)


def _build(context: Context, folder: Path, language: str | None, model: str | None) -> Path:
    from streams.report import (
        PAGE,
        NotComparable,
        OutputRefused,
        PageRefused,
        read_findings,
        write_page,
    )

    page = folder / PAGE
    try:
        findings = read_findings(folder, model)
        write_page(findings, page, language or context.settings.alerts.language)
    except NotComparable as error:
        raise Usage(str(error)) from None
    except (OutputRefused, PageRefused) as error:
        raise Problem(str(error)) from None
    return page


def _has_display() -> bool:
    """Tell whether a browser would be seen: one in a terminal would take it over."""
    if "BROWSER" in os.environ or not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


@report.command(
    epilog="\b\nExamples:\n  ebb report publish out --mlflow https://mlflow.example\n"
    "  MLFLOW_TRACKING_URI=sqlite:///mlflow.db ebb report publish out"
)
@click.argument("folder", type=_FOLDER)
@click.option(
    "--mlflow",
    "uri",
    envvar="MLFLOW_TRACKING_URI",
    metavar="URI",
    help="Of the tracking server or store.  [default: MLFLOW_TRACKING_URI]",
)
@click.option("--experiment", default="ebbtide", show_default=True, metavar="NAME")
@click.option("--name", metavar="NAME", help="Of the run.  [default: the folder's]")
@click.option(
    "--without-customers",
    is_flag=True,
    help="Leave out the files that name customers: all but report.json.",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def publish(
    _: Context,
    folder: Path,
    uri: str | None,
    experiment: str,
    name: str | None,
    without_customers: bool,
    as_json: bool,
) -> None:
    """Publish a finished backtest to MLflow, as one run.

    Its configuration becomes parameters, its figures metrics (those of months and landmarks as
    steps), and its files artefacts. Publishing again makes another run.
    """
    from streams.report import NotComparable, PublisherAway, PublishingRefused
    from streams.report import publish as publish_to

    if not uri:
        raise Usage("say where MLflow is: --mlflow URI, or MLFLOW_TRACKING_URI")
    now = int(time.time() * SECOND)
    try:
        done = publish_to(
            folder,
            uri,
            now=now,
            experiment=experiment,
            name=name,
            customers=not without_customers,
        )
    except NotComparable as error:
        raise Usage(str(error)) from None
    except PublisherAway as error:
        raise ServerAway(str(error)) from None
    except PublishingRefused as error:
        raise Problem(str(error)) from None
    if as_json:
        told = {"run_id": done.run_id, "experiment": done.experiment, "files": list(done.files)}
        click.echo(json.dumps({**told, "parameters": done.parameters, "metrics": done.metrics}))
    else:
        click.echo(
            f"run {done.run_id} in experiment {done.experiment}: {done.parameters} parameters, "
            f"{done.metrics} metrics, {', '.join(done.files)}"
        )
