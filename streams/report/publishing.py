"""A finished backtest published to MLflow: its settings, its figures and its files.

A backtest is a plain folder, and needs nothing of this. Who keeps experiments in MLflow has it
there as one run, to be found and compared like any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from features import Millis, from_datetime
from streams.report.finished import read_report
from streams.report.folder import CUSTOMERS, DECISIONS, PAGE, PREDICTIONS, REPORT, STORIES

#: What the run is called in MLflow, and where.
EXPERIMENT: Final = "ebbtide"
_METRICS: Final = (
    *("count", "churned", "auc", "pr_auc", "precision_top_tenth"),
    *("log_loss", "brier", "ece"),
)
#: The report itself, and what tells of single customers.
_FILES: Final = (REPORT, PAGE, PREDICTIONS, DECISIONS, CUSTOMERS, STORIES)
_DATABASES: Final = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
#: MLflow takes so many in one piece, and no longer value of a parameter.
_AT_ONCE: Final = 100
_LONGEST: Final = 6_000
#: MLflow tells its makers who uses it, tries a server that is away for minutes, and must be told
#: that a folder is meant as a store.
_QUIETLY: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}


class PublishingRefused(RuntimeError):
    """The backtest cannot be published; says why, and what to do."""


class PublisherAway(PublishingRefused):
    """MLflow does not answer."""


@dataclass(frozen=True)
class Published:
    """A run in MLflow.

    Parameters
    ----------
    run_id, experiment, uri
        Where it is.
    parameters, metrics
        How many of each were logged.
    files
        Which files lie with it.
    """

    run_id: str
    experiment: str
    uri: str
    parameters: int
    metrics: int
    files: tuple[str, ...]


def publish(
    folder: Path,
    uri: str,
    *,
    now: Millis,
    experiment: str = EXPERIMENT,
    name: str | None = None,
    customers: bool = True,
) -> Published:
    """Publish a finished backtest as a run of MLflow.

    Parameters
    ----------
    folder
        The backtest's output.
    uri
        Of MLflow's tracking server, or of a store: ``https://mlflow.example``, ``sqlite:///...``,
        ``file:///...``.
    now
        The time of the run, in milliseconds.
    experiment
        Which experiment of MLflow it belongs to; created if it is not there.
    name
        Of the run; the folder's, if none is given.
    customers
        Whether the files that name customers go along: all but ``report.json``.

    Raises
    ------
    NotComparable
        If the folder is not of a finished backtest.
    PublisherAway
        If MLflow does not answer.
    PublishingRefused
        If mlflow is not installed, or MLflow takes something amiss.
    """
    report = read_report(folder)
    for key, value in _QUIETLY.items():
        os.environ.setdefault(key, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise PublishingRefused(
            'publishing to MLflow needs its client: pip install "ebbtide[mlflow]"'
        ) from None
    if urlsplit(uri).scheme.partition("+")[0] in _DATABASES and find_spec("sqlalchemy") is None:
        raise PublishingRefused(
            f"{_place(uri)}: a database as MLflow's store needs all of MLflow, not only its client "
            "(pip install mlflow); a server or a folder does not"
        )
    parameters = dict(parameters_of(report))
    metrics = list(metrics_of(report, now))
    files = tuple(
        each for each in (_FILES if customers else (REPORT,)) if (folder / each).is_file()
    )
    try:
        client = MlflowClient(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        place = client.create_experiment(experiment) if found is None else found.experiment_id
        tags = {
            "ebbtide.fingerprint": report["data"]["fingerprint"],
            "ebbtide.mode": report["mode"],
        }
        run_id = client.create_run(
            place, start_time=now, run_name=name or folder.resolve().name, tags=tags
        ).info.run_id
        try:
            _log(client, run_id, parameters, metrics)
            for each in files:
                client.log_artifact(run_id, str(folder / each))
        except BaseException:
            client.set_terminated(run_id, status="FAILED")
            raise
        client.set_terminated(run_id)
    except MlflowException as error:
        raise _in_words(uri, error) from None
    except OSError as error:
        raise PublishingRefused(f"{uri}: {error.strerror or error}") from None
    return Published(run_id, experiment, uri, len(parameters), len(metrics), files)


def _log(
    client: Any,
    run_id: str,
    parameters: Mapping[str, str],
    metrics: list[tuple[str, float, Millis, int]],
) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(key, value) for key, value in parameters.items()]
    for start in range(0, len(params), _AT_ONCE):
        client.log_batch(run_id, params=params[start : start + _AT_ONCE])
    told = [Metric(*each) for each in metrics]
    for start in range(0, len(told), _AT_ONCE):
        client.log_batch(run_id, metrics=told[start : start + _AT_ONCE])


def parameters_of(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the configuration of a backtest as MLflow has parameters: flat, and as texts.

    Examples
    --------
    >>> asked = {"horizon": "30d", "models": ["bayes", "recency"], "weights": {"treated": 1.0}}
    >>> dict(parameters_of({"configuration": asked}))
    {'horizon': '30d', 'models': 'bayes,recency', 'weights.treated': '1.0'}
    """
    for key, value in report["configuration"].items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        for name, each in inner:
            text = ",".join(map(str, each)) if isinstance(each, list) else str(each)
            yield f"{key}.{name}".rstrip("."), text[:_LONGEST]


def metrics_of(report: Mapping[str, Any], now: Millis) -> Iterator[tuple[str, float, Millis, int]]:
    """Yield the figures of a backtest as MLflow has metrics: name, value, time and step.

    Those of a month, or of a landmark, are steps of one metric, at the time that they are of.
    """
    for key, value in report["decisions"].items():
        if value is not None:
            yield f"decisions.{key}", float(value), now, 0
    for each in report["models"]:
        model = each["model"]
        for key in _METRICS:
            if each.get(key) is not None:
                yield f"{model}.{key}", float(each[key]), now, 0
        for series, when in (("months", "month"), ("landmarks", "at")):
            for step, part in enumerate(each.get(series, ())):
                at = _moment(part[when])
                for key in _METRICS:
                    if part.get(key) is not None:
                        yield f"{model}.{series}.{key}", float(part[key]), at, step


def _moment(text: str) -> Millis:
    moment = datetime.fromisoformat(f"{text}-01" if len(text) == len("2026-01") else text)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _in_words(uri: str, error: Exception) -> PublishingRefused:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    # The client puts it in words only when no answer came.
    if "API request to" in first and "failed with exception" in first:
        return PublisherAway(f"MLflow is away: nothing answers at {_place(uri)}")
    return PublishingRefused(f"MLflow at {_place(uri)} refused: {first}")


def _place(uri: str) -> str:
    """Return an address without what may be a password."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
