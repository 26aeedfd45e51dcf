"""Reads the policy file that the settings name, and refuses what the workers cannot hold to."""

from __future__ import annotations

from pathlib import Path

from features import Definition, build_catalogue
from models.playbooks import Fault, Plan, PolicyWrong, read_plan, unheld
from streams.settings import Settings, SettingsError


class NoText(ValueError):
    """A policy file is no text; the message says where."""


def read_policy(path: Path, definition: Definition) -> tuple[Plan, list[Fault]]:
    """Return what a policy file says, and what of it the workers cannot hold to.

    Parameters
    ----------
    path
        Of the file.
    definition
        Says which features there are.

    Raises
    ------
    PolicyWrong
        With everything that is wrong in it.
    NoText
        If it is not UTF-8.
    OSError
        If it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NoText(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    plan = read_plan(text, build_catalogue(definition).names)
    return plan, unheld(plan, text)


def plan_of(settings: Settings, definition: Definition) -> Plan | None:
    """Return what to do about whom; None if the settings name no policy file.

    Parameters
    ----------
    settings
        All of them.
    definition
        Says which features there are.

    Raises
    ------
    SettingsError
        If the file cannot be read, something in it is wrong, or cannot be held to.

    Examples
    --------
    >>> plan_of(Settings(), Definition()) is None
    True
    """
    path = settings.policy.file
    if path is None:
        return None
    about = f"policy.file = {str(path)!r}"
    try:
        plan, refused = read_policy(path, definition)
    except OSError as error:
        raise SettingsError(
            f"{about}: cannot be read: {error.strerror}; correct the path (or EBB_POLICY)"
        ) from None
    except NoText as error:
        raise SettingsError(f"{about}: {error}") from None
    except PolicyWrong as wrong:
        raise SettingsError(told(about, wrong.faults)) from None
    if refused:
        raise SettingsError(told(about, refused))
    return plan


def told(about: str, faults: list[Fault] | tuple[Fault, ...]) -> str:
    """Return all that is wrong with a file, a line each."""
    count = len(faults)
    head = f"{about}: {count} thing{'' if count == 1 else 's'} wrong"
    return "\n".join([head, *(f"  {fault}" for fault in faults)])


__all__ = ["NoText", "plan_of", "read_policy", "told"]
