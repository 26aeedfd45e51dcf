"""``ebb dlq``: what could not be used, why, and how to send it again after a fix."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from features import Millis, from_datetime, parse_duration
from streams.cli.context import Context
from streams.cli.errors import Problem, Usage
from streams.cli.watching.letters import show_counts, show_letter, show_letters, show_report

if TYPE_CHECKING:
    from streams.letters import Letter, Redrive, Redriven, Survey
    from streams.reading import Message

    Wanted = Callable[[Letter], bool]
    Show = Callable[[str, int, int | None], None]

#: That many are shown when nobody says how many.
FEW: Final = 20
#: More would not be read by anybody, and `--json` keeps them in memory.
_MOST: Final = 100_000
_PROGRESS_EVERY: Final = 500


@click.group()
def dlq() -> None:
    """List the dead letters, show one, or send them again after a fix."""


@dlq.command(
    "list",
    short_help="List the newest dead letters, and count all by reason.",
    epilog="Example: ebb dlq list --since 1d --reason price",
)
@click.option("--reason", metavar="TEXT", help="Only with this in the reason or the field.")
@click.option("--topic", metavar="NAME", help="Only of messages that lay in this topic.")
@click.option(
    "--last",
    type=click.IntRange(1, _MOST),
    default=FEW,
    show_default=True,
    metavar="N",
    help="At most the newest N.",
)
@click.option("--since", metavar="DURATION|TIME", help="Only of the last 6h, or since that time.")
@click.option("--json", "as_json", is_flag=True, help="A line a letter, for a machine.")
@click.pass_obj
def list_letters(
    context: Context,
    reason: str | None,
    topic: str | None,
    last: int,
    since: str | None,
    as_json: bool,
) -> None:
    """List the newest dead letters, newest last, and count all of them by reason.

    Reading takes nothing away from anybody: no consumer group, no commits.
    """
    from streams.letters import as_dict

    prefix = context.settings.topics.prefix
    after = None if since is None else _since(since)

    def wanted(letter: Letter) -> bool:
        return (
            (reason is None or _says(letter, reason))
            and (topic is None or letter.why.topic in (topic, prefix + topic))
            and (after is None or letter.at >= after)
        )

    found = _survey(context, wanted, keep=last)
    if as_json:
        for letter in found.letters:
            click.echo(json.dumps(as_dict(letter, found.state(letter))))
    else:
        show_letters(found)
    show_counts(context, found, as_json)


@dlq.command(
    short_help="Show one dead letter, and whether it would be accepted now.",
    epilog="Example: ebb dlq show clickstream-3-17 --raw > message.json",
)
@click.argument("letter_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.option("--raw", is_flag=True, help="Write the message's value as it was, and nothing else.")
@click.pass_obj
def show(context: Context, letter_id: str, as_json: bool, raw: bool) -> None:
    """Show everything about one dead letter, and whether it would be accepted now.

    ID is topic, partition and offset of the message, as ebb dlq list shows it.
    """
    from streams.letters import Acceptance, as_dict

    if as_json and raw:
        raise Usage("--json and --raw exclude each other")
    found = _survey(context, lambda letter: letter.letter_id == letter_id, keep=1)
    if not found.letters:
        raise Problem(_unknown(letter_id))
    [letter] = found.letters
    if raw:
        sys.stdout.buffer.write(letter.value or b"")
        sys.stdout.buffer.flush()
        return
    refusal = Acceptance(context.settings, _now()).refusal(letter)
    if as_json:
        now = None if refusal is None else {"reason": refusal.reason, "field": refusal.field}
        known = as_dict(letter, found.state(letter))
        click.echo(json.dumps({**known, "accepted_now": refusal is None, "refusal": now}))
    else:
        show_letter(letter, found.state(letter), refusal)


@dlq.command(
    short_help="Send dead letters again, each once.",
    epilog="Example: ebb dlq redrive --reason 'after its arrival' --dry-run",
)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that wait.")
@click.option("--reason", metavar="TEXT", help="All with this in the reason or the field.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--force", is_flag=True, help="Send also what would be refused again.")
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@click.pass_obj
def redrive(
    context: Context,
    ids: tuple[str, ...],
    everything: bool,
    reason: str | None,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Send dead letters again to the topic where they lay, byte for byte, each once.

    A letter that was sent again is left alone by the next redrive. One that would be refused
    again is left alone with its reason; the exit code is 1 then.
    """
    from streams.letters import Acceptance, Redrive, Redriven, open_redrive_producer
    from streams.recorded import close_import_producer

    if sum((bool(ids), everything, reason is not None)) != 1:
        raise Usage("say which: ids, or --all, or --reason TEXT")
    chosen = frozenset(ids)

    def wanted(letter: Letter) -> bool:
        if chosen:
            return letter.letter_id in chosen
        return reason is None or _says(letter, reason)

    settings = context.settings
    known = _survey(context, wanted)
    unknown = chosen - {identity.rpartition("@")[0] for identity in known.found}
    if unknown:
        raise Problem(f"{_unknown(', '.join(sorted(unknown)))}; nothing was sent")
    acceptance = Acceptance(settings, _now())
    letters = settings.topic("dead_letters")
    needed = {acceptance.destination(topic) for topic in known.topics} | {letters}
    if not known.waiting:
        done = Redriven(already=len(known.found))
    elif dry_run:
        done = _run(context, Redrive(acceptance, None, letters, force=force), known, wanted)
    else:
        producer = open_redrive_producer(settings, sorted(filter(None, needed)))
        try:
            work = Redrive(acceptance, producer, letters, force=force)
            done = _run(context, work, known, wanted)
        finally:
            close_import_producer(producer)
    show_report(context, done, dry_run, as_json)
    if done.left:
        raise click.exceptions.Exit(1)


