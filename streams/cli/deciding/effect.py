"""``ebb effect``: whether acting on alerts helped."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from features import from_datetime, parse_duration
from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from features import Definition
    from models.effect import Rules, Split
    from streams.effect import Asked, Joined, Progress, Source

#: At so many earlier moments the page tells what was known.
_LOOKS: Final = 60

EPILOG = """\b
Examples:
  ebb effect
  ebb effect --by action,segment --since 2026-09-01 --margin .35 --cost 2
  ebb effect --html effect.html
  ebb effect --json | jq '.lines[] | [.group, .verdict]'"""


@click.command(epilog=EPILOG)
@click.option(
    "--since",
    metavar="TIME|DURATION",
    help="Only customers first alerted since then: 2026-09-01, or 90d before now.",
)
@click.option(
    "--by",
    default="action",
    show_default=True,
    metavar="NAME,...",
    help="Tell apart by action, playbook, variant, cause, segment, stage, band, steering, or"
    " response; by a number that is cut, such as orders:1:5; or none.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.4,
    show_default=True,
    metavar="SHARE",
    help="Of what is bought, what is earned.",
)
@click.option(
    "--cost",
    type=click.FloatRange(0),
    metavar="AMOUNT",
    help="Of an alert whose outcomes tell no cost.  [default: offer.cost, or 0]",
)
@click.option(
    "--worth",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.02,
    show_default=True,
    metavar="SHARE",
    help="How many more must come back for it to be worth doing.",
)
@click.option("--horizon", metavar="DURATION", help="How long to watch.  [default: churn.horizon]")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share held out, of alerts that do not tell it.  [default: that of the policy]",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    metavar="CHANCE",
    help="Of ever saying something wrong, however often one looks.",
)
@click.option(
    "--alerts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Not from the topics: alerts as ebb alerts --json prints them ...",
)
@click.option(
    "--events", type=click.Path(path_type=Path), metavar="FILE", help="... events, a JSON line each"
)
@click.option(
    "--outcomes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="... and outcomes, a JSON line each, if there are any.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a page that opens without a network.",
)
@click.option(
    "--write-response",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write whom each playbook moves, to steer a policy file by; with --by playbook,...",
)
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def effect(
    context: Context,
    since: str | None,
    by: str,
    margin: float,
    cost: float | None,
    worth: float,
    horizon: str | None,
    holdout: float | None,
    alpha: float,
    alerts: Path | None,
    events: Path | None,
    outcomes: Path | None,
    page: Path | None,
    write_response: Path | None,
    as_json: bool,
) -> None:
    """Tell whether acting on alerts helped: treated customers against those held out.

    Reads the alerts (interventions), what customers did (clickstream) and what the CRM reported
    (outcomes), once, in no consumer group, and writes nothing to them. A customer counts once,
    from their first alert on, when the horizon has passed for them.

    The bounds hold however often one looks: look every day, and stop when it says so. keep:
    treating brings customers back, or money. stop: it harms, costs more than it brings, or is
    not worth doing. not yet: nobody can know.

    Exit 1 if there are no alerts, or the groups have not the sizes that were drawn.
    """
    settings = context.settings
    offered = settings.offer.cost or 0.0
    from models.effect import ALARM, Rules
    from streams.composition import shop_of

    rules = Rules(
        horizon=settings.churn.horizon if horizon is None else _duration("--horizon", horizon),
        gone=settings.churn.active,
        holdout=shop_of(settings).policy.holdout if holdout is None else holdout,
        margin=margin,
        cost=offered if cost is None else cost,
        alpha=alpha,
        worth=worth,
        since=0 if since is None else _moment(since),
    )
    asked = _asked(context, rules, by, _LOOKS if page is not None else 0)
    if write_response is not None:
        from streams.cli.deciding.response import check

        check(asked.dimensions)
    from rich import progress as bars

    from streams.effect import WrongSource, as_dict, join

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
    )
    console = context.console
    with bars.Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def progress(what: str, read: int, total: int) -> None:
            bar.update(task, description=what, completed=read, total=total)

        source, clock = _source(context, alerts, events, outcomes, progress)
        try:
            joined = join(source, asked, clock)
        except WrongSource as error:
            raise Usage(str(error)) from None
    for what, count in source.unusable.items():
        click.echo(
            f"Skipped {count:,} that are no {what}; the first is {source.first[what]}", err=True
        )
    if not joined.met["alerts"]:
        raise Problem("no alerts went out yet, so there is nothing to measure: ebb alerts")
    if page is not None:
        _write(context, page, joined, asked, source)
    if as_json:
        click.echo(json.dumps(as_dict(joined, rules, asked.dimensions)))
    else:
        from streams.cli.deciding.effects import show_effect

        show_effect(joined, rules)
    found = joined.measured.lines[0].split
    if found.chance < ALARM:
        raise Problem(_off(found))
    if write_response is not None:
        from streams.cli.deciding.response import write

        write(write_response, joined, rules, asked.dimensions)


def _off(found: Split) -> str:
    """Return where customers were not split as they were drawn."""
    playbook = f" of playbook {found.playbook}" if found.playbook else ""
    had = f"had its arm {found.variant}" if found.variant else "were held out"
    otherwise = "" if playbook else ". If the share was another one, name it with --holdout"
    return (
        f"of {found.customers:,} customers{playbook} {found.found:,} {had}, and "
        f"{found.drawn:.4g} of them should have; docs/effect.md says what may have happened"
        f"{otherwise}"
    )


def _write(context: Context, page: Path, joined: Joined, asked: Asked, source: Source) -> None:
    from streams.report import PageRefused, write_effect

    language, names = context.settings.alerts.language, source.names
    try:
        write_effect(joined, asked, page, language, sources=names, unusable=dict(source.unusable))
    except PageRefused as error:
        raise Problem(str(error)) from None


def _asked(context: Context, rules: Rules, by: str, looks: int) -> Asked:
    from streams.composition import definition_of
    from streams.effect import Asked

    words = [word.strip() for word in by.split(",") if word.strip()]
    definition = definition_of(context.settings)
    dimensions = [] if words == ["none"] else [_dimension(word, definition) for word in words]
    dimensions = list(dict.fromkeys(dimensions))
    settings = context.settings
    return Asked(
        rules,
        dimensions,
        definition.counts_as_activity,
        settings.time.lateness,
        settings.time.skew,
        looks,
    )


def _dimension(word: str, definition: Definition) -> str:
    """Return what is asked for by a word, as it is called."""
    from features import build_catalogue
    from models.effect import DIMENSIONS, RESPONSE
    from models.understanding import NoCut, read_cut

    known = (*DIMENSIONS, RESPONSE)
    if word in known:
        return word
    if ":" not in word:
        raise Usage(
            f"--by {word}: choose of {', '.join(known)}, or none; or cut the risk, or a feature,"
            " such as orders:1:5"
        )
    try:
        cut = read_cut(word)
    except NoCut as error:
        raise Usage(f"--by {error}") from None
    if cut.name not in ("risk", *build_catalogue(definition).names):
        raise Usage(f"--by {word}: there is no feature {cut.name!r}; ebb features lists them all")
    return str(cut)


def _source(
    context: Context,
    alerts: Path | None,
    events: Path | None,
    outcomes: Path | None,
    progress: Progress,
) -> tuple[Source, int]:
    """Return where to read from, and the time of the clock if it counts there."""
    from streams.effect import FileSource, TopicSource

    if alerts is None and events is None and outcomes is None:
        wall = context.settings.time.clock == "wall"
        clock = time.time_ns() // 1_000_000 if wall else 0
        return TopicSource(context.settings, progress), clock
    if alerts is None or events is None:
        raise Usage("files are named together: --alerts FILE --events FILE [--outcomes FILE]")
    return FileSource(alerts, events, outcomes, progress), 0


def _duration(option: str, text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Usage(f"{option} {text}: {error}") from None


def _moment(text: str) -> int:
    """Read a moment, UTC unless it says so, or how long it is ago."""
    with suppress(ValueError):
        return time.time_ns() // 1_000_000 - parse_duration(text)
    try:
        moment = datetime.fromisoformat(text)
        zone = UTC if moment.tzinfo is None else moment.tzinfo
        return from_datetime(moment.replace(tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError):
        raise Usage(
            f"--since {text}: write a date, 2026-01-31, a time, 2026-01-31T18:00Z, or how long it "
            "is ago, 90d"
        ) from None
