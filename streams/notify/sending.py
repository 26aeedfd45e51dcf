"""One attempt over HTTP: no redirects, no forbidden addresses, no longer than it may take."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import aiohttp

from features import SECOND, Millis
from streams.notify.guard import AddressRefused, Network, guarded_socket
from streams.notify.schedule import Answer, retry_after

_AGENT: Final = "ebbtide"
#: Seconds that an idle connection is kept for the next message.
_IDLE: Final = 30
#: Letters of what went wrong that are kept.
_MOST_WORDS: Final = 200


class Sender:
    """Sends to endpoints; make it where an event loop runs, and close it.

    Parameters
    ----------
    timeout
        How long an attempt may take, from the look at the name to the status of the answer.
    allowed
        Networks that may be sent to though they are not of the public internet.
    wall
        The clock, in milliseconds.
    trust
        Whose certificates are believed; None: the system's.
    """

    def __init__(
        self,
        timeout: Millis,
        allowed: Iterable[Network],
        wall: Callable[[], Millis],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._wall = wall
        self._seconds = timeout / SECOND
        connector = aiohttp.TCPConnector(
            # How many are under way is bounded for each endpoint: nobody waits for another here.
            limit=0,
            keepalive_timeout=_IDLE,
            socket_factory=guarded_socket(allowed),
            ssl=trust or True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": _AGENT, "content-type": "application/json"},
            auto_decompress=False,
            # A proxy would connect to the address for us, and not ask.
            trust_env=False,
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Make an attempt; whatever goes wrong is an answer, too.

        Parameters
        ----------
        url
            The endpoint's.
        headers
            Those of the signature.
        body
            What was signed.
        """
        try:
            # What it says beyond the status is never read.
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as said:
                wait = retry_after(said.headers.get("retry-after"), self._wall())
                return Answer(said.status, _words(said), wait)
        except TimeoutError:
            return Answer(0, f"no answer within {self._seconds:g} s")
        except aiohttp.ClientConnectorError as error:
            return Answer(0, _why(error.os_error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, _brief(f"{type(error).__name__}: {_without(url, str(error))}"))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._session.close()


def _words(said: Any) -> str:
    words = f"{said.status} {said.reason or ''}".strip()
    if 300 <= said.status < 400:
        words += " (redirects are not followed)"
    return _brief(words)


def _why(error: OSError) -> str:
    if isinstance(error, AddressRefused):
        return str(error)
    return _brief(f"cannot connect: {error.strerror or error}")


def _without(url: str, words: str) -> str:
    """Return words without the address, in which some keep a password."""
    return words.replace(url, "URL")


def _brief(words: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in words[:_MOST_WORDS])
