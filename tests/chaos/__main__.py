"""``python -m tests.chaos``: break everything, and print what came of it."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from tests.chaos.faults import KINDS, Kind
from tests.chaos.running import Result, broken_off, perform
from tests.chaos.stage import Broker
from tests.chaos.table import as_json, as_markdown, as_table

#: Lines of each log that are shown when something is wrong.
_LAST: Final = 3


def chosen(only: str, *, pending: bool) -> list[str]:
    """Return the names of the kinds to run."""
    names = [name for name in only.split(",") if name]
    unknown = sorted(set(names) - KINDS.keys())
    if unknown:
        raise click.UsageError(f"unknown: {', '.join(unknown)}; known are {', '.join(KINDS)}")
    return names or [name for name, kind in KINDS.items() if pending or not kind.pending]


def programmes(names: list[str], rounds: int, *, medley: bool) -> dict[str, list[Kind]]:
    """Return the runs: one for each kind, or one for all that get along."""
    each = {name: [KINDS[name]] * min(rounds, KINDS[name].most) for name in names}
    if not medley:
        return each
    together = [KINDS[name] for name in names if KINDS[name].brief and not KINDS[name].alone]
    alone = {name: programme for name, programme in each.items() if KINDS[name].alone}
    return {**({"medley": together} if together else {}), **alone}


@click.command()
@click.option("--rounds", default=20, show_default=True, help="Faults of each kind.")
@click.option("--events", default=60_000, show_default=True, help="Events of each kind.")
@click.option("--seed", default=1, show_default=True)
@click.option("--only", default="", metavar="KIND,...", help=f"Of {', '.join(KINDS)}.")
@click.option("--medley", is_flag=True, help="One fault of each kind, all in one run.")
@click.option("--pending", is_flag=True, help="Also what is known not to work yet.")
@click.option("--webhooks", is_flag=True, help="Also send alerts to endpoints, whatever is broken.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the table here.")
@click.option("--json", "as_data", type=click.Path(path_type=Path), help="Write all of it here.")
def main(
    rounds: int,
    events: int,
    seed: int,
    only: str,
    medley: bool,
    pending: bool,
    webhooks: bool,
    markdown: Path | None,
    as_data: Path | None,
) -> None:
    """Break workers, servers and the ways between them while events flow; count what is wrong.

    Ends with 1 if anything is, or if a worker with a mistake built in was not found out.
    """
    console = Console(width=None if sys.stdout.isatty() else 220)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    results: list[Result] = []
    began = time.monotonic()
    broker = Broker(folder)
    try:
        for name, programme in programmes(
            chosen(only, pending=pending), rounds, medley=medley
        ).items():
            # Fewer rounds, fewer events: a round is a round.
            share = 1.0 if medley else len(programme) / rounds
            try:
                result = perform(
                    name,
                    programme,
                    broker,
                    folder / name,
                    seed=seed,
                    events=round(events * share),
                    notified=webhooks,
                    say=lambda line: console.print(line, highlight=False),
                )
            except Exception as error:  # whatever it was, the other kinds are to be seen
                console.print_exception()
                result = broken_off(name, programme, error, folder / name)
                broker.revive()
            results.append(result)
            _explain(console, result)
            if as_data is not None:
                as_data.write_text(as_json(results), encoding="utf-8")
            if markdown is not None:
                markdown.write_text(as_markdown(results), encoding="utf-8")
    finally:
        broker.close()
    console.print(as_table(results))
    console.print(f"{time.monotonic() - began:.0f} s in all, seed {seed}")
    if all(result.right for result in results):
        shutil.rmtree(folder)
        return
    console.print(f"the logs are in {folder}")
    sys.exit(1)


def _explain(console: Console, result: Result) -> None:
    """Say what is wrong, and where to look."""
    if result.mutant is not None:
        words = "was found out" if result.right else "WAS NOT FOUND OUT: the harness is blind"
        console.print(f"the mutant {result.mutant} {words}", highlight=False)
        return
    if result.right:
        return
    for line in [*result.incidents, *result.differences.notes]:
        console.print(f"  {result.name}: {line}", highlight=False, style="red", markup=False)
    for log in sorted(Path(result.folder).glob("*.log")):
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST:]
        for line in last:
            console.print(f"    {log.stem}: {line[:180]}", highlight=False, markup=False)
    console.print(f"  {result.name}: the logs are in {result.folder}", highlight=False)


if __name__ == "__main__":
    main()
