"""The little shop to click through: one page with the tracker in it, on a port of this machine."""

from __future__ import annotations

import threading
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["Storefront", "page"]

#: What the page has where a shop puts its own.
_SCRIPT: Final = 'src="/ebb.js" data-key="example"'
_COMMAND: Final = 'data-command="ebb inspect"'
#: Seconds that an idle browser may hold a thread.
_PATIENCE: Final = 20


@cache
def _template() -> str:
    return (files(__name__) / "index.html").read_text(encoding="utf-8")


def page(collector: str, key: str, command: str = "ebb inspect") -> str:
    """Return the shop's page.

    Parameters
    ----------
    collector
        Its address, such as ``http://127.0.0.1:8080``.
    key
        The write key that the page shows.
    command
        What the page tells its visitors to type before their name.

    Examples
    --------
    >>> text = page("https://events.shop.example", "ebb_key")
    >>> '<script async src="https://events.shop.example/ebb.js" data-key="ebb_key"' in text
    True
    """
    script = f'src="{escape(collector.rstrip("/"))}/ebb.js" data-key="{escape(key)}"'
    told = f'data-command="{escape(command)}"'
    return _template().replace(_SCRIPT, script).replace(_COMMAND, told)


class Storefront:
    """Serves the shop's page on a free loopback port, for as long as the block lasts.

    Its address is not the collector's, as with a shop of one's own.

    Parameters
    ----------
    collector, key, command
        As for `page`.

    Examples
    --------
    >>> from urllib.request import urlopen
    >>> with Storefront("http://127.0.0.1:8080", "ebb_key") as shop, urlopen(shop.url) as answer:
    ...     b"The Tea House" in answer.read()
    True
    """

    def __init__(self, collector: str, key: str, command: str = "ebb inspect") -> None:
        handler = type("Counter", (_Counter,), {"page": page(collector, key, command).encode()})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="storefront", daemon=True
        )
        self._thread.start()
        #: Where a browser finds it.
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self) -> None:
        """Close the shop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Storefront:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Counter(BaseHTTPRequestHandler):
    page: bytes
    timeout = _PATIENCE

    def do_GET(self) -> None:
        found = urlsplit(self.path).path == "/"
        body = self.page if found else b"There is only one page here, at /\n"
        self.send_response(200 if found else 404)
        self.send_header("content-type", f"text/{'html' if found else 'plain'}; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        # The next demo has another key.
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the demo, and what people look at to them."""
