"""Where mappings come from: those that come along, and the files that people write."""

from __future__ import annotations

import difflib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from streams.recorded.mapping import Layout, Mapping, MappingError, TimeColumn, Word

_MAX_MAPPING_BYTES: Final = 256 * 1024


def built_in_mappings() -> tuple[str, ...]:
    """Return the names of the mappings that come along.

    Examples
    --------
    >>> built_in_mappings()
    ('cdnow', 'completejourney')
    """
    folder = resources.files("streams.recorded") / "mappings"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Read a mapping: one that comes along by its name, or a file.

    Parameters
    ----------
    name_or_path
        A name of `built_in_mappings`, or the path of a TOML file. A name wins; ``./cdnow``
        is the file.

    Raises
    ------
    MappingError
        A line for everything that is wrong, with the file, the key and what would be right.

    Examples
    --------
    >>> load_mapping("cdnov")
    Traceback (most recent call last):
    ...
    streams.recorded.mapping.MappingError: no mapping 'cdnov': it is neither a file nor one of \
cdnow, completejourney; did you mean cdnow?
    """
    name, known = str(name_or_path), built_in_mappings()
    if name in known:
        text = (resources.files("streams.recorded") / "mappings" / f"{name}.toml").read_text(
            "utf-8"
        )
        return parse_mapping(text, f"mapping {name}")
    path = Path(name_or_path)
    if not path.is_file():
        close = difflib.get_close_matches(name, known, n=1)
        raise MappingError(
            f"no mapping {name!r}: it is neither a file nor one of {', '.join(known)}"
            + (f"; did you mean {close[0]}?" if close else "")
        )
    try:
        if path.stat().st_size > _MAX_MAPPING_BYTES:
            raise MappingError(f"{path}: too large for a mapping; is this the data file?")
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise MappingError(f"{path}: not UTF-8 text; a mapping is a TOML file") from None
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, where: str) -> Mapping:
    r"""Read a mapping from its TOML text.

    Parameters
    ----------
    text
        The TOML.
    where
        What to call it in messages.

    Raises
    ------
    MappingError
        As `load_mapping`.

    Examples
    --------
    >>> parse_mapping('customer = "id"\ntime = "at"', "mine.toml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    streams.recorded.mapping.MappingError: mine.toml: type: missing; write ...
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{where}: not valid TOML: {error}") from None
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        lines = [f"{where}: {_explain(dict(problem))}" for problem in error.errors()]
        raise MappingError("\n".join(dict.fromkeys(lines))) from None


_EXAMPLES: Final = {
    "customer": 'customer = "column"',
    "time": 'time = { column = "...", format = "iso" }',
    "type": 'type = { column = "..." } or type = { constant = "purchase" }',
}


def _explain(problem: dict[str, Any]) -> str:
    path = [str(part) for part in problem["loc"]]
    key = ".".join(path)
    if problem["type"] == "missing":
        return f"{key}: missing; write {_EXAMPLES.get(key, key)}"
    if problem["type"] == "extra_forbidden":
        known: dict[str, type[BaseModel]] = {
            "file": Layout,
            "time": TimeColumn,
            "type": Word,
            "currency": Word,
        }
        holder = known.get(path[0], Mapping) if len(path) > 1 else Mapping
        close = difflib.get_close_matches(path[-1], holder.model_fields, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(holder.model_fields)}"
        return f"{key}: not a key of a mapping; {hint}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}" if key else message
