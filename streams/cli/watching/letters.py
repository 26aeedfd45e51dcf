"""How dead letters, and what a redrive did with them, are told to people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

from streams.cli.context import Context

if TYPE_CHECKING:
    from streams.letters import Letter, Redriven, Refusal, State, Survey

_KINDS_SHOWN: Final = 10
_COLOURS: Final = {"waiting": "yellow", "redriven": "green", "refused again": "red"}


def show_letters(found: Survey) -> None:
    """Print a table on a terminal; in a pipe a line a letter, its columns cut by tabs."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from streams.letters import escaped, moment

    console = Console(highlight=False)
    names = ("id", "refused at", "reason", "field", "bytes", "state")
    rows = [
        (
            escaped(letter.letter_id),
            moment(letter.at)[:19],
            escaped(letter.why.reason),
            escaped(letter.why.field),
            str(letter.size),
            found.state(letter),
        )
        for letter in found.letters
    ]
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(row))
        return
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(
            name,
            justify="right" if name == "bytes" else "left",
            overflow="fold",
            no_wrap=name in ("refused at", "bytes", "state"),
        )
    for *cells, state in rows:
        table.add_row(*map(Text, cells), Text(state, style=_COLOURS[state]))
    console.print(table)


def show_counts(context: Context, found: Survey, as_json: bool) -> None:
    """Say what was left out, and to people how many letters there are by reason."""
    from streams.letters import escaped

    def say(line: str) -> None:
        context.console.print(line, markup=False, soft_wrap=True)

    total = len(found.found)
    if found.strange:
        say(f"{found.strange:,} messages in the topic are no dead letters, and were left out.")
    if found.left_out:
        say(f"{found.left_out:,} older ones left out; --last N shows more.")
    if as_json:
        return
    if not total:
        say("No dead letters.")
        return
    say(f"{total:,} dead letters, {found.waiting:,} of them waiting, by reason:")
    for kind, count in found.reasons.most_common(_KINDS_SHOWN):
        say(f"  {count:>9,}  {escaped(kind)}")
    others = total - sum(count for _, count in found.reasons.most_common(_KINDS_SHOWN))
    if others:
        say(f"  {others:>9,}  others")


def show_letter(letter: Letter, state: State, refusal: Refusal | None) -> None:
    """Print everything about one letter, and why it would be refused now, if it would be."""
    from streams.letters import escaped, moment, readable

    why = letter.why
    lines = [
        ("reason", why.reason),
        ("field", why.field or "-"),
        ("lay in", f"{why.topic}, partition {why.partition}, offset {why.offset}"),
        ("arrived", moment(why.timestamp)),
        ("refused", f"{moment(letter.at)}, now in {letter.place}"),
    ]
    if why.redriven:
        lines.append(("sent again", f"was {why.redriven} before"))
    if refusal is None:
        lines.append(("now", "would be accepted"))
    else:
        field = f"{refusal.field}: " if refusal.field else ""
        lines.append(("now", f"would be refused: {field}{refusal.reason}"))
    key = "none" if letter.key is None else escaped(letter.key)
    size = "none" if letter.value is None else f"{len(letter.value):,} bytes"
    lines += [("key", key), ("value", size)]
    click.echo(f"{escaped(letter.letter_id)}  {click.style(state, fg=_COLOURS[state])}")
    for name, text in lines:
        click.echo(f"  {name:<11}{escaped(text)}")
    if letter.value:
        click.echo("\n".join(f"    {line}" for line in readable(letter.value).splitlines()))


def show_report(context: Context, done: Redriven, dry_run: bool, as_json: bool) -> None:
    """Tell what was sent, and which letters were left with which reason."""
    from streams.letters import escaped

    for letter_id, (reason, field, _) in done.told:
        where = f"{escaped(field)}: " if field else ""
        line = f"{escaped(letter_id)} left: {where}{escaped(reason)}"
        context.console.print(line, markup=False, soft_wrap=True)
    if done.left > len(done.told):
        context.console.print(f"… and {done.left - len(done.told):,} more")
    if as_json:
        report = {
            "dry_run": dry_run,
            "sent": 0 if dry_run else done.sent,
            "would_send": done.sent if dry_run else 0,
            "already_redriven": done.already,
            "left": done.left,
            "left_by_reason": dict(done.refused.most_common()),
        }
        click.echo(json.dumps(report))
        return
    verb = "would send" if dry_run else "sent"
    click.echo(
        f"{verb} {done.sent:,} again, {done.already:,} already redriven, "
        f"left {done.left:,} that would be refused again"
    )
