"""What was measured of playbooks, as the file by which a policy file can be steered."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from features import DAY, to_iso
from models.effect import NO_PLAYBOOK, Line, Rules
from models.playbooks import GROUPINGS, LEARNT_VERSION, Group, Learnt, encode_learnt
from streams.effect.joining import Joined

#: What must be among the dimensions: whom a playbook moves is learnt of each by itself.
_PLAYBOOK: Final = "playbook"


class NotLearnable(ValueError):
    """What was measured is nothing that a policy file can be steered by; says why."""


def check_dimensions(dimensions: Sequence[str]) -> None:
    """Refuse dimensions by which nothing can be learnt.

    Parameters
    ----------
    dimensions
        By what effects are told apart.

    Raises
    ------
    NotLearnable
        If the playbook is not among them, or something that a policy file cannot tell of a
        customer at a decision point.

    Examples
    --------
    >>> check_dimensions(["playbook", "segment"])
    >>> check_dimensions(["playbook", "response"])
    Traceback (most recent call last):
    ...
    streams.effect.learning.NotLearnable: response is not known when a playbook is chosen; choose \
of segment, stage, cause, band, or a number that is cut, such as orders:1:5, beside playbook
    """
    others = f"{', '.join(GROUPINGS)}, or a number that is cut, such as orders:1:5"
    if _PLAYBOOK not in dimensions:
        raise NotLearnable(f"it is learnt of each playbook: --by playbook, and any of {others}")
    for name in dimensions:
        if name != _PLAYBOOK and name not in GROUPINGS and ":" not in name:
            raise NotLearnable(
                f"{name} is not known when a playbook is chosen; choose of {others}, beside"
                " playbook"
            )


def learnt_of(joined: Joined, rules: Rules, dimensions: Sequence[str]) -> Learnt:
    """Return what was learnt of each playbook, group by group.

    Parameters
    ----------
    joined
        What was measured; by `dimensions`.
    rules
        How it was measured.
    dimensions
        The playbook, and what else customers were told apart by.

    Returns
    -------
    Learnt
        The bounds are those that ``ebb effect`` shows of who came back. Groups nobody of whom is
        known yet are left out, and so is what no playbook did.
    """
    check_dimensions(dimensions)
    place = dimensions.index(_PLAYBOOK)
    groups = []
    for line in joined.measured.lines[1:]:
        playbook = line.group[place]
        if playbook != NO_PLAYBOOK and line.figures["returned"].count:
            where = (*line.group[:place], *line.group[place + 1 :])
            groups.append(_group(line, playbook, where))
    first, last = joined.measured.first, joined.measured.last
    return Learnt(
        version=LEARNT_VERSION,
        first="" if first is None else to_iso(first),
        last="" if last is None else to_iso(last),
        horizon_days=rules.horizon / DAY,
        alpha=rules.alpha,
        by=tuple(name for name in dimensions if name != _PLAYBOOK),
        groups=tuple(groups),
    )


def write_learnt(path: Path, learnt: Learnt) -> None:
    """Write what was learnt; what was there stays until the new file is whole.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(encode_learnt(learnt))
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _group(line: Line, playbook: str, where: tuple[str, ...]) -> Group:
    returned, margin = line.figures["returned"], line.figures["margin"]
    bounds: dict[str, float] = {}
    # Both are known at the same time, of the same customers.
    if returned.enough:
        found = returned.difference
        error = math.sqrt(returned.spread / returned.count)
        told = {"lift": found.estimate, "error": error, "low": found.low, "high": found.high}
        told["money"] = margin.difference.estimate
        told["money_error"] = math.sqrt(margin.spread / margin.count)
        bounds = {name: _rounded(value) for name, value in told.items()}
    return Group(
        playbook=playbook,
        where=where,
        treated=returned.treated,
        held_out=returned.held_out,
        # A model that is certain that nobody leaves has nobody alerted.
        risk=max(_rounded(line.risk), 1e-6),
        **bounds,
    )


def _rounded(value: float) -> float:
    """Return a number without the last digits, which depend on the order of adding."""
    return float(f"{value:.9g}")


__all__ = ["NotLearnable", "check_dimensions", "learnt_of", "write_learnt"]
