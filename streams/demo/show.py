"""What the demo shows: the picture while it runs, and the account it gives at the end.

Renderables only. Whoever runs the demo fills the small dataclasses and owns the console.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from features import DAY, Millis, to_datetime
from streams.demo.picture import (
    Account,
    AlertLine,
    BandLine,
    DoorLine,
    KindLine,
    Picture,
    Progress,
    Quality,
)

__all__ = [
    "LATEST_ALERTS",
    "Account",
    "AlertLine",
    "BandLine",
    "DoorLine",
    "KindLine",
    "Picture",
    "Progress",
    "Quality",
    "live_table",
    "summary",
]

#: Alerts in the live picture; the place is kept while there are fewer, so that nothing jumps.
LATEST_ALERTS: Final = 5
#: From these risks on, a number is coloured.
_HIGH, _MIDDLE = 0.7, 0.4
_ARMS: Final = {"holdout": "held out"}
_INDENT: Final = (0, 0, 0, 2)
_BAR: Final = 16


def live_table(progress: Progress, picture: Picture, quality: Quality) -> RenderableType:
    """Draw the running demo; always the same height, so that it can be redrawn in place.

    Parameters
    ----------
    progress
        How far the stream has come.
    picture
        What was made of it.
    quality
        Prequential quality so far.
    """
    head = Table.grid(padding=(0, 1), expand=True)
    head.add_column(no_wrap=True)
    head.add_column(ratio=1)
    head.add_column(no_wrap=True, justify="right")
    head.add_row(
        Text.assemble(("Ebbtide", "bold cyan"), "  ", _moment(progress.reached)),
        ProgressBar(total=1.0, completed=progress.share),
        f"{progress.share:4.0%}  {progress.elapsed:3.0f} s",
    )
    newest = [_alert_row(alert) for alert in picture.latest[:LATEST_ALERTS]]
    alerts = _table("risk", "customer", "why", "arm")
    alerts.columns[2].no_wrap = True
    for row in newest + [[Text("")] * 4] * (LATEST_ALERTS - len(newest)):
        alerts.add_row(*row)
    return Group(
        head,
        Text(),
        Padding(_totals(progress, picture, quality), _INDENT),
        _heading("Latest alerts"),
        Padding(alerts, _INDENT),
    )


def summary(account: Account) -> RenderableType:
    """Draw what the demo did, how good it was, and what to try next.

    Parameters
    ----------
    account
        Everything that is told.
    """
    progress = account.progress
    days = round((progress.end - progress.start) / DAY)
    headline = Text.assemble(
        ("Ebbtide", "bold cyan"),
        f" watched {account.picture.customers:,} shoppers for {days} days"
        f" in {progress.elapsed:.0f} seconds (seed {account.seed}).",
    )
    parts: list[RenderableType] = [
        headline,
        Text(),
        Padding(_totals(progress, account.picture, account.learning), _INDENT),
    ]
    if account.alerts:
        parts += [_heading("Some alerts, and what became of them"), _told(account.alerts)]
    if account.kinds:
        parts += [_heading("By kind of shopper, hidden from the model"), _kinds(account.kinds)]
    parts += [_heading("Against the hidden truth"), _against_truth(account)]
    if account.door is not None:
        parts += [_heading("Through the front door"), _door(account.door)]
    if account.commands:
        parts += [_heading("Try next"), _commands(account.commands)]
    return Group(*parts, Text())


def _totals(progress: Progress, picture: Picture, quality: Quality) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    mark = "none yet" if picture.watermark is None else _moment(picture.watermark)
    learnt = picture.model not in ("", "prior")
    model = picture.model if learnt else "the prior, nothing learnt yet"
    for name, value in (
        ("events", f"{progress.sent:,} sent, {progress.applied:,} applied, {progress.rate:,.0f}/s"),
        (
            "of these",
            f"{picture.late:,} late, {picture.duplicates:,} duplicates,"
            f" {picture.refused:,} refused to the dead letters",
        ),
        ("customers", f"{picture.customers:,}; watermark {mark}"),
        (
            "decisions",
            f"{picture.decisions:,}; alerts {picture.alerts:,}"
            f", {picture.held_out:,} of them held out",
        ),
        ("learning", f"{picture.learnt:,} examples learnt, {picture.waiting:,} labels awaited"),
        ("model", Text(f"{model}; {_quality(quality)}")),
    ):
        grid.add_row(name, value)
    return grid


def _quality(quality: Quality) -> str:
    known = []
    if quality.auc is not None:
        known.append(f"AUC {quality.auc:.3f}")
    if quality.log_loss is not None:
        known.append(f"log loss {quality.log_loss:.3f}")
    return ", ".join(known) or "no label known yet"


def _told(alerts: Iterable[AlertLine]) -> RenderableType:
    table = _table("risk", "customer", "why", "arm", "in truth")
    for alert in alerts:
        back = "" if alert.came_back is None else "came back" if alert.came_back else "gone"
        truth = "\n".join(part for part in (alert.kind, back) if part)
        table.add_row(*_alert_row(alert, most=2), Text(truth))
    return Padding(table, _INDENT)


def _alert_row(alert: AlertLine, most: int = 1) -> list[Text]:
    return [
        _risk(alert.risk),
        Text(alert.customer),
        Text("\n".join(alert.reasons[:most]) or "no reason given"),
        Text(_ARMS.get(alert.arm, alert.arm)),
    ]


def _kinds(kinds: Iterable[KindLine]) -> RenderableType:
    table = _table("kind", "customers", "alerted", "mean risk", "truly gone", "")
    for line in kinds:
        table.add_row(
            line.kind,
            f"{line.customers:,}",
            f"{line.alerted:,} ({line.alerted / max(line.customers, 1):.0%})",
            _risk(line.risk),
            f"{line.churned:.2f}",
            _bar(line.churned),
        )
    return Padding(table, _INDENT)


def _against_truth(account: Account) -> RenderableType:
    truth = account.truth
    line = Text(f"{_quality(truth)}, over {truth.examples:,} customers judged at the end")
    if not account.bands:
        return Padding(line, _INDENT)
    table = _table("risk band", "customers", "predicted", "truly gone", "")
    for band in account.bands:
        empty = not band.customers
        table.add_row(
            f"{band.low:.1f} to {band.high:.1f}",
            f"{band.customers:,}",
            "-" if empty else f"{band.predicted:.2f}",
            "-" if empty else f"{band.churned:.2f}",
            "" if empty else _bar(band.churned),
        )
    return Padding(Group(line, Text(), table), _INDENT)


def _door(door: DoorLine) -> RenderableType:
    told = ", ".join(f"{name} {value:g}" for name, value in door.features.items())
    line = (
        f"a visit of {door.events} events over HTTP, taken after {_seconds(door.taken)} and known"
        f" after {_seconds(door.known)}: {told}"
    )
    return Padding(Text(line), _INDENT)


def _commands(commands: Iterable[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(style="dim")
    for command, meaning in commands:
        grid.add_row(Text(command), Text(meaning))
    return Padding(grid, _INDENT)


_RIGHT: Final = {"risk", "customers", "alerted", "mean risk", "predicted", "truly gone"}


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in names:
        words = name in ("why", "in truth")
        table.add_column(
            name,
            justify="right" if name in _RIGHT else "left",
            no_wrap=not words,
            overflow="ellipsis",
            ratio=3 if name == "why" else None,
        )
    return table


def _heading(text: str) -> RenderableType:
    return Padding(Text(text, style="bold"), (1, 0, 0, 0))


def _risk(risk: float) -> Text:
    colour = "red" if risk >= _HIGH else "yellow" if risk >= _MIDDLE else "green"
    return Text(f"{risk:.2f}", style=colour)


def _bar(share: float) -> ProgressBar:
    return ProgressBar(total=1.0, completed=share, width=_BAR)


def _seconds(seconds: float) -> str:
    return f"{seconds * 1_000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _moment(at: Millis) -> str:
    return f"{to_datetime(at):%Y-%m-%d %H:%M}"
