"""Every setting, read once, from four places; later wins.

Defaults, then ``ebbtide.toml`` (or ``--config FILE``, ``EBB_CONFIG``), then the environment,
then command-line options. Whatever is wrong is said with the key, the value, what would be
right and where it was read. The rest of the code takes small frozen dataclasses of its own;
`streams.composition` makes them from `Settings`.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from features import Millis, format_duration
from streams.sections import Section, Settings
from streams.written import DURATION_READERS

CONFIG_FILE: Final = "ebbtide.toml"
#: Read elsewhere; not settings.
_RESERVED: Final = ("EBB_CONFIG", "EBB_TEST_", "EBB_DEMO_")


class SettingsError(ValueError):
    """A setting is wrong; the message says which, why, and where it was read."""


@dataclass(frozen=True)
class Key:
    """One setting: its key in the file, its variable, its default and its meaning.

    ``secret`` values are read from the environment only and never shown; a ``duration`` is
    written with its unit.
    """

    name: str
    env: str
    default: Any
    meaning: str
    secret: bool
    duration: bool

    def shown(self, value: Any) -> str:
        """Return a value as one would write it, with whatever is secret in it masked.

        Examples
        --------
        >>> keys()["redis.url"].shown("redis://:hunter2@cache:6379/0")
        'redis://:***@cache:6379/0'
        >>> keys()["churn.horizon"].shown(86_400_000)
        '1d'
        """
        if self.secret:
            return "***" if value else ""
        if isinstance(value, list | tuple):
            return ",".join(self.shown(item) for item in value)
        if isinstance(value, bool):
            return str(value).lower()
        if self.duration and isinstance(value, int):
            return format_duration(value)
        return "" if value is None else _masked(str(value))


def _masked(text: str) -> str:
    text = re.sub(r"(://[^/@:]*):.*@", r"\1:***@", text)
    return re.sub(r"([?&]password=)[^&]*", r"\1***", text)


@dataclass(frozen=True)
class Loaded:
    """The settings, and for every key the place its value came from."""

    settings: Settings
    sources: Mapping[str, str]

    def value(self, key: Key) -> str:
        """Return a key's value as one would write it; secrets masked."""
        section, _, name = key.name.partition(".")
        value = getattr(getattr(self.settings, section), name)
        return key.shown(value.get_secret_value() if isinstance(value, SecretStr) else value)


@cache
def keys() -> Mapping[str, Key]:
    """Return every setting by its dotted key.

    Examples
    --------
    >>> keys()["churn.horizon"].env, keys()["policy.threshold"].env
    ('EBB_HORIZON', 'EBB_POLICY_THRESHOLD')
    """
    found = {}
    for section, holder in Settings.model_fields.items():
        model = holder.annotation
        assert isinstance(model, type) and issubclass(model, Section)
        for name, field in model.model_fields.items():
            dotted = f"{section}.{name}"
            found[dotted] = Key(
                name=dotted,
                env=_env_name(section, name, field),
                default=field.default,
                meaning=field.description or "",
                secret=field.annotation is SecretStr,
                duration=any(
                    isinstance(part, BeforeValidator) and part.func in DURATION_READERS
                    for part in field.metadata
                ),
            )
    return found


