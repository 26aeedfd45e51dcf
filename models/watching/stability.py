"""Whether customers look as they used to: the population stability index of each feature.

A sample of customers is kept for each window of a quarter of the horizon, each counted once. The
first window is the reference, and its deciles are the bins. Later windows are compared with it:
the index is the sum of (p - q) ln(p / q) over the bins. An alarm makes the recent window the
reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from features import Millis
from models.learning import TrainingExample

#: Share of the horizon that a window lasts.
_WINDOW: Final = 1 / 4
#: Customers in a window: at least, or it goes on; and at most.
_LEAST: Final = 100
_MOST: Final = 1_000
_BINS: Final = 10
#: An index is worth nothing below so many times 1 / customers before + 1 / customers now: of two
#: samples of one shop it exceeds this (chi square, 9 degrees of freedom) with a chance of 1e-6.
_CHANCE: Final = 45.0
#: Totals grow as a shop's log grows; that they do is no news.
_GROWING: Final = frozenset(
    {
        *("tenure", "visit_days", "visit_span", "events", "sessions", "orders", "spent"),
        *("gaps", "gap_log", "gap_pow_06", "gap_pow_1", "gap_pow_17", "gap_pow_3"),
        *("cart_abandons", "checkout_abandons", "negatives", "since_negative", "ratings"),
    }
)
#: Customers' short names are of so many bits.
_BITS: Final = 64


class Change(NamedTuple):
    """A window in which customers looked different.

    Parameters
    ----------
    at
        Event time at the end of the window, in milliseconds.
    feature
        The feature that changed most.
    numbers
        Its index, how many features changed, and how many customers were compared.
    """

    at: Millis
    feature: str
    numbers: dict[str, float]


class Stability(msgspec.Struct, kw_only=True):
    """The reference, and the window that is being filled.

    Parameters
    ----------
    since
        When the window began; None before the first example.
    settled
        Whether the shop has been watched for an active time, so that features that count over
        weeks have counted over weeks.
    halved
        A customer is in the sample if so many bits of the name's hash are 0.
    customers
        The sample: hashes of names, little-endian.
    rows
        What each of them looked like: values in single precision in the first window, later the
        bins, as bytes.
    edges
        Between the bins of each feature, in single precision; empty in the first window.
    reference
        Customers in each bin of each feature.
    size
        Customers of the reference.
    worst
        The features furthest from the reference at the last look, with their index.
    """

    since: Millis | None = None
    settled: bool = False
    halved: int = 0
    customers: bytes = b""
    rows: bytes = b""
    edges: bytes = b""
    reference: bytes = b""
    size: int = 0
    worst: dict[str, float] = {}

    def look(
        self,
        examples: Sequence[TrainingExample],
        names: Sequence[str],
        horizon: Millis,
        active: Millis,
        threshold: float,
    ) -> list[Change]:
        """Take examples of the first stage; return where a window ended and had changed.

        Parameters
        ----------
        examples
            By the time at which they matured; those of later stages are not looked at.
        names
            The features' names.
        horizon, active
            H and A, in milliseconds.
        threshold
            Index from which a feature has changed.
        """
        changes = []
        window: list[TrainingExample] = []
        length = round(_WINDOW * horizon)
        for example in examples:
            if example.stage != 0:
                continue
            now = example.matured_at
            if self.since is None:
                self.since = now
            if not self.settled:
                if now < self.since + active:
                    continue
                self.settled, self.since = True, now
            if now >= self.since + length:
                self._take(window)
                window = []
                if len(self.customers) >= 8 * _LEAST:
                    change = self._close(names, now, threshold)
                    changes += [] if change is None else [change]
            window.append(example)
        self._take(window)
        return changes

    def _take(self, examples: Sequence[TrainingExample]) -> None:
        """Take those into the window who are in the sample and not yet there."""
        there = set(np.frombuffer(self.customers, dtype="<u8").tolist())
        fresh: dict[int, TrainingExample] = {}
        for example in examples:
            name = int.from_bytes(blake2b(example.user_id.encode(), digest_size=8).digest())
            if name >> (_BITS - self.halved) == 0 and name not in there:
                fresh.setdefault(name, example)
        if not fresh:
            return
        values = np.array([each.vector for each in fresh.values()], dtype="<f4")
        self.customers += np.array(list(fresh), dtype="<u8").tobytes()
        self.rows += (self._bins(values) if self.edges else values).tobytes()
        while len(self.customers) > 8 * _MOST:
            self._halve()

    def _halve(self) -> None:
        self.halved += 1
        customers = np.frombuffer(self.customers, dtype="<u8")
        kept = customers >> np.uint64(_BITS - self.halved) == 0
        rows = np.frombuffer(self.rows, dtype=np.uint8).reshape(len(customers), -1)
        self.customers, self.rows = customers[kept].tobytes(), rows[kept].tobytes()

    def _bins(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        edges = np.frombuffer(self.edges, dtype="<f4").reshape(-1, _BINS - 1)
        bins: npt.NDArray[np.uint8] = (values[:, :, np.newaxis] > edges).sum(axis=2, dtype=np.uint8)
        return bins

    def _close(self, names: Sequence[str], now: Millis, threshold: float) -> Change | None:
        """End the window, and compare it with the reference if there is one."""
        size = len(self.customers) // 8
        if not self.edges:
            values = np.frombuffer(self.rows, dtype="<f4").reshape(size, -1)
            deciles = np.quantile(
                values, np.arange(1, _BINS) / _BINS, axis=0, method="inverted_cdf"
            )
            self.edges = np.ascontiguousarray(deciles.T.astype("<f4")).tobytes()
            bins = self._bins(values)
        else:
            bins = np.frombuffer(self.rows, dtype=np.uint8).reshape(size, -1)
        counts = (bins[:, :, np.newaxis] == np.arange(_BINS)).sum(axis=0).astype("<u4")
        change = None
        if self.size:
            change = self._compare(counts, size, names, now, threshold)
        if not self.size or change is not None:
            self.reference, self.size = counts.tobytes(), size
        if size < _MOST / 4 and self.halved:
            self.halved -= 1
        self.since, self.customers, self.rows = now, b"", b""
        return change

    def _compare(
        self,
        counts: npt.NDArray[Any],
        size: int,
        names: Sequence[str],
        now: Millis,
        threshold: float,
    ) -> Change | None:
        before = np.frombuffer(self.reference, dtype="<u4").reshape(-1, _BINS)
        p, q = (counts + 0.5) / (size + 5.0), (before + 0.5) / (self.size + 5.0)
        index = ((p - q) * np.log(p / q)).sum(axis=1)
        found = {
            name: float(value)
            for name, value in zip(names, index, strict=True)
            if name not in _GROWING
        }
        ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))
        self.worst = {name: round(value, 4) for name, value in ranked[:3]}
        least = max(threshold, _CHANCE * (1 / size + 1 / self.size))
        changed = [name for name, value in ranked if value > least]
        if not changed:
            return None
        numbers = {
            "index": found[changed[0]],
            "threshold": least,
            "features": float(len(changed)),
            "customers": float(size),
            "customers_before": float(self.size),
        }
        return Change(now, changed[0], numbers)
