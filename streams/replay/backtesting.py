"""Backtests as a notebook asks for them: a source, some settings, and what came of it in hand.

The command line opens the history itself, to tell how far it is, and goes the same way from there:
both find the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from features import Millis, format_duration
from models.learning import Weighing
from streams.composition import offer_of, shop_of, task_of, weighing_of
from streams.replay.history import History, Show, open_history
from streams.replay.landmarks import Landmarks
from streams.replay.replaying import Rules, replay_all
from streams.replay.result import BacktestResult, GridResult, TemporaryFolder
from streams.report import GridFolder
from streams.settings import Settings, SettingsError, load_settings

#: What a backtest asks for by a name of its own, and which setting that is.
SETTINGS: Final = {
    "horizon": "churn.horizon",
    "active": "churn.active",
    "qualifying": "churn.activity",
    "cost": "offer.cost",
    "margin": "offer.margin",
    "saved": "offer.saved",
    "capacity": "offer.capacity",
}
#: Settings by their dotted keys.
Options = Mapping[str, Any]


def backtest(
    source: str | Path,
    *,
    mapping: str | Path | None = None,
    horizon: str | None = None,
    active: str | None = None,
    qualifying: str | None = None,
    models: str | Sequence[str] | None = None,
    output: str | Path | None = None,
    settings: Settings | Options | None = None,
    seed: int = 0,
    landmarks: str | Landmarks | None = None,
    vectors: bool = False,
    limit: int | None = None,
) -> BacktestResult:
    r"""Replay history through the live pipeline, labels maturing as they would have.

    Parameters
    ----------
    source
        A file (CSV, JSON lines, Parquet; compressed or not), or a stretch of a topic:
        ``kafka://clickstream?from=2026-01-01&to=2026-02-01``.
    mapping
        Of a file, which column says what: the name of a built-in mapping, or a TOML file.
    horizon, active
        After how long a silence somebody had churned, and is gone: ``90d``; instead of
        ``churn.horizon`` and ``churn.active``.
    qualifying
        Event types that count as activity, separated by commas, instead of ``churn.activity``.
    models
        Names in the registry; the first one decides. Without them, ``model.name``.
    output
        A new folder, an empty one, or that of an earlier backtest; without it a temporary one,
        which is there for as long as the result is.
    settings
        All others: some of them by their dotted keys, above those of ``ebbtide.toml`` and the
        environment; or `Settings`, which are taken as they are.
    seed
        Of the order in which labels of one time are learnt.
    landmarks
        Score everybody at set times (``2017-03-31/7d``) instead of at decision points.
    vectors
        Whether to write what was known at each prediction.
    limit
        Only so many events.

    Returns
    -------
    BacktestResult
        Its ``report`` is plain data, its ``tables`` are data frames, its ``figures`` are drawn
        by the notebook; its files are in ``output``.

    Raises
    ------
    SettingsError
        If a setting is wrong.
    WrongSource, NoEvents
        If the source or its mapping is none, or there are no events in it.
    SourceError, MappingError, KafkaAway, TopicMissing
        If the source cannot be read.
    UnknownModel, MissingLibrary
        If a model is not in the registry or named twice, or needs what is not installed.
    OutputRefused
        If the folder holds something else or cannot be written to, or pyarrow is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
    ...     _ = file.write("customer_id date number_of_cds dollar_value\n"
    ...                    "1 19970101 1 11.77\n2 19970112 1 12.00\n1 19970701 2 20.00\n")
    ...     file.flush()
    ...     result = backtest(file.name, mapping="cdnow", horizon="30d", models=["bayes"])
    >>> result.report["data"]["events"], result.report["configuration"]["horizon"]
    (3, '30d')
    >>> (result.output / "predictions.parquet").is_file()
    True
    """
    named = {"horizon": horizon, "active": active, "qualifying": qualifying}
    held = _settled(settings, named)
    place = _Place(output)
    with open_history(held, str(source), _text(mapping), limit) as history:
        result = replay_history(
            history, held, place.path, Plan(models, seed, _landmarks(landmarks), vectors)
        )
    return dataclasses.replace(result, kept=place.kept)


def backtest_grid(
    source: str | Path,
    *,
    horizons: Sequence[str],
    mapping: str | Path | None = None,
    active: str | None = None,
    qualifying: str | None = None,
    models: str | Sequence[str] | None = None,
    output: str | Path | None = None,
    settings: Settings | Options | None = None,
    seed: int = 0,
    landmarks: str | Landmarks | None = None,
    vectors: bool = False,
    limit: int | None = None,
) -> GridResult:
    """Backtest several horizons on one reading of the source.

    Parameters
    ----------
    source, mapping, active, qualifying, models, settings, seed, landmarks, vectors, limit
        As of `backtest`, which tells the errors, too.
    horizons
        After how long a silence somebody had churned, each: ``["14d", "28d"]``.
    output
        A new folder, an empty one, or that of an earlier grid; without it a temporary one, which
        is there for as long as a result is.

    Returns
    -------
    GridResult
        The result of each horizon: that of a backtest of the horizon alone, to the byte.

    Raises
    ------
    SettingsError
        If a horizon is none or there twice, or another setting is wrong.
    """
    named = {"active": active, "qualifying": qualifying}
    held = [_settled(settings, named | {"horizon": horizon}) for horizon in horizons]
    check_horizons(held)
    place = _Place(output)
    with open_history(held[0], str(source), _text(mapping), limit) as history:
        found = replay_grid(
            history, held, place.path, Plan(models, seed, _landmarks(landmarks), vectors)
        )
    kept = {name: dataclasses.replace(each, kept=place.kept) for name, each in found.items()}
    return GridResult(place.path, kept)


class _Place:
    """Where the files are put: in a folder that was named, or in a temporary one."""

    def __init__(self, output: str | Path | None) -> None:
        self.kept = TemporaryFolder() if output is None else None
        self.path = self.kept.path if self.kept is not None else Path(output or "")


def _text(mapping: str | Path | None) -> str | None:
    return None if mapping is None else str(mapping)


def _landmarks(landmarks: str | Landmarks | None) -> Landmarks | None:
    return Landmarks.parse(landmarks) if isinstance(landmarks, str) else landmarks


def _settled(settings: Settings | Options | None, named: Mapping[str, str | None]) -> Settings:
    """Return the settings, with those above them that were named."""
    above = {SETTINGS[name]: value for name, value in named.items() if value is not None}
    if not isinstance(settings, Settings):
        return load_settings(options={**(settings or {}), **above}).settings
    if not above:
        return settings
    held = settings.model_dump(exclude_unset=True)
    for key, value in above.items():
        section, _, name = key.partition(".")
        held[section] = held.get(section, {}) | {name: value}
    try:
        return Settings.model_validate(held)
    except ValidationError as error:
        raise SettingsError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


# -- history that is open already ---------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a backtest does, besides what the settings say.

    Parameters
    ----------
    models
        Names in the registry, or a text of them with commas; None for that of the settings.
    seed, landmarks, vectors
        As of `backtest`.
    """

    models: str | Sequence[str] | None = None
    seed: int = 0
    landmarks: Landmarks | None = None
    vectors: bool = False

    def names(self, settings: Settings) -> list[str]:
        """Return the names of the models."""
        models = settings.model.name if self.models is None else self.models
        words = models.split(",") if isinstance(models, str) else models
        return [word.strip() for word in words if word.strip()]


