"""``ebb import``: send a recorded file to the clickstream, or see what it would send."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from features import Event
    from streams.recorded import Mapping, RejectedRow, Tally

EPILOG = """\b
Examples:
  ebb import --dry-run sales.csv > sales.toml     propose a mapping: look it over
  ebb import --dry-run sales.csv -m sales.toml    see what it gives
  ebb import sales.csv -m sales.toml              send it"""


@click.command("import", epilog=EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-m",
    "--mapping",
    metavar="NAME|FILE",
    help="Which column says what: cdnow, completejourney, or a TOML file.",
)
@click.option(
    "--topic", metavar="NAME", help="Full name of the topic.  [default: clickstream, prefixed]"
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="Most events a second."
)
@click.option("--dry-run", is_flag=True, help="Report what would be sent, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def import_file(
    context: Context,
    file: Path,
    mapping: str | None,
    topic: str | None,
    rate: float | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send FILE (CSV, JSON lines, Parquet; compressed or not) in the order of event time.

    Repeats are harmless: ids are derived from the rows when the file has none. A row that is
    no event is shown with its line and reason, and the others go on; when most of the first
    rows are none, the mapping is wrong and nothing is sent.
    """
    from streams.recorded import MappingError, SourceError, load_mapping

    try:
        if mapping is None:
            _propose(context, file, dry_run, as_json)
            return
        try:
            loaded = load_mapping(mapping)
        except MappingError as error:
            raise Usage(str(error)) from None
        if dry_run:
            _report(context, file, loaded, as_json)
        else:
            _send(context, file, loaded, topic, rate, as_json)
    except (SourceError, MappingError) as error:
        raise Problem(str(error)) from None


def _propose(context: Context, file: Path, dry_run: bool, as_json: bool) -> None:
    from streams.recorded import built_in_mappings, propose_mapping

    if not dry_run:
        raise Usage(
            f"--mapping says which column is what: one of {', '.join(built_in_mappings())}, or a "
            f"TOML file. To have one proposed: ebb import --dry-run {file}"
        )
    proposal = propose_mapping(file)
    click.echo(json.dumps({"mapping": proposal}) if as_json else proposal, nl=as_json)
    context.console.print(
        "A proposed mapping. Save it as a file, look it over, and see what it gives with "
        "--dry-run --mapping FILE.",
        soft_wrap=True,
    )


def _report(context: Context, file: Path, mapping: Mapping, as_json: bool) -> None:
    from streams.recorded import MappingError, Tally

    tally = Tally()
    wrong: MappingError | None = None
    try:
        for _ in _read(context, file, mapping, tally):
            pass
    except MappingError as error:
        wrong = error
    if as_json:
        click.echo(json.dumps(tally.as_dict()))
    elif tally.rows:
        _show(tally)
    show_rejected(context, tally)
    if wrong is not None:
        raise wrong


def _show(tally: Tally) -> None:
    from features import encode_event, to_iso

    click.echo(f"rows       {tally.rows:,}")
    click.echo(f"events     {tally.events:,}")
    click.echo(f"rejected   {tally.rejected:,}")
    if tally.first is None or tally.last is None:
        return
    about = "" if tally.customers.exact else "about "
    click.echo(f"customers  {about}{tally.customers.count:,}")
    click.echo(f"time       {to_iso(tally.first)} to {to_iso(tally.last)}")
    types = [f"{kind} {count:,}" for kind, count in tally.types.most_common(20)]
    click.echo(f"types      {', '.join(types)}{', ...' if len(tally.types) > 20 else ''}")
    for event in tally.samples:
        click.echo(encode_event(event).decode())


def show_rejected(context: Context, tally: Tally) -> None:
    """Show the first rows that were no events, each with its line and reason; count the rest."""
    if not tally.rejected:
        return
    say = _sayer(context)
    for row in tally.rejections:
        say(f"line {row.line:,}: {row.reason}")
    if tally.rejected > len(tally.rejections):
        say(f"... and {tally.rejected - len(tally.rejections):,} more:")
        for kind, count in tally.reasons.most_common(20):
            say(f"{count:,}  {kind}")


def _sayer(context: Context) -> Callable[[str], None]:
    # Reasons quote the file, which may look like rich's markup.
    return lambda line: context.console.print(line, markup=False, soft_wrap=True)


def _send(
    context: Context,
    file: Path,
    mapping: Mapping,
    topic: str | None,
    rate: float | None,
    as_json: bool,
) -> None:
    from kafka.errors import KafkaError

    from streams.recorded import Tally, close_import_producer, open_import_producer, publish

    name = topic or context.settings.topic("clickstream")
    tally = Tally()
    began = time.monotonic()
    # First of all: whoever forgot to start Kafka should not wait for a large file to be read.
    producer = open_import_producer(context.settings, name)
    try:
        with progress_bar(context) as show:
            events = _read(context, file, mapping, tally, show)
            published = publish(
                events,
                producer,
                name,
                rate=rate,
                on_sent=lambda sent: show("sending", sent, None),
            )
    except (KafkaError, KeyboardInterrupt):
        show_rejected(context, tally)
        if tally.events:
            _sayer(context)(
                f"Stopped after about {tally.events:,} events. Repeats are harmless: "
                "run the same command again."
            )
        raise
    except Exception:
        show_rejected(context, tally)
        raise
    finally:
        close_import_producer(producer)
    show_rejected(context, tally)
    seconds = time.monotonic() - began
    if as_json:
        click.echo(
            json.dumps(
                {
                    "file": str(file),
                    "topic": name,
                    "rows": tally.rows,
                    "sent": published.events,
                    "rejected": tally.rejected,
                    "rejected_by_reason": dict(tally.reasons.most_common()),
                    "seconds": round(seconds, 3),
                    "rate": round(published.events / seconds, 1),
                }
            )
        )
    else:
        click.echo(
            f"sent {published.events:,} events to {name}, rejected {tally.rejected:,} rows, "
            f"in {seconds:.1f} s ({published.events / seconds:,.0f} a second)"
        )


Show = Callable[[str, int, int | None], None]


def _read(
    context: Context, file: Path, mapping: Mapping, tally: Tally, show: Show | None = None
) -> Iterator[Event]:
    """Read a file, count what it gives, and pass the events on."""
    from features import Event
    from streams.recorded import read_events

    if show is None:
        with progress_bar(context) as own:
            yield from _read(context, file, mapping, tally, own)
        return
    size = max(1, file.stat().st_size)
    read = 0

    def on_rows(rows: int, position: int) -> None:
        nonlocal read
        read = rows
        show("reading", position, size)

    found: Event | RejectedRow
    for found in read_events(file, mapping, on_rows=on_rows):
        if isinstance(found, Event):
            if not tally.events:
                show("sending", 0, read - tally.rejected)
            tally.add(found)
            yield found
        else:
            tally.add(found)


@contextmanager
def progress_bar(context: Context) -> Iterator[Show]:
    """Show a bar on a terminal, and nothing in a pipe; told what is done, and how much of it."""
    if not context.console.is_terminal:
        yield lambda what, done, total: None
        return
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[speed]}"),
        TimeRemainingColumn(),
        console=context.console,
        transient=True,
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total, speed="")
            task = progress.tasks[tasks[what]]
            speed = f"{task.speed:,.0f}/s" if what != "reading" and task.speed else ""
            progress.update(task.id, completed=done, speed=speed)

        yield show
