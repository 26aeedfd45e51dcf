"""What was learnt of playbooks, as a file: whom each of them brought back, and how sure that is.

A file for people to read, and for ``[steering]`` of a policy file to name: of each playbook and
each group of customers, how many were treated and held out, by how much more of the treated came
back, and between what bounds. It is written from what became of alerts, and holds no customer.

JSON, a group a line, the same bytes for the same numbers. Its fingerprint is of all the rest: a
file that was changed by hand, or cut short, says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from models.playbooks.faults import meant
from models.playbooks.situation import Situation
from models.understanding import NoCut, read_cut

#: Of the form of the file.
LEARNT_VERSION: Final = 1
#: More bytes, or groups, are nothing that was learnt so.
MOST_BYTES: Final = 1024 * 1024
MOST_GROUPS: Final = 5_000
#: By what customers can be told apart, and how it is told of one at a decision point.
GROUPINGS: Final[Mapping[str, Callable[[Situation], str]]] = {
    "segment": lambda situation: situation.segment,
    "stage": lambda situation: situation.stage,
    "cause": lambda situation: situation.cause,
    "band": lambda situation: situation.band,
}
_CURE: Final = "write it anew with ebb effect --write-response"

_Word = Annotated[str, Meta(min_length=1, max_length=100)]
_Count = Annotated[int, Meta(ge=0)]
_Lift = Annotated[float, Meta(ge=-1e6, le=1e6)]
_Money = Annotated[float, Meta(ge=-1e12, le=1e12)]


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a playbook did for some customers.

    Parameters
    ----------
    playbook
        Its name.
    where
        Which customers: a word for each thing of `Learnt.by`.
    treated, held_out
        How many of them are known.
    risk
        Their mean risk.
    lift, error
        By how much more of the treated came back, as a share, and its standard error; None as long
        as one of the two arms has too few.
    low, high
        Between what it lies, however often one looks.
    money, money_error
        By how much more a treated one brought within the horizon, after cost, in money, and its
        standard error; None where the file is of before that was written.
    """

    playbook: _Word
    where: tuple[_Word, ...]
    treated: _Count
    held_out: _Count
    risk: Annotated[float, Meta(gt=0, le=1)]
    lift: _Lift | None = None
    error: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    low: _Lift | None = None
    high: _Lift | None = None
    money: _Money | None = None
    money_error: Annotated[float, Meta(ge=0, le=1e12)] | None = None

    @property
    def known(self) -> bool:
        """Whether there are enough for bounds."""
        return None not in (self.lift, self.error, self.low, self.high)


class Learnt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that was learnt.

    Parameters
    ----------
    version
        Of the form of the file.
    first, last
        When the first and the last of the customers was alerted; empty if there were none.
    horizon_days
        How long they were watched.
    alpha
        The chance that any of the bounds is ever wrong.
    by
        What customers were told apart by: some of `GROUPINGS`, and cuts of the risk or a feature.
    groups
        By playbook and group.
    fingerprint
        Of all the rest.
    """

    version: int
    first: Annotated[str, Meta(max_length=40)]
    last: Annotated[str, Meta(max_length=40)]
    horizon_days: Annotated[float, Meta(gt=0)]
    alpha: Annotated[float, Meta(gt=0, lt=1)]
    by: tuple[_Word, ...]
    groups: tuple[Group, ...]
    fingerprint: str = ""

    def where(self, situation: Situation) -> tuple[str, ...]:
        """Return which group a customer is in.

        Examples
        --------
        >>> learnt = Learnt(version=1, first="", last="", horizon_days=30.0, alpha=0.05,
        ...     by=("segment", "orders:1:5"), groups=())
        >>> learnt.where(Situation("ada", 0, 0.7, "high", segment="loyal", facts={"orders": 7.0}))
        ('loyal', 'orders >= 5')
        """
        return tuple(
            GROUPINGS[name](situation) if name in GROUPINGS else _cut_of(situation, name)
            for name in self.by
        )

    @property
    def features(self) -> tuple[str, ...]:
        """The features that are cut."""
        cut = [read_cut(name).name for name in self.by if name not in GROUPINGS]
        return tuple(name for name in cut if name != "risk")


def _cut_of(situation: Situation, word: str) -> str:
    cut = read_cut(word)
    return cut.of(situation.risk if cut.name == "risk" else situation.facts.get(cut.name))


class LearntWrong(ValueError):
    """A file says nothing that was learnt; the message says where, and what to do."""


def encode_learnt(learnt: Learnt) -> bytes:
    """Return the file, its groups in order and its fingerprint in it.

    Examples
    --------
    >>> group = Group(playbook="gift", where=("loyal",), treated=900, held_out=100, risk=0.7,
    ...     lift=0.08, error=0.05, low=-0.04, high=0.2)
    >>> learnt = Learnt(version=1, first="2026-01-01T00:00:00Z", last="2026-03-01T00:00:00Z",
    ...     horizon_days=30.0, alpha=0.05, by=("segment",), groups=(group,))
    >>> read = decode_learnt(encode_learnt(learnt))
    >>> read.groups == learnt.groups, read.fingerprint
    (True, '7be7f28b8e6f')
    """
    groups = sorted(learnt.groups, key=lambda each: (each.playbook, each.where))
    ordered = msgspec.structs.replace(learnt, groups=tuple(groups), fingerprint="")
    told = msgspec.to_builtins(ordered)
    del told["groups"], told["fingerprint"]
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in told.items())
    rows = ",\n".join(f"  {json.dumps(_as_told(each))}" for each in groups)
    listed = f"[\n{rows}\n ]" if rows else "[]"
    mark = json.dumps(_fingerprint(ordered))
    return f'{{\n{head} "groups": {listed},\n "fingerprint": {mark}\n}}\n'.encode()


def _as_told(group: Group) -> dict[str, Any]:
    """Return a group as plain data; where no money is told, as before there was any."""
    told: dict[str, Any] = msgspec.to_builtins(group)
    if group.money is None and group.money_error is None:
        del told["money"], told["money_error"]
    return told


def decode_learnt(data: bytes) -> Learnt:
    """Return what a file says.

    Raises
    ------
    LearntWrong
        If it is not such a file.

    Examples
    --------
    >>> decode_learnt(b'{"version": 2}')
    Traceback (most recent call last):
    ...
    models.playbooks.learnt.LearntWrong: version 2 is not known to this version of Ebbtide, which \
