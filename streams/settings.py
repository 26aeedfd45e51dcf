"""Every setting, read once, from four places; later wins.

Defaults, then ``ebbtide.toml`` (or ``--config FILE``, ``EBB_CONFIG``), then the environment,
then command-line options. Whatever is wrong is said with the key, the value, what would be
right and where it was read. The rest of the code takes small frozen dataclasses of its own;
`streams.composition` makes them from `Settings`.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from features import DAY, HOUR, MINUTE, Millis, format_duration, parse_duration

CONFIG_FILE: Final = "ebbtide.toml"
_RESERVED: Final = ("EBB_CONFIG", "EBB_TEST_", "EBB_DEMO_")


class SettingsError(ValueError):
    """A setting is wrong; the message says which, why, and where it was read."""


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _words(value: object) -> object:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _durations(value: object) -> object:
    words = _words(value)
    if isinstance(words, list | tuple):
        return tuple(_duration(word) for word in words)
    return words


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    Field(gt=0),
    PlainSerializer(format_duration, return_type=str),
]
DurationOrZero = Annotated[
    int,
    BeforeValidator(_duration),
    Field(ge=0),
    PlainSerializer(format_duration, return_type=str),
]
Durations = Annotated[tuple[Duration, ...], BeforeValidator(_durations)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_words)]


def _setting(default: Any, meaning: str, *, env: str | None = None, **bounds: Any) -> Any:
    extra = {"env": env} if env else None
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(_Section):
    """How to reach Kafka."""

    bootstrap: str = _setting("localhost:9092", "bootstrap servers", env="EBB_KAFKA", min_length=1)
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = _setting(
        "PLAINTEXT", "security protocol"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = _setting(
        "PLAIN", "SASL mechanism"
    )
    username: str = _setting("", "SASL user name")
    password: SecretStr = _setting(SecretStr(""), "SASL password; from the environment only")
    ca_file: Path | None = _setting(None, "file of the certificate authorities to trust")
    session_timeout: Duration = _setting(
        6_000, "a worker silent for that long loses its partitions"
    )


class RedisSettings(_Section):
    """How to reach Redis."""

    url: str = _setting(
        "redis://localhost:6379/0",
        "redis://, rediss:// or redis+cluster://",
        env="EBB_REDIS",
        pattern=r"^(redis|rediss|redis\+cluster|rediss\+cluster)://",
    )
    namespace: str = _setting("ebb", "first part of every key", pattern=r"^[A-Za-z0-9_.-]{1,40}$")


class ChurnSettings(_Section):
    """What it means that a customer is gone."""

    horizon: Duration = _setting(30 * DAY, "H of the label rule", env="EBB_HORIZON")
    active: Duration = _setting(
        90 * DAY, "A: no activity for that long is gone, and no longer scored", env="EBB_ACTIVE"
    )
    activity: Words = _setting(
        ("*",), "event types that count as activity; * is any", env="EBB_ACTIVITY", min_length=1
    )
    session_gap: Duration = _setting(30 * MINUTE, "silence that ends a session")


class TimeSettings(_Section):
    """How event time moves."""

    lateness: DurationOrZero = _setting(
        HOUR, "how late an event may come before the watermark has passed it", env="EBB_LATENESS"
    )
    skew: Duration = _setting(DAY, "how far in the future an event may lie", env="EBB_SKEW")
    clock: Literal["wall", "events"] = _setting(
        "wall",
        "wall: an idle partition's watermark follows the clock; events: only events move time",
        env="EBB_CLOCK",
    )


class FeatureSettings(_Section):
    """What the model may see."""

    traits: Words = _setting((), "traits that become features")
    sensitive: Words = _setting(
        ("age_band", "gender"), "traits kept with the customer, but never a feature by accident"
    )
    amount_cap: float = _setting(1e6, "an amount above this counts as this", gt=0)
    quantity_cap: float = _setting(1e3, "a quantity above this counts as this", gt=0)


class SilenceSettings(_Section):
    """When to look again at a customer who does nothing."""

    waits: Durations = _setting(
        (), "fixed waits since the last activity; empty: fractions of the horizon"
    )
    multiples: Numbers = _setting((1.5, 2.0, 3.0, 5.0), "waits in multiples of the own rhythm")


class LabelSettings(_Section):
    """How predictions are kept until their label is known."""

    keep: float = _setting(1.0, "share of the predictions kept for learning", gt=0, le=1)
    max_pending: int = _setting(32, "most predictions kept for one customer", ge=1, le=1_000)


class ModelSettings(_Section):
    """Which model judges."""

    name: str = _setting("logistic", "a name of the registry", env="EBB_MODEL")
    warmup: int = _setting(
        500, "examples learnt before the model takes over from the prior", ge=0
    )


class PolicySettings(_Section):
    """When to act."""

    file: Path | None = _setting(None, "playbooks, budgets, caps", env="EBB_POLICY")
    threshold: float = _setting(0.6, "risk from which a customer is alerted", gt=0, lt=1)
    hysteresis: float = _setting(
        0.1, "risk must fall this far below the threshold to arm it again", ge=0, lt=1
    )
    cooldown: DurationOrZero = _setting(14 * DAY, "least time between two alerts of a customer")
    holdout: float = _setting(0.1, "share of customers who are never treated", ge=0, lt=1)
    salt: str = _setting("ebbtide", "changes who is held out")
    valid: Duration = _setting(7 * DAY, "how long an alert may be acted upon")


class TopicSettings(_Section):
    """Names and partitions of the topics."""

    prefix: str = _setting("", "put before every topic's name", pattern=r"^[A-Za-z0-9._-]{0,40}$")
    clickstream: str = _setting("clickstream", "events in, keyed by customer")
    outcomes: str = _setting("outcomes", "what the CRM says happened to an alert")
    interventions: str = _setting("interventions", "alerts out")
    training: str = _setting("training", "matured examples; one partition")
    models: str = _setting("models", "model snapshots; compacted")
    dead_letters: str = _setting("dead-letters", "messages that could not be used")
    rekeyed: str = _setting("clickstream-rekeyed", "events moved to their key's partition")
    partitions: int = _setting(12, "partitions of clickstream, the unit of capacity", ge=1, le=4096)
    replication: int = _setting(1, "replicas of each partition", ge=1, le=7)


class WorkerSettings(_Section):
    """How a worker works."""

    batch: int = _setting(500, "most records in one batch of one partition", ge=1, le=10_000)
    timers: int = _setting(500, "most customers whose timers fire in one batch", ge=1, le=10_000)
    port: int = _setting(0, "port of the health page; 0: none", ge=0, le=65_535)


class Settings(BaseSettings):
    """Everything that can be set. Frozen; read with `load_settings`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    churn: ChurnSettings = ChurnSettings()
    time: TimeSettings = TimeSettings()
    features: FeatureSettings = FeatureSettings()
    silence: SilenceSettings = SilenceSettings()
    labels: LabelSettings = LabelSettings()
    model: ModelSettings = ModelSettings()
    policy: PolicySettings = PolicySettings()
    topics: TopicSettings = TopicSettings()
    worker: WorkerSettings = WorkerSettings()

    @model_validator(mode="after")
    def _times_fit_together(self) -> Settings:
        if self.churn.active < self.churn.session_gap:
            raise ValueError("churn.active must be longer than churn.session_gap")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what `load_settings` hands over: it knows where each value was read."""
        return (init_settings,)

    def topic(self, name: str) -> str:
        """Return the full name of a topic, prefix included."""
        return f"{self.topics.prefix}{getattr(self.topics, name)}"


@dataclass(frozen=True)
class Key:
    """One setting: its key in the file, its variable, its default and its meaning."""

    name: str
    env: str
    default: Any
    meaning: str
    secret: bool


@dataclass(frozen=True)
class Loaded:
    """The settings, and for every key the place its value came from."""

    settings: Settings
    sources: Mapping[str, str]

    def value(self, key: Key) -> str:
        """Return a key's value as one would write it; secrets masked."""
        section, _, name = key.name.partition(".")
        value = getattr(self.settings, section).model_dump(mode="json")[name]
        if isinstance(value, list):
            return ",".join(str(item) for item in value)
        return "" if value is None else str(value)


