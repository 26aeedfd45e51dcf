"""Reads the policy file that the settings name.

With it is read what was learnt of its playbooks, where it lets that steer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, TypeAlias

from features import Definition, build_catalogue
from models.playbooks import Fault, Plan, PolicyWrong, at_response, read_plan, with_learnt
from streams.settings import Settings, SettingsError

#: Returns what is in a file, or raises `OSError`.
Read: TypeAlias = Callable[[Path], bytes]
#: Bytes of a file that are read: more than any that is taken has.
_MOST: Final = 2 * 1024 * 1024


class NoText(ValueError):
    """A policy file is no text; the message says where."""


def read_file(path: Path) -> bytes:
    """Return what is in a file; of one that is far too long, its beginning."""
    with path.open("rb") as file:
        return file.read(_MOST)


def read_policy(path: Path, definition: Definition, read: Read = read_file) -> Plan:
    """Return what a policy file says.

    Parameters
    ----------
    path
        Of the file.
    definition
        Says which features there are.
    read
        Reads the file, and any other that it names: whoever watches learns from it which.

    Raises
    ------
    PolicyWrong
        With everything that is wrong in it.
    NoText
        If it is not UTF-8, or far too long.
    OSError
        If it cannot be read.
    """
    data = read(path)
    if len(data) >= _MOST:
        raise NoText(f"{path}: far longer than a policy file can be; is it one?")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoText(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    # A line ends alike, whichever system the file was written on, and so does the fingerprint.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    features = build_catalogue(definition).names
    return _steered(path, text, read_plan(text, features), features, read)


def _steered(path: Path, text: str, plan: Plan, features: Collection[str], read: Read) -> Plan:
    """Return a plan with what was learnt, from the file that it names, if it names one."""
    if plan.steering is None:
        return plan
    response = path.parent / plan.steering.response
    try:
        data = read(response)
    except OSError as error:
        wrong = (
            f"{response} cannot be read: {error.strerror}; write it with ebb effect"
            " --write-response, beside the policy file"
        )
        raise PolicyWrong([at_response(text, wrong)]) from None
    return with_learnt(plan, text, data, features)


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
        If the file cannot be read, or something in it is wrong.

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
        return read_policy(path, definition)
    except OSError as error:
        raise SettingsError(
            f"{about}: cannot be read: {error.strerror}; correct the path (or EBB_POLICY)"
        ) from None
    except NoText as error:
        raise SettingsError(f"{about}: {error}") from None
    except PolicyWrong as wrong:
        raise SettingsError(told(about, wrong.faults)) from None


def told(about: str, faults: list[Fault] | tuple[Fault, ...]) -> str:
    """Return all that is wrong with a file, a line each."""
    count = len(faults)
    head = f"{about}: {count} thing{'' if count == 1 else 's'} wrong"
    return "\n".join([head, *(f"  {fault}" for fault in faults)])


__all__ = ["NoText", "Read", "plan_of", "read_file", "read_policy", "told"]
