"""The way that can be broken: it passes on, breaks, waits and swallows as it is told."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from streams.demo import free_port
from tests.chaos.proxy import Proxy
from tests.servers import wait_for


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            while data := self.request.recv(1_000):
                self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy before somebody who says what he hears."""
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        proxy = Proxy(free_port())
        proxy.towards(server.server_address[1])
        yield proxy
        proxy.close()
        server.shutdown()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def said(line: socket.socket, word: bytes) -> bytes:
    line.sendall(word)
    return line.recv(100)


def test_it_passes_on_both_ways(proxy: Proxy) -> None:
    with connect(proxy) as line:
        assert said(line, b"hello") == b"hello"
        assert proxy.passed == 10


def test_a_cut_ends_what_is_connected_and_lets_new_ones_in(proxy: Proxy) -> None:
    with connect(proxy) as line, connect(proxy) as other:
        assert said(line, b"hello") == b"hello"
        assert said(other, b"hello") == b"hello"
        proxy.cut()
        for each in (line, other):
            with suppress(ConnectionResetError):
                assert each.recv(100) == b""
    with connect(proxy) as line:
        assert said(line, b"again") == b"again"


def test_it_refuses_until_it_is_mended(proxy: Proxy) -> None:
    proxy.cut(refuse=True)
    with pytest.raises((ConnectionError, AssertionError)), connect(proxy) as line:
        assert said(line, b"hello") == b"hello"
    proxy.mend()
    with connect(proxy) as line:
        assert said(line, b"hello") == b"hello"


def test_it_swallows_until_it_is_mended_and_then_gives_it_back(proxy: Proxy) -> None:
    with connect(proxy) as line:
        assert said(line, b"hello") == b"hello"
        proxy.swallow()
        line.sendall(b"anybody?")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(100)
        line.settimeout(5)
        proxy.mend()
        assert line.recv(100) == b"anybody?"


def test_it_slows_down(proxy: Proxy) -> None:
    with connect(proxy) as line:
        assert said(line, b"hello") == b"hello"
        proxy.slow(0.2)
        began = time.monotonic()
        assert said(line, b"hello") == b"hello"
        assert time.monotonic() - began >= 0.4


def test_nobody_is_let_in_when_it_is_closed(proxy: Proxy) -> None:
    proxy.close()

    def closed() -> bool:
        with suppress(OSError), connect(proxy):
            return False
        return True

    wait_for("it is closed", closed, 5)