# -- reading ------------------------------------------------------------------------------------


def _messages(context: Context, step: Show) -> Iterator[Message]:
    from streams.reading import Reading

    settings = context.settings
    with Reading(settings, settings.topic("dead_letters"), in_bulk=True) as reading:
        for number, message in enumerate(reading.past(), start=1):
            if number % _PROGRESS_EVERY == 0:
                step("reading", number, None)
            yield message


def _survey(context: Context, wanted: Wanted, keep: int = 0) -> Survey:
    from streams.letters import TooManyLetters, survey

    try:
        with _progress(context) as step:
            return survey(_messages(context, step), wanted, keep=keep)
    except TooManyLetters as error:
        raise Problem(f"{error}: ask for fewer, with --reason TEXT or --since 1d") from None


def _run(context: Context, work: Redrive, known: Survey, wanted: Wanted) -> Redriven:
    from kafka.errors import KafkaError

    waiting = known.waiting
    try:
        with _progress(context) as step:
            return work.run(
                _messages(context, lambda *_: None),
                known,
                wanted,
                lambda sent: step("sending", sent, waiting),
            )
    except (KafkaError, KeyboardInterrupt):
        context.console.print(
            f"Stopped after {work.report.sent:,} letters. Run the same command again: what was "
            "sent is not sent again, or if it is, events are applied once."
        )
        raise


@contextmanager
def _progress(context: Context) -> Iterator[Show]:
    """Show how far we are on a terminal, and nothing in a pipe."""
    if not context.console.is_terminal:
        yield lambda what, done, total: None
        return
    with context.console.status("") as status:

        def step(what: str, done: int, total: int | None) -> None:
            status.update(f"{what} {done:,}{'' if total is None else f' of {total:,}'}")

        yield step


# -- what people type ---------------------------------------------------------------------------


def _says(letter: Letter, text: str) -> bool:
    return text.casefold() in f"{letter.why.field}: {letter.why.reason}".casefold()


def _unknown(letter_id: str) -> str:
    from streams.letters import escaped

    return f"there is no dead letter {escaped(letter_id)}; ebb dlq list shows those there are"


def _since(text: str) -> Millis:
    try:
        return _now() - parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(
            f"--since {text}: write a duration or a time, as 6h, 2026-12-24 or 2026-12-24T18:00Z"
        ) from None
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _now() -> Millis:
    return time.time_ns() // 1_000_000
