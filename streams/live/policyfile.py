"""What the policy file says by now: it is looked at again and again while a worker runs.

By content, and not by time: a file that is written anew, replaced, or reached by a link that now
leads elsewhere has changed if it says something else, and only then. Nothing is taken that does
not say the same at two looks: a file that is just being written may well be a valid one.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from features import SECOND, Definition, Millis
from models.playbooks import Plan, PolicyWrong
from streams.planning import NoText, Read, read_file, read_policy

#: What a file says must last that long before it counts.
SETTLE: Final[Millis] = SECOND

#: What is known of a file: the hash of what is in it, or why it cannot be read.
_Marks: TypeAlias = dict[Path, bytes | str]


class Unusable(NamedTuple):
    """The file as it lies there cannot be decided by.

    Parameters
    ----------
    wrong
        All that is wrong with it, a line each.
    """

    wrong: tuple[str, ...]


class PolicyWatch:
    """Notices that a policy file, or another file that it names, says something else.

    Parameters
    ----------
    path
        Of the policy file.
    definition
        Says which features there are.
    read
        Reads a file.

    Examples
    --------
    >>> files = {Path("policy.toml"): b"version = 1"}
    >>> watch = PolicyWatch(Path("policy.toml"), Definition(), files.__getitem__)
    >>> watch.look(0), watch.settling
    (None, True)
    >>> watch.look(1_000)
    Unusable(wrong=('line 1, the file: there is no playbook; write [[playbook]]',))
    >>> watch.look(6_000), watch.settling
    (None, False)
    """

    def __init__(self, path: Path, definition: Definition, read: Read = read_file) -> None:
        self._path = path
        self._definition = definition
        self._read = read
        #: The policy file, and those that it named when it was last read.
        self._files: tuple[Path, ...] = (path,)
        self._judged: _Marks = {}
        self._seen: _Marks = {}
        self._since: Millis = 0
        #: Whether it said something else at the last look: worth another look soon.
        self.settling = False

    def look(self, now: Millis) -> Plan | Unusable | None:
        """Look at the files.

        Parameters
        ----------
        now
            The time.

        Returns
        -------
        Plan | Unusable | None
            What they say, if that is not what they said when they were last read; else None.
        """
        found = {path: self._content(path) for path in self._files}
        marks = {path: _mark(content) for path, content in found.items()}
        if marks == self._judged:
            self._seen, self.settling = marks, False
            return None
        if marks != self._seen:
            self._seen, self._since, self.settling = marks, now, True
            return None
        if abs(now - self._since) < SETTLE:  # whichever way the clock jumps
            return None
        self.settling = False
        return self._judge(found)

    def _content(self, path: Path) -> bytes | OSError:
        try:
            return self._read(path)
        except OSError as error:
            return error

    def _judge(self, found: Mapping[Path, bytes | OSError]) -> Plan | Unusable:
        """Return what the files say, all of it as it was found at this look."""
        asked: dict[Path, bytes | OSError] = {}

        def read(path: Path) -> bytes:
            content = asked[path] = found[path] if path in found else self._content(path)
            if isinstance(content, OSError):
                raise content
            return content

        try:
            return read_policy(self._path, self._definition, read)
        except PolicyWrong as wrong:
            return Unusable(tuple(map(str, wrong.faults)))
        except NoText as error:
            return Unusable((str(error),))
        except OSError as error:
            where = error.filename or self._path
            why = error.strerror or type(error).__name__
            return Unusable((f"{where}: cannot be read: {why}; put it back",))
        finally:
            self._files = tuple(asked)
            self._judged = {path: _mark(content) for path, content in asked.items()}
            self._seen = dict(self._judged)


def _mark(content: bytes | OSError) -> bytes | str:
    if isinstance(content, OSError):
        return f"{type(content).__name__} {content.errno}"
    return blake2b(content, digest_size=16).digest()


__all__ = ["SETTLE", "PolicyWatch", "Unusable"]
