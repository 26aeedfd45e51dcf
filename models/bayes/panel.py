"""A few thousand customers who stand for all: whom the kinds of the shop are counted among.

A customer is of the panel by the hash of the name, and stays in it. So it holds those who have
gone as well as those who come, which no look at today's visitors does.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np

from features import DAY, Millis
from models.bayes.kinds import READS
from models.learning import Floats

SIZE: Final = 2_000
_WIDTH: Final = len(READS)
_ROW: Final = np.dtype(
    [("hash", "<u8"), ("at", "<i8"), ("known", "<i8"), ("gone", "?"), ("gaps", "<f4", _WIDTH)]
)


@lru_cache(maxsize=1 << 16)
def _hash(user_id: str) -> int:
    return int.from_bytes(blake2b(user_id.encode(), digest_size=8).digest(), "big")


class Panelist:
    """A customer of the panel.

    Parameters
    ----------
    at
        When the customer was last looked at.
    known
        Until when the silence is known to have lasted.
    gone
        Whether the whole horizon passed in silence; then it goes on until another look.
    gaps
        The features of `READS` at ``at``.
    """

    __slots__ = ("at", "gaps", "gone", "known")

    def __init__(self, at: Millis, known: Millis, gone: bool, gaps: Sequence[float]) -> None:
        self.at = at
        self.known = known
        self.gone = gone
        self.gaps = gaps


class Panel:
    """The customers with the lowest hashes among those seen.

    Parameters
    ----------
    reads
        Where in a raw vector the features of `READS` are.
    size
        Most customers.

    Examples
    --------
    >>> panel = Panel(reads=range(7), size=2)
    >>> for name in ("ada", "bob", "cleo"):
    ...     panel.see(name, 0, 9 * DAY, silent=True, last=False, vector=[0.0] * 7)
    >>> len(panel)
    2
    """

    def __init__(self, reads: Sequence[int], size: int = SIZE) -> None:
        self.size = size
        self._reads = reads
        self._rows: dict[int, Panelist] = {}
        self._highest = -1

    def __len__(self) -> int:
        return len(self._rows)

    def see(
        self,
        user_id: str,
        at: Millis,
        until: Millis,
        *,
        silent: bool,
        last: bool,
        vector: Sequence[float],
    ) -> None:
        """Take note of what has become of a customer.

        Parameters
        ----------
        user_id
            Who.
        at
            When the customer was looked at.
        until
            Until when we know what happened then.
        silent
            Whether nothing did.
        last
            Whether that was the end of the horizon.
        vector
            The raw vector at ``at``.
        """
        key = _hash(user_id)
        row = self._rows.get(key)
        if row is None:
            if len(self._rows) >= self.size:
                if key > self._highest:
                    return
                del self._rows[self._highest]
                self._highest = max(self._rows, default=-1)
            self._rows[key] = row = Panelist(at, at, False, self._gaps(vector))
            self._highest = max(self._highest, key)
        elif at > row.at:
            row.at, row.known, row.gone, row.gaps = at, at, False, self._gaps(vector)
        if at == row.at and silent:
            row.known = max(row.known, until)
            row.gone = row.gone or last

    def _gaps(self, vector: Sequence[float]) -> list[float]:
        return [float(vector[place]) for place in self._reads]

    def statistics(self, now: Millis, lag: Millis) -> Floats:
        """Return the features of `READS` of everybody, moved on to what is known by now.

        Parameters
        ----------
        now
            The time.
        lag
            How long after a visit we hear of it: silence that goes on is known only until
            ``now - lag``.
        """
        keys = sorted(self._rows)
        rows = [self._rows[key] for key in keys]
        result = np.array([row.gaps for row in rows], dtype=np.float64).reshape(-1, _WIDTH)
        result[:, -1] += [
            (max(row.known, now - lag if row.gone else row.known) - row.at) / DAY for row in rows
        ]
        return result

    def dump(self) -> str:
        """Return everything as text."""
        table = np.array(
            [
                (key, row.at, row.known, row.gone, tuple(row.gaps))
                for key, row in sorted(self._rows.items())
            ],
            dtype=_ROW,
        )
        return base64.b64encode(table.tobytes()).decode("ascii")

    @classmethod
    def load(cls, text: str, reads: Sequence[int], size: int = SIZE) -> Panel:
        """Return what `dump` wrote."""
        panel = cls(reads, size)
        for key, at, known, gone, gaps in np.frombuffer(base64.b64decode(text), dtype=_ROW):
            panel._rows[int(key)] = Panelist(int(at), int(known), bool(gone), gaps.tolist())
        panel._highest = max(panel._rows, default=-1)
        return panel