def replay_history(
    history: History, settings: Settings, output: Path, plan: Plan, show: Show | None = None
) -> BacktestResult:
    """Replay opened history.

    Parameters
    ----------
    history
        To be read once.
    settings, output, plan
        As of `backtest`, which tells the errors, too.
    show
        Told how far it is.
    """
    (result,) = _replayed(history, [settings], [output], plan, show)
    return result


def replay_grid(
    history: History,
    settings: Sequence[Settings],
    output: Path,
    plan: Plan,
    show: Show | None = None,
) -> dict[str, BacktestResult]:
    """Replay opened history by several settings, which have different horizons.

    Parameters
    ----------
    history, plan, show
        As of `replay_history`, which tells the errors, too.
    settings
        One for each horizon, with nothing else between them.
    output
        Gets a folder for each horizon, and ``grid.json``.

    Returns
    -------
    dict
        What was found of each horizon.
    """
    horizons = check_horizons(settings)
    folder = GridFolder(output, horizons)
    results = _replayed(history, settings, folder.folders, plan, show)
    folder.write()
    return dict(zip(horizons, results, strict=True))


def check_horizons(settings: Sequence[Settings]) -> list[str]:
    """Return the horizons of a grid as people write them.

    Raises
    ------
    SettingsError
        If there is none, or one is there twice.
    """
    horizons = [format_duration(each.churn.horizon) for each in settings]
    if not horizons:
        raise SettingsError("no horizon is named; write them as 14d,28d")
    for place, horizon in enumerate(horizons):
        if horizon in horizons[:place]:
            raise SettingsError(f"the horizon {horizon} is named twice")
    return horizons


def _replayed(
    history: History,
    settings: Sequence[Settings],
    folders: Sequence[Path],
    plan: Plan,
    show: Show | None,
) -> list[BacktestResult]:
    rules = []
    for each, folder in zip(settings, folders, strict=True):
        shop = shop_of(each)
        task = task_of(shop, _weighing(each, history))
        rules.append(Rules(shop, task, folder, each.model.warmup))

    def progress(events: int, _: Millis) -> None:
        if show is not None:
            show("replaying", events, history.total())

    return replay_all(
        history.arrivals,
        rules,
        plan.names(settings[0]),
        seed=plan.seed,
        landmarks=plan.landmarks,
        vectors=plan.vectors,
        offer=offer_of(settings[0]),
        source=history.source,
        progress=progress,
    )


def _weighing(settings: Settings, history: History) -> Weighing:
    weighing = weighing_of(settings)
    if history.treated or "weight_treated" in settings.model.model_fields_set:
        return weighing
    # In a file, nobody was sent the alerts that the replay decides upon.
    return dataclasses.replace(weighing, treated=1.0)