def keys() -> dict[str, Key]:
    """Return every setting by its dotted key.

    Examples
    --------
    >>> keys()["churn.horizon"].env, keys()["policy.threshold"].env
    ('EBB_HORIZON', 'EBB_POLICY_THRESHOLD')
    """
    found = {}
    for section, holder in Settings.model_fields.items():
        model = holder.annotation
        assert isinstance(model, type) and issubclass(model, _Section)
        for name, field in model.model_fields.items():
            dotted = f"{section}.{name}"
            found[dotted] = Key(
                name=dotted,
                env=_env_name(section, name, field),
                default=field.default,
                meaning=field.description or "",
                secret=field.annotation is SecretStr,
            )
    return found


def _env_name(section: str, name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "env" in extra:
        return str(extra["env"])
    return f"EBB_{section}_{name}".upper()


def load_settings(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Loaded:
    """Read the settings.

    Parameters
    ----------
    config
        A settings file; without it ``EBB_CONFIG``, then ``ebbtide.toml`` in the working folder.
    environ
        The environment; ``os.environ`` when not given.
    options
        Values from the command line by dotted key; they win.

    Returns
    -------
    Loaded
        The settings and where each value was read.

    Raises
    ------
    SettingsError
        One line for every wrong setting.

    Examples
    --------
    >>> loaded = load_settings(environ={"EBB_HORIZON": "12w"})
    >>> loaded.settings.churn.horizon == 84 * DAY, loaded.sources["churn.horizon"]
    (True, 'environment EBB_HORIZON')
    >>> load_settings(environ={"EBB_HORIZON": "soon"})
    Traceback (most recent call last):
    ...
    streams.settings.SettingsError: churn.horizon = 'soon' (environment EBB_HORIZON): 'soon' is \
not a duration; write a number and a unit, such as 90s, 6h, 30d or 12w
    """
    environ = os.environ if environ is None else environ
    known = keys()
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    for origin, layer in (
        _from_file(config, environ, known),
        _from_environment(environ, known),
        ("command line", dict(options or {})),
    ):
        for name, value in layer.items():
            values[name] = value
            sources[name] = f"{origin} {known[name].env}" if origin == "environment" else origin
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, field = name.partition(".")
        nested.setdefault(section, {})[field] = value
    try:
        return Loaded(Settings(**nested), sources)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_explain(error, values, sources, known)) from None


def _from_file(
    config: Path | None, environ: Mapping[str, str], known: Mapping[str, Key]
) -> tuple[str, dict[str, Any]]:
    named = config or (Path(environ["EBB_CONFIG"]) if environ.get("EBB_CONFIG") else None)
    path = named or Path(CONFIG_FILE)
    if not path.is_file():
        if named is not None:
            raise SettingsError(f"{path}: no such settings file; check --config or EBB_CONFIG")
        return str(path), {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    layer: dict[str, Any] = {}
    for section, content in document.items():
        if not isinstance(content, dict):
            raise SettingsError(
                f"{path}: {section!r} stands outside a section; write [section] above it"
                f"{_hint(section, known)}"
            )
        for name, value in content.items():
            dotted = f"{section}.{name}"
            if dotted not in known:
                raise SettingsError(f"{path}: {dotted} is not a setting{_hint(dotted, known)}")
            if known[dotted].secret:
                raise SettingsError(
                    f"{path}: {dotted} is a secret; set {known[dotted].env} in the environment"
                )
            layer[dotted] = value
    return str(path), layer


def _from_environment(
    environ: Mapping[str, str], known: Mapping[str, Key]
) -> tuple[str, dict[str, Any]]:
    by_env = {key.env: name for name, key in known.items()}
    layer: dict[str, Any] = {}
    for variable, value in environ.items():
        if variable in by_env:
            layer[by_env[variable]] = value
        elif variable.startswith("EBB_") and not variable.startswith(_RESERVED):
            raise SettingsError(
                f"{variable} (environment) is not a setting{_hint(variable, by_env)}"
            )
    return "environment", layer


def _hint(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; ebb doctor --settings lists them all"


def _explain(
    error: ValidationError,
    values: Mapping[str, Any],
    sources: Mapping[str, str],
    known: Mapping[str, Key],
) -> str:
    lines = []
    for problem in error.errors():
        dotted = ".".join(str(part) for part in problem["loc"][:2])
        message = problem["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:] if message[:1] != "'" else message
        if dotted in known:
            shown = "***" if known[dotted].secret else repr(values.get(dotted))
            lines.append(f"{dotted} = {shown} ({sources[dotted]}): {message}")
        else:
            lines.append(message)
    return "\n".join(dict.fromkeys(lines))


__all__ = ["Key", "Loaded", "Millis", "Settings", "SettingsError", "keys", "load_settings"]