def _env_name(section: str, name: str, field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "env" in extra:
        return str(extra["env"])
    return _plain_env_name(f"{section}.{name}")


def _plain_env_name(dotted: str) -> str:
    return f"EBB_{dotted.replace('.', '_')}".upper()


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
        The environment; ``os.environ`` when not given. An empty variable counts as not set.
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
    >>> loaded.value(keys()["churn.horizon"]), loaded.sources["churn.horizon"]
    ('84d', 'environment EBB_HORIZON')
    >>> load_settings(environ={"EBB_HORIZON": "soon"})
    Traceback (most recent call last):
    ...
    streams.settings.SettingsError: churn.horizon = 'soon' (environment EBB_HORIZON): 'soon' is \
not a duration; write a number and a unit, such as 90s, 6h, 30d or 12w
    """
    environ = os.environ if environ is None else environ
    known = keys()
    path = _file(config, environ)
    layers = (
        (str(path), _from_file(path, known)),
        ("environment", _from_environment(environ, known)),
        ("command line", _from_options(options or {}, known)),
    )
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    for origin, layer in layers:
        for name, value in layer.items():
            values[name] = value
            sources[name] = f"{origin} {known[name].env}" if origin == "environment" else origin
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, field = name.partition(".")
        nested.setdefault(section, {})[field] = value
    try:
        return Loaded(Settings(**nested), sources)  # type: ignore[arg-type]  # pydantic converts
    except ValidationError as error:
        raise SettingsError(_explain(error, values, sources, known)) from None


def _file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = config or (Path(environ["EBB_CONFIG"]) if environ.get("EBB_CONFIG") else None)
    if named is not None and not named.is_file():
        raise SettingsError(f"{named}: no such settings file; check --config or EBB_CONFIG")
    path = named or Path(CONFIG_FILE)
    return path if path.is_file() else None


def _from_file(path: Path | None, known: Mapping[str, Key]) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    layer: dict[str, Any] = {}
    wrong = []
    for section, content in document.items():
        if not isinstance(content, dict):
            wrong.append(
                f"{path}: {section} stands outside a section; write [section] above it"
                f"{_hint(section, known)}"
            )
            continue
        for name, value in content.items():
            dotted = f"{section}.{name}"
            if dotted not in known:
                wrong.append(f"{path}: {dotted} is not a setting{_hint(dotted, known)}")
            elif known[dotted].secret:
                wrong.append(
                    f"{path}: {dotted} is a secret; set {known[dotted].env} in the environment"
                )
            else:
                layer[dotted] = _with_unit(value) if known[dotted].duration else value
    if wrong:
        raise SettingsError("\n".join(wrong))
    return layer


def _with_unit(value: Any) -> Any:
    """Turn a bare number into text, so that it is refused for its missing unit."""
    if isinstance(value, list):
        return [_with_unit(item) for item in value]
    return str(value) if isinstance(value, int | float) else value


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Key]) -> dict[str, Any]:
    by_env = {key.env: name for name, key in known.items()}
    meant = {_plain_env_name(name): key.env for name, key in known.items()}
    layer: dict[str, Any] = {}
    wrong = []
    for variable, value in environ.items():
        if variable in by_env:
            if value:
                layer[by_env[variable]] = value
        elif variable.startswith("EBB_") and not variable.startswith(_RESERVED):
            hint = (
                f"; did you mean {meant[variable]}?"
                if variable in meant
                else _hint(variable, by_env)
            )
            wrong.append(f"{variable} (environment) is not a setting{hint}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return layer


def _from_options(options: Mapping[str, Any], known: Mapping[str, Key]) -> dict[str, Any]:
    wrong = [
        f"{name} (command line) is not a setting{_hint(name, known)}"
        for name in options
        if name not in known
    ]
    if wrong:
        raise SettingsError("\n".join(wrong))
    return dict(options)


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
        if dotted in known:
            key = known[dotted]
            message = _in_words(problem["type"], problem["msg"], key)
            shown = "***" if key.secret else _masked(repr(values.get(dotted)))
            lines.append(f"{dotted} = {shown} ({sources[dotted]}): {message}")
        else:
            # Two settings that do not go together: the message names them both.
            message = problem["msg"].removeprefix("Value error, ")
            read = [
                f"{name}: {sources[name]}"
                for name in known
                if re.search(rf"{re.escape(name)}\b", message) and sources[name] != "default"
            ]
            lines.append(f"{message} ({', '.join(read)})" if read else message)
    return "\n".join(dict.fromkeys(lines))


#: Where pydantic speaks of types, we say what to write.
_WRITE: Final = {
    "bool_parsing": "write true or false",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "int_from_float": "write a whole number",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "path_type": "write a path, in quotes",
    "string_type": "write text, in quotes",
    "too_short": "name at least one",
    "tuple_type": "write a list, or values separated by commas",
}


def _in_words(kind: str, message: str, key: Key) -> str:
    if key.duration and kind.startswith(("int_", "float_")):
        return "write a number and a unit, such as 90s, 6h, 30d or 12w"
    if kind in _WRITE:
        return _WRITE[kind]
    message = message.removeprefix("Value error, ").replace("Input should be", "must be", 1)
    return message[:1].lower() + message[1:] if message[:1] != "'" else message


__all__ = ["Key", "Loaded", "Millis", "Settings", "SettingsError", "keys", "load_settings"]
