"""Which server is used: the first source that has one, unless a real one is required."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


class ServerError(RuntimeError):
    """No usable server; the message says what was tried and what would help."""


@dataclass(frozen=True)
class Server:
    """A server that runs.

    ``address`` is bootstrap servers or a URL, ``backend`` names it for people, ``real`` says
    whether it is the product itself and not something that speaks its protocol.
    """

    address: str
    backend: str
    real: bool
    stop: Callable[[], None] = field(default=lambda: None, repr=False)


@dataclass(frozen=True)
class Source:
    """One way to come by a server: its name, and what returns it or raises `ServerError`."""

    name: str
    start: Callable[[Path], Server]


def first_that_answers(
    what: str,
    sources: Iterable[Source],
    folder: Path,
    *,
    require_real: str | None = None,
) -> Server:
    """Return the server of the first source that has one.

    ``require_real`` names the variable that asks for a real server; a server that is not is
    then refused like none at all.
    """
    tried: list[str] = []
    for source in sources:
        try:
            server = source.start(folder)
        except ServerError as error:
            tried.append(f"  {source.name}: {error}")
            continue
        if require_real is None or server.real:
            return server
        server.stop()
        tried.append(f"  {source.name}: {server.backend} is not a real {what}")
    reason = f"a real {what} is required ({require_real}=1)" if require_real else f"no {what}"
    raise ServerError("\n".join([f"{reason}, and there is none to be had:", *tried]))


def required(variable: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the variable's name if it asks for a real server."""
    return variable if environ.get(variable, "") not in ("", "0") else None
