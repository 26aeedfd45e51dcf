"""``ebb events``: what arrived, what it became, and why some of it was refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click
import msgspec

from features import Event, InvalidEvent, decode_event
from streams.cli.context import Context

if TYPE_CHECKING:
    from streams.letters import Letter
    from streams.reading import Message

Place: TypeAlias = "tuple[str, int, int]"
#: That many are shown when nobody says how many.
FEW: Final = 20
#: Messages of each partition among which the newest are looked for.
DEPTH: Final = 10_000
#: The header that names the source of what came over HTTP.
SOURCE: Final = "ebb_source"
#: What is shown of an event; of the rest only how much there is.
_SHOWN: Final = (
    *("item_id", "category", "price", "quantity", "amount", "currency", "order_id"),
    *("query", "rating", "text", "campaign", "session_id"),
)
_LONGEST: Final = 60


@dataclass
class Arrived:
    """Something that arrived: an event, or what was refused.

    Parameters
    ----------
    message
        As it lies in its topic.
    event
        What it is; None for what is no event.
    letter
        Its dead letter, if it was refused.
    why
        What is wrong with it, when no letter says so (yet).
    is_letter
        Whether this is the letter itself, and not the message where it arrived.
    """

    message: Message
    event: Event | None
    letter: Letter | None = None
    why: InvalidEvent | None = None
    is_letter: bool = False

    @property
    def source(self) -> str:
        """Whose key it came with; empty if it did not come over HTTP."""
        return self.message.headers.get(SOURCE, b"").decode(errors="replace")

    @property
    def user(self) -> bytes:
        """Whose it is."""
        return self.event.user_id.encode() if self.event else self.message.key or b""

    @property
    def place(self) -> Place:
        """Where it lies; of a letter, where the message lay."""
        letter = self.letter
        if letter is not None:
            return letter.order
        return self.message.topic, self.message.partition, self.message.offset

    @property
    def refused(self) -> tuple[str, str] | None:
        """Why it was refused, and the field; None for what was not."""
        if self.letter is not None:
            return self.letter.why.reason, self.letter.why.field
        return None if self.why is None else (self.why.reason, self.why.field)


@dataclass(frozen=True)
class Wanted:
    """What somebody asked for; None and False ask for all."""

    source: str | None
    user: str | None
    type: str | None
    refused: bool

    def __call__(self, found: Arrived) -> bool:
        """Return whether it was asked for."""
        return (
            (self.source is None or found.source == self.source)
            and (self.user is None or found.user == self.user.encode())
            and (self.type is None or (found.event is not None and found.event.type == self.type))
            and (not self.refused or found.refused is not None)
        )


@click.command(epilog="Example: ebb events --follow --source web")
@click.option("--json", "as_json", is_flag=True, help="A line a message, for a machine.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--source", metavar="NAME", help="Only what came with a key of this source.")
@click.option("--user", metavar="ID", help="Of one customer only.")
@click.option("--type", "kind", metavar="NAME", help="Events of one type only.")
@click.option("--refused", is_flag=True, help="Only what was refused.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=FEW,
    show_default=True,
    metavar="N",
    help="At most the newest N of those that are there.",
)
@click.option("--from-beginning", is_flag=True, help="Look at all that the topics hold.")
@click.pass_obj
def events(
    context: Context,
    as_json: bool,
    follow: bool,
    source: str | None,
    user: str | None,
    kind: str | None,
    refused: bool,
    limit: int,
    from_beginning: bool,
) -> None:
    """Read what arrived: when, from where, whose, what it became, or why it was refused.

    Reading takes nothing away from anybody: no consumer group, no commits.
    """
    from streams.reading import Reading

    show = _show_json if as_json else _show
    settings = context.settings
    wanted = Wanted(source, user, kind, refused)
    letters = settings.topic("dead_letters")
    with Reading(settings, settings.topic("clickstream"), beside=(letters,)) as reading:
        found: list[Arrived] = []
        if limit:
            past = reading.past(None if from_beginning else DEPTH)
            # One more than is shown, to know whether that is all.
            found = newest(_arrived(past, letters), wanted, limit + 1)
            if not found:
                _say_nothing(wanted, from_beginning)
            elif from_beginning and len(found) > limit:
                click.echo(f"The newest {limit}; there are more: --limit N", err=True)
            found = found[-limit:]
        for one in found:
            show(one)
        if follow:
            for one in filter(wanted, _arrived(reading.coming(), letters)):
                show(one)


def _say_nothing(wanted: Wanted, everywhere: bool) -> None:
    where = "" if everywhere else f" among the newest {DEPTH:,} messages of each partition"
    asked = "" if wanted == Wanted(None, None, None, False) else " like that"
    click.echo(f"Nothing{asked} has arrived{where}.", err=True)


def _arrived(messages: Iterable[Message], letters: str) -> Iterator[Arrived]:
    from streams.letters import Letter, letter_or_marker

    for message in messages:
        if message.topic != letters:
            try:
                yield Arrived(message, decode_event(message.value))
            except InvalidEvent as error:
                yield Arrived(message, None, why=error)
        elif isinstance(letter := letter_or_marker(message), Letter):
            try:
                yield Arrived(message, decode_event(message.value), letter, is_letter=True)
            except InvalidEvent:
                yield Arrived(message, None, letter, is_letter=True)


def newest(arrived: Iterable[Arrived], wanted: Wanted, few: int) -> list[Arrived]:
    """Return the last few that were asked for, in the order of their arrival.

    What a worker refused lies in two places, and is one thing: it is told where it arrived, with
    what its letter says.

    Parameters
    ----------
    arrived
        In order within a partition.
    wanted
        Which.
    few
        At most how many.
    """
    reasons: dict[Place, Letter] = {}
    kept: dict[tuple[str, int], deque[Arrived]] = {}
    for found in arrived:
        if found.letter is not None:
            # There may be many, and all that is needed of most is what they say.
            reasons[found.place] = replace(found.letter, key=None, value=None)
        if wanted(found):
            where = found.message.topic, found.message.partition
            kept.setdefault(where, deque(maxlen=few)).append(found)
    everything = [one for partition in kept.values() for one in partition]
    there = {one.place for one in everything if one.letter is None}
    for one in everything:
        if one.letter is None:
            one.letter = reasons.get(one.place)
    once = [one for one in everything if not (one.is_letter and one.place in there)]
    once.sort(key=lambda one: (one.message.timestamp, one.message.offset))
    return once[-few:]


# -- showing ------------------------------------------------------------------------------------


def _show(found: Arrived) -> None:
    from streams.letters import escaped, moment

    source = escaped(found.source) or "-"
    words = [moment(found.message.timestamp), source, click.style(_name(found), bold=True)]
    if found.event is not None:
        words += [escaped(found.event.type), *_says(found.event)]
    click.echo("  ".join(words))
    if (refused := found.refused) is not None:
        reason, field = map(escaped, refused)
        what = click.style("refused", fg="red")
        where = f"  (ebb dlq show {escaped(found.letter.letter_id)})" if found.letter else ""
        click.echo(f"    {what}: {f'{field}: ' if field else ''}{reason}{where}")


def _name(found: Arrived) -> str:
    from streams.letters import escaped

    return escaped(found.user) or "-"


def _says(event: Event) -> Iterator[str]:
    from streams.letters import escaped

    for name in _SHOWN:
        if (value := getattr(event, name)) is not None:
            text = f"{value:.12g}" if isinstance(value, float) else escaped(str(value))
            yield f"{name}={text if len(text) <= _LONGEST else text[:_LONGEST] + '…'}"
    for one, several in (("trait", "traits"), ("property", "properties")):
        if count := len(getattr(event, several)):
            yield f"{count} {one if count == 1 else several}"


def _show_json(found: Arrived) -> None:
    from streams.letters import moment

    message = found.message
    refused = found.refused
    told: dict[str, Any] = {
        "arrived_at": moment(message.timestamp),
        "source": found.source or None,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "event": found.event,
        "refused": None
        if refused is None
        else {
            "reason": refused[0],
            "field": refused[1],
            "letter_id": found.letter.letter_id if found.letter else None,
        },
    }
    if found.event is None:
        told["value"] = _text(message.value)
    click.echo(msgspec.json.encode(told))


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