knows 1; write it anew with ebb effect --write-response
    """
    if len(data) > MOST_BYTES:
        raise LearntWrong(f"longer than {MOST_BYTES:,} bytes, as nothing is that was learnt so")
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version != LEARNT_VERSION:
            raise LearntWrong(
                f"version {version} is not known to this version of Ebbtide, which knows"
                f" {LEARNT_VERSION}; {_CURE}"
            )
        learnt = msgspec.json.decode(data, type=Learnt)
    except (msgspec.DecodeError, RecursionError) as error:
        raise LearntWrong(f"{error}; {_CURE}") from None
    _check(learnt)
    if learnt.fingerprint != _fingerprint(learnt):
        raise LearntWrong(
            "fingerprint: it is not that of what the file says, so somebody changed it or it is"
            f" not whole; {_CURE}"
        )
    return learnt


class _Versioned(msgspec.Struct):
    version: int


def _check(learnt: Learnt) -> None:
    for place, name in enumerate(learnt.by):
        if name not in GROUPINGS:
            _check_cut(place, name)
    if len(learnt.groups) > MOST_GROUPS:
        raise LearntWrong(f"groups: there are more than {MOST_GROUPS:,}; {_CURE}")
    seen = set()
    for place, group in enumerate(learnt.groups):
        if len(group.where) != len(learnt.by):
            raise LearntWrong(
                f"groups[{place}].where: {len(group.where)} words, and by has {len(learnt.by)};"
                f" {_CURE}"
            )
        key = group.playbook, group.where
        if key in seen:
            raise LearntWrong(f"groups[{place}]: the same group as another one; {_CURE}")
        seen.add(key)
        _check_bounds(place, group)


def _check_cut(place: int, name: str) -> None:
    if ":" not in name:
        raise LearntWrong(f"by[{place}]: {name!r} tells nobody apart; {meant(name, GROUPINGS)}")
    try:
        cut = read_cut(name)
    except NoCut as error:
        raise LearntWrong(f"by[{place}]: {error}") from None
    if str(cut) != name:
        raise LearntWrong(f"by[{place}]: {name!r} is written {str(cut)!r}; {_CURE}")


def _check_bounds(place: int, group: Group) -> None:
    numbers = group.low, group.lift, group.high, group.error
    there = [each for each in numbers if each is not None]
    if there and (len(there) < len(numbers) or not there[0] <= there[1] <= there[2]):
        raise LearntWrong(
            f"groups[{place}]: low, lift, high and error go together, low below high; {_CURE}"
        )
    if (group.money is None) is not (group.money_error is None) or (
        group.money is not None and not there
    ):
        raise LearntWrong(
            f"groups[{place}]: money and money_error go together, and with lift; {_CURE}"
        )


def _fingerprint(learnt: Learnt) -> str:
    told: dict[str, Any] = msgspec.to_builtins(learnt)
    del told["fingerprint"]
    told["groups"] = [_as_told(each) for each in learnt.groups]
    said = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return blake2b(said.encode(), digest_size=6).hexdigest()


__all__ = [
    "GROUPINGS",
    "LEARNT_VERSION",
    "MOST_BYTES",
    "MOST_GROUPS",
    "Group",
    "Learnt",
    "LearntWrong",
    "decode_learnt",
    "encode_learnt",
]
