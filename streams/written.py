"""How what people write in settings is read: durations, lists of words, addresses, names.

A value that is not right is refused with what would be.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from features import format_duration, parse_duration


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
#: What marks a field as a duration, for those who read it from a file.
DURATION_READERS: Final = (_duration, _durations)
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
#: Names that are part of a trait's name.
Categories = Annotated[tuple[Annotated[str, Field(max_length=60)], ...], BeforeValidator(_words)]
Numbers = Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_words)]


_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?")


def _bootstrap(value: str) -> str:
    if "://" in value:
        raise ValueError("write HOST:PORT without a scheme; for TLS set kafka.security = SSL")
    for part in value.split(","):
        if not _HOST.fullmatch(part.strip()):
            raise ValueError("write HOST:PORT, several of them separated by commas")
    return value


def _redis_url(value: str) -> str:
    right = "write redis://HOST:PORT/DB (rediss:// for TLS, redis+cluster:// for a cluster)"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(f"the port is not a number; {right}") from None
    if parts.scheme not in ("redis", "rediss", "redis+cluster", "rediss+cluster"):
        raise ValueError(right)
    if not parts.hostname or port == 0:
        raise ValueError(f"the host is missing; {right}")
    database = parts.path.strip("/")
    # The client would silently use database 0 instead.
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not the number of a database; {right}")
    if "cluster" in parts.scheme and database not in ("", "0"):
        raise ValueError("a Redis Cluster has no databases but 0; leave the number out")
    return value


def named(most: int, least: int = 1) -> AfterValidator:
    """Return what holds a name to its letters and its length."""
    allowed = re.compile(f"[A-Za-z0-9._-]{{{least},{most}}}")

    def check(value: str) -> str:
        if not allowed.fullmatch(value):
            raise ValueError(
                "letters, digits, dots, dashes and underscores only, "
                f"{f'{least} to' if least else 'at most'} {most} of them"
            )
        return value

    return AfterValidator(check)


TopicName = Annotated[str, named(200)]
Bootstrap = Annotated[str, AfterValidator(_bootstrap)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]


def _web(value: str) -> str:
    if not value:
        return value
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("write https://HOST or http://HOST:PORT")
    return value.rstrip("/")


def _origin(value: str) -> str:
    if value != "*" and (not _web(value) or urlsplit(value).path):
        raise ValueError("write * or https://HOST, as browsers name a site, without a path")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(f"{error}; write 10.1.0.0/16, or fd00::/8") from None


def _currency(value: str) -> str:
    if value and not re.fullmatch("[A-Z]{3}", value):
        raise ValueError("write three capital letters, such as EUR")
    return value


Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...],
    BeforeValidator(_words),
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    BeforeValidator(_words),
]
WebAddress = Annotated[str, AfterValidator(_web)]
Currency = Annotated[str, AfterValidator(_currency)]
