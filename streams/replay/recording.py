"""What a backtest writes down: Parquet files, in row groups, so that memory holds one of them.

Nothing of a run is in them but what was computed: the same backtest writes the same bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from features import Millis
from models.deciding import Decision
from models.understanding import Lifecycle
from streams.pipeline import Shop
from streams.replay.scoreboard import Scoreboard
from streams.report import arrow, writing

Vectors = npt.NDArray[np.float32]

_ROWS: Final = 32_768
#: In place of a label that is not known.
UNKNOWN: Final = -1
#: Numbers of one model about one prediction: the risk, and those of the stages.
WIDTH: Final = 4


class _Portraits:
    """The vectors of the rows that wait to be written, and what they say of each customer."""

    def __init__(self, shop: Shop) -> None:
        index = shop.catalogue.index
        self.width = len(index)
        self._recency, self._tenure = index["recency"], index["tenure"]
        self._lifecycle = Lifecycle(index, shop.definition.horizon_days)
        self._vectors = array("f")

    def add(self, vector: Iterable[float]) -> None:
        self._vectors.extend(vector)

    def take(self) -> Vectors:
        """Return the rows that waited, and forget them."""
        vectors = np.frombuffer(self._vectors, dtype=np.float32).reshape(-1, self.width)
        self._vectors = array("f")
        return vectors

    def segments(self, vectors: Vectors) -> list[str]:
        return self._lifecycle.of(vectors)

    def tenure(self, vectors: Vectors) -> Vectors:
        return np.ascontiguousarray(vectors[:, self._tenure])

    def silence(self, vectors: Vectors) -> Vectors:
        return np.ascontiguousarray(vectors[:, self._recency])


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
    shop
        Whose features the vectors are.
    vectors
        Whether the vectors are written, too.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        scoreboard: Scoreboard,
        shop: Shop,
        *,
        vectors: bool,
    ) -> None:
        self._pa, parquet = arrow()
        pa = self._pa
        self._names = tuple(names)
        self._scoreboard = scoreboard
        self._portraits = _Portraits(shop)
        self._with_vectors = vectors
        moment = pa.timestamp("ms", tz="UTC")
        fields = [
            ("model", pa.string()),
            ("customer", pa.string()),
            ("at", moment),
            ("cause", pa.string()),
            ("segment", pa.string()),
            ("tenure_days", pa.float32()),
            ("silence_days", pa.float32()),
            ("risk", pa.float64()),
            *((f"stage_{place}", pa.float64()) for place in range(1, WIDTH)),
            ("version", pa.string()),
            ("label", pa.int8()),
            ("matured_at", moment),
        ]
        if vectors:
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

    def add(
        self,
        customer: str,
        at: Millis,
        cause: str,
        numbers: Iterable[float],
        versions: Sequence[str],
        vector: Iterable[float],
        label: int = UNKNOWN,
        matured_at: Millis = UNKNOWN,
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
        vector
            What was known of the customer.
        label, matured_at
            What became of it, and when that was known; `UNKNOWN` where it is not.
        """
        self._customers.append(customer)
        self._causes.append(cause)
        self._versions.append(versions)
        self._at.append(at)
        self._matured_at.append(matured_at)
        self._labels.append(label)
        self._numbers.extend(numbers)
        self._portraits.add(vector)
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
        vectors = self._portraits.take()
        shared = {
            "customer": pa.array(self._customers, pa.string()),
            "at": pa.array(at, moment),
            "cause": pa.array(self._causes, pa.string()),
            "segment": pa.array(self._portraits.segments(vectors), pa.string()),
            "tenure_days": pa.array(self._portraits.tenure(vectors)),
            "silence_days": pa.array(self._portraits.silence(vectors)),
            "label": pa.array(labels, pa.int8(), mask=unknown),
            "matured_at": pa.array(matured, moment, mask=matured == UNKNOWN),
        }
        if self._with_vectors:
            ends = np.arange(0, vectors.size + 1, self._portraits.width, dtype=np.int32)
            values = pa.array(vectors.reshape(-1))
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
    shop
        Whose features the vectors are, and in whose words the reasons are told.
    """

    def __init__(self, path: Path, shop: Shop) -> None:
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
                ("segment", pa.string()),
                ("silence_days", pa.float32()),
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
        self._portraits = _Portraits(shop)
        self._say = shop.explainer.say
        self._rows: list[tuple[str, Decision]] = []

    def add(self, customer: str, decision: Decision, vector: Iterable[float]) -> None:
        """Write a decision, which rests on a vector."""
        self._rows.append((customer, decision))
        self._portraits.add(vector)
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        decisions = [decision for _, decision in self._rows]
        columns: dict[str, Any] = {
            name: [getattr(decision, name) for decision in decisions]
            for name in self._schema.names
            if name in Decision.__struct_fields__
        }
        columns["why"] = [decision.why for decision in decisions]
        say = self._say
        vectors = self._portraits.take()
        columns["segment"] = self._portraits.segments(vectors)
        columns["silence_days"] = self._portraits.silence(vectors)
        columns["customer"] = [customer for customer, _ in self._rows]
        columns["reasons"] = [
            [
                {"code": each.code, "text": say(each), "contribution": each.contribution}
                for each in decision.grounds
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
