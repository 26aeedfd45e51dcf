"""A policy file that is named at a command, read, or told what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streams.cli.context import Context
from streams.cli.errors import Problem, Usage

if TYPE_CHECKING:
    from models.playbooks import Plan, PolicyWrong


def plan_of(context: Context, file: Path) -> Plan:
    """Read a policy file by the settings' features; what is wrong in it ends the command.

    Raises
    ------
    Problem
        If something is wrong in it, or it is no text.
    Usage
        If there is no such file.
    """
    from models.playbooks import PolicyWrong

    try:
        return read_policy(context, file)
    except PolicyWrong as wrong:
        raise faulty(file, wrong) from None


def faulty(file: Path, wrong: PolicyWrong) -> Problem:
    """Return all that is wrong with a file, as it is shown."""
    from streams.planning import told

    return Problem(told(str(file), wrong.faults))


def read_policy(context: Context, file: Path) -> Plan:
    """Read a policy file by the settings' features.

    Raises
    ------
    PolicyWrong
        If something is wrong in it.
    Problem
        If it is no text.
    Usage
        If there is no such file.
    """
    from streams import planning
    from streams.composition import definition_of

    try:
        return planning.read_policy(file, definition_of(context.settings))
    except planning.NoText as error:
        raise Problem(str(error)) from None
    except OSError as error:
        raise Usage(f"{file}: cannot be read: {error.strerror}") from None


__all__ = ["faulty", "plan_of", "read_policy"]
