"""What a backtest writes down: Parquet files, in row groups, so that memory holds one of them.

Nothing of a run is in them but what was computed: the same backtest writes the same bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from features import Millis
from models.deciding import Decision
from streams.replay.scoreboard import Scoreboard
from streams.report import arrow, writing

_ROWS: Final = 32_768
#: In place of a label that is not known.
UNKNOWN: Final = -1
#: Numbers of one model about one prediction: the risk, and those of the stages.
WIDTH: Final = 4


class Predictions:
    """Writes ``predictions.parquet``: what each model said, and what became of it.

    Parameters
    ----------
    path
        Where to.
    names
        The models.
    scoreboard
        Told of every label.
    vector
        Length of the vectors that are written too; None for none.
    """

    def __init__(
        self, path: Path, names: Sequence[str], scoreboard: Scoreboard, vector: int | None
    ) -> None:
        self._pa, parquet = arrow()
        pa = self._pa
        self._names = tuple(names)
        self._scoreboard = scoreboard
        self._vector = vector
        moment = pa.timestamp("ms", tz="UTC")
        fields = [
            ("model", pa.string()),
            ("customer", pa.string()),
            ("at", moment),
            ("cause", pa.string()),
            ("risk", pa.float64()),
            *((f"stage_{place}", pa.float64()) for place in range(1, WIDTH)),
            ("version", pa.string()),
            ("label", pa.int8()),
            ("matured_at", moment),
        ]
        if vector is not None:
            fields.append(("vector", pa.list_(pa.float32())))
        self._schema = pa.schema(fields)
        self._path = path
        with writing(path):
            self._writer = parquet.ParquetWriter(path, self._schema)
        self._most = max(_ROWS // len(names), 1)
        self._empty()

    def _empty(self) -> None:
        self._customers: list[str] = []
        self._causes: list[str] = []
        self._versions: list[Sequence[str]] = []
        self._at = array("q")
        self._matured_at = array("q")
        self._labels = array("b")
        self._numbers = array("d")
        self._vectors = array("f")

    def add(
        self,
        customer: str,
        at: Millis,
        cause: str,
        numbers: Iterable[float],
        versions: Sequence[str],
        label: int = UNKNOWN,
        matured_at: Millis = UNKNOWN,
        vector: Iterable[float] = (),
    ) -> None:
        """Write a prediction of each model, with what became of it.

        Parameters
        ----------
        customer, at, cause
            Who, when and why.
        numbers
            Of each model the risk and those of the three stages; not a number where it has none.
        versions
            Of each model.
        label, matured_at
            What became of it, and when that was known; `UNKNOWN` where it is not.
        vector
            What was known of the customer.
        """
        self._customers.append(customer)
        self._causes.append(cause)
        self._versions.append(versions)
        self._at.append(at)
        self._matured_at.append(matured_at)
        self._labels.append(label)
        self._numbers.extend(numbers)
        if self._vector is not None:
            self._vectors.extend(vector)
        if len(self._customers) >= self._most:
            self._flush()

    def _flush(self) -> None:
        pa, count = self._pa, len(self._customers)
        if not count:
            return
        at = np.frombuffer(self._at, dtype=np.int64)
        matured = np.frombuffer(self._matured_at, dtype=np.int64)
        labels = np.frombuffer(self._labels, dtype=np.int8)
        numbers = np.frombuffer(self._numbers).reshape(count, len(self._names), WIDTH)
        moment = self._schema.field("at").type
        unknown = labels == UNKNOWN
        shared = {
            "customer": pa.array(self._customers, pa.string()),
            "at": pa.array(at, moment),
            "cause": pa.array(self._causes, pa.string()),
            "label": pa.array(labels, pa.int8(), mask=unknown),
            "matured_at": pa.array(matured, moment, mask=matured == UNKNOWN),
        }
        if self._vector is not None:
            ends = np.arange(0, (count + 1) * self._vector, self._vector, dtype=np.int32)
            values = pa.array(np.frombuffer(self._vectors, dtype=np.float32))
            shared["vector"] = pa.ListArray.from_arrays(pa.array(ends), values)
        for place, name in enumerate(self._names):
            mine = numbers[:, place]
            said = {
                "model": pa.array([name] * count, pa.string()),
                "risk": pa.array(np.ascontiguousarray(mine[:, 0])),
                "version": pa.array([each[place] for each in self._versions], pa.string()),
            }
            for stage in range(1, WIDTH):
                values = np.ascontiguousarray(mine[:, stage])
                said[f"stage_{stage}"] = pa.array(values, mask=np.isnan(values))
            with writing(self._path):
                self._writer.write_table(pa.table(shared | said).select(self._schema.names))
            known = ~unknown
            self._scoreboard.add(place, at[known], mine[known, 0], labels[known])
        self._empty()

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        with writing(self._path):
            self._writer.close()


class Decisions:
    """Writes ``decisions.parquet``: what the first model led to.

    Parameters
    ----------
    path
        Where to.
    """

    def __init__(self, path: Path) -> None:
        self._pa, parquet = arrow()
        pa = self._pa
        reason = pa.struct(
            [("code", pa.string()), ("text", pa.string()), ("contribution", pa.float64())]
        )
        self._schema = pa.schema(
            [
                ("customer", pa.string()),
                ("at", pa.timestamp("ms", tz="UTC")),
                ("cause", pa.string()),
                ("risk", pa.float64()),
                ("band", pa.string()),
                ("arm", pa.string()),
                ("alert", pa.bool_()),
                ("why", pa.string()),
                ("version", pa.string()),
                ("reasons", pa.list_(reason)),
            ]
        )
        self._path = path
        with writing(path):
            self._writer = parquet.ParquetWriter(path, self._schema)
        self._rows: list[tuple[str, Decision]] = []

    def add(self, customer: str, decision: Decision) -> None:
        """Write a decision."""
        self._rows.append((customer, decision))
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        decisions = [decision for _, decision in self._rows]
        columns: dict[str, list[Any]] = {
            name: [getattr(decision, name) for decision in decisions]
            for name in self._schema.names
            if name not in ("customer", "reasons")
        }
        columns["customer"] = [customer for customer, _ in self._rows]
        columns["reasons"] = [
            [
                {"code": code, "text": text, "contribution": contribution}
                for code, text, contribution in decision.reasons
            ]
            for decision in decisions
        ]
        with writing(self._path):
            self._writer.write_table(self._pa.table(columns, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        with writing(self._path):
            self._writer.close()
