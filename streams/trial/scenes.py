"""The decision points of a finished backtest as playbooks see them, for a plan to be tried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from features import DAY, Catalogue, parse_duration
from models.playbooks import Plan, Situation, stage_of, worth
from streams.report import DECISIONS, PREDICTIONS, NotComparable, arrow, read_report
from streams.trial.decided import millis, read_columns

_DECIDED: Final = ("customer", "at", "cause", "segment", "risk", "band", "reasons")
_PREDICTED: Final = ("customer", "at", "cause", "vector")


def read_scenes(folder: Path, plan: Plan, catalogue: Catalogue) -> list[Situation]:
    """Return the decision points of a backtest, in the order of time.

    Parameters
    ----------
    folder
        Of the backtest, made with ``--vectors``.
    plan
        Says what customers are worth before anything is known of one.
    catalogue
        Of the features; the backtest's must be the same.

    Returns
    -------
    list of Situation
        What the shop has said of a customer is not in a backtest: there are no traits.

    Raises
    ------
    NotComparable
        If it is not the folder of a finished backtest, or has no vectors of this catalogue.
    OutputRefused
        If pyarrow is missing.
    """
    arrow()
    report = read_report(folder)
    asked = report["configuration"]
    if report["mode"] != "events":
        raise NotComparable(
            f"{folder} was scored at landmarks, where nothing is decided; "
            "run the backtest without --landmarks, and name its folder"
        )
    if asked["catalogue"] != catalogue.fingerprint:
        raise NotComparable(
            f"{folder} has the features of other settings or of another version; run it again"
        )
    if not _has_vectors(folder / PREDICTIONS):
        raise NotComparable(
            f"{folder} says nothing of what was known of the customers; run the backtest with"
            " --vectors"
        )
    predicted = read_columns(folder / PREDICTIONS, _PREDICTED, report["models"][0]["model"])
    decided = read_columns(folder / DECISIONS, _DECIDED, None)
    horizon, active = (parse_duration(asked[name]) / DAY for name in ("horizon", "active"))
    rows = _rows(predicted)
    vectors = predicted["vector"]
    found = []
    for who, at, told in _told(decided):
        row = rows.get((who, at, told["cause"]))
        if row is None:
            raise NotComparable(
                f"{folder / PREDICTIONS} does not go with {DECISIONS}; run it again"
            )
        facts = dict(zip(catalogue.names, vectors[row].as_py(), strict=True))
        found.append(
            Situation(
                customer=who,
                at=at,
                risk=told["risk"],
                band=told["band"],
                cause=told["cause"],
                reasons=tuple(each["code"] for each in told["reasons"]),
                segment=told["segment"],
                stage=stage_of(facts, horizon, active),
                value=worth(facts, horizon, plan.prior),
                facts=facts,
            )
        )
    return sorted(found, key=lambda each: each.at)


def _has_vectors(path: Path) -> bool:
    pa, parquet = arrow()
    try:
        return "vector" in parquet.read_schema(path).names
    except (OSError, pa.ArrowException):
        # Whoever reads it next says what is wrong with it.
        return True


def _rows(predicted: Any) -> dict[tuple[str, int, str], int]:
    columns = predicted["customer"].to_pylist(), predicted["cause"].to_pylist()
    keys = zip(columns[0], millis(predicted).tolist(), columns[1], strict=True)
    return {key: row for row, key in enumerate(keys)}


def _told(decided: Any) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for row, at in zip(decided.drop(["at"]).to_pylist(), millis(decided).tolist(), strict=True):
        yield row["customer"], at, row


def as_if_consented(plan: Plan) -> Plan:
    """Return a plan to which everybody has consented of whom nothing is known."""
    return replace(plan, consents=tuple(each._replace(unknown=True) for each in plan.consents))


__all__ = ["as_if_consented", "read_scenes"]
