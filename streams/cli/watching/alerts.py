"""``ebb alerts``: what was published on ``interventions``, for people and for scripts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

import click
import msgspec

from features import from_datetime, to_iso
from models.deciding import Alert
from streams.cli.context import Context

if TYPE_CHECKING:
    from streams.reading import Message

Found: TypeAlias = "tuple[Message, Alert]"
#: That many are shown when nobody says how many.
FEW: Final = 20
_ATTRIBUTES: Final = ("specversion", "type", "source", "id", "time", "subject")
_COLOURS: Final = {"high": "red", "medium": "yellow", "low": "green"}
_decoder = msgspec.json.Decoder(Alert)


@click.command(epilog="Example: ebb alerts --json --from-beginning | jq .data.risk")
@click.option("--json", "as_json", is_flag=True, help="A line an alert, as a CloudEvent.")
@click.option("--follow", is_flag=True, help="Go on with those that come, until Ctrl-C.")
@click.option("--from-beginning", is_flag=True, help="All that the topic holds, oldest first.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="At most N of those that are there: the newest, or with --from-beginning the oldest."
    f"  [default: {FEW}, or all]",
)
@click.option("--user", metavar="ID", help="Of one customer only.")
@click.pass_obj
def alerts(
    context: Context,
    as_json: bool,
    follow: bool,
    from_beginning: bool,
    limit: int | None,
    user: str | None,
) -> None:
    """Read the alerts that were published: when, who, how sure, why, and what to do.

    Reading takes nothing away from anybody: no consumer group, no commits.
    """
    from streams.reading import Reading

    show = _show_json if as_json else _show
    settings = context.settings
    with Reading(settings, settings.topic("interventions")) as reading:
        if from_beginning:
            found: Iterable[Found] = islice(_alerts(reading.past(), user), limit)
        else:
            few = FEW if limit is None else limit
            # The newest of all are among the newest of each partition; those of one customer
            # may lie anywhere.
            past = reading.past(None if user else few)
            found = _newest(_alerts(past, user), few)
        seen = False
        for message, alert in found:
            show(message, alert)
            seen = True
        if not seen and limit != 0:
            click.echo(f"No alerts{f' of {user}' if user else ''} yet.", err=True)
        if follow:
            for message, alert in _alerts(reading.coming(), user):
                show(message, alert)


def _alerts(messages: Iterable[Message], user: str | None) -> Iterator[Found]:
    for message in messages:
        if user is not None and message.key != user.encode():
            continue
        try:
            yield message, _decoder.decode(message.value or b"")
        except msgspec.DecodeError as error:
            click.echo(f"Skipped {message.place}, not an alert: {error}", err=True)


def _newest(found: Iterable[Found], few: int) -> Iterable[Found]:
    """Return the last ``few``, in the order in which they were published."""
    by_partition: dict[int, deque[Found]] = {}
    for message, alert in found:
        by_partition.setdefault(message.partition, deque(maxlen=few)).append((message, alert))
    everything = [pair for kept in by_partition.values() for pair in kept]
    # Of those that arrived within one millisecond, the one decided first comes first.
    everything.sort(key=lambda pair: (pair[0].timestamp, pair[1].decided_at, pair[0].offset))
    return everything[-few:] if few else []


def _show(_: Message, alert: Alert) -> None:
    what: str = "nothing: held out" if alert.arm == "holdout" else alert.action
    if alert.playbook is not msgspec.UNSET:
        what += f" by {_printable(alert.playbook)}"
    if alert.not_before is not msgspec.UNSET:
        what += f", not before {to_iso(from_datetime(alert.not_before))[:16]}Z"
    click.echo(
        f"{to_iso(from_datetime(alert.decided_at))}  "
        f"{click.style(_printable(alert.user_id), bold=True)}  "
        f"risk {alert.risk:.2f} {click.style(alert.band, fg=_COLOURS[alert.band])}  "
        f"{what}  ({alert.cause.replace('_', ' ')}, silent {alert.silence_days:.3g} days)"
    )
    for reason in alert.reasons:
        click.echo(f"    {_printable(reason.text)}")


def _printable(text: str) -> str:
    """Return text that came from outside without what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _show_json(message: Message, _: Alert) -> None:
    event: dict[str, str | msgspec.Raw] = {}
    for name in _ATTRIBUTES:
        value = message.headers.get(f"ce_{name}")
        if value is not None:
            event[name] = value.decode(errors="replace")
    content = message.headers.get("content-type", b"application/json")
    event["datacontenttype"] = content.decode(errors="replace")
    event["data"] = msgspec.Raw(message.value or b"null")
    click.echo(msgspec.json.encode(event))
