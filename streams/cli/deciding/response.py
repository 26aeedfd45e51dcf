"""Writes what ``ebb effect`` has measured as the file by which a policy file can be steered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from models.effect import Rules
    from streams.effect import Joined


def check(dimensions: Sequence[str]) -> None:
    """Refuse, before anything is read, what nothing can be learnt by."""
    from streams.effect import NotLearnable, check_dimensions

    try:
        check_dimensions(dimensions)
    except NotLearnable as error:
        raise Usage(f"--write-response: {error}") from None


def write(path: Path, joined: Joined, rules: Rules, dimensions: Sequence[str]) -> None:
    """Write what was learnt, and say how much that is.

    Parameters
    ----------
    path
        Where to.
    joined, rules, dimensions
        What was measured, how, and by what customers were told apart.
    """
    from streams.effect import learnt_of, write_learnt

    learnt = learnt_of(joined, rules, dimensions)
    try:
        write_learnt(path, learnt)
    except OSError as error:
        raise Problem(f"{path}: cannot be written: {error.strerror or error}") from None
    playbooks = len({group.playbook for group in learnt.groups})
    bounded = sum(group.known for group in learnt.groups)
    click.echo(
        f"Wrote {path}: groups {len(learnt.groups):,}, with bounds {bounded:,}, playbooks "
        f"{playbooks:,}. It steers a policy file that names it: [steering] response.",
        err=True,
    )


__all__ = ["check", "write"]
