"""The consumer's thread ends with the process, also when it has ended before it was told to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from streams.live.connecting import ConsumerThread


class _Thread(ConsumerThread):
    """The thread alone: it connects to nothing."""

    def __post_init__(self) -> None:
        pass

    async def on_start(self) -> None:
        pass

    async def on_thread_stop(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_thread_that_a_crash_has_ended_is_stopped_without_an_error() -> None:
    async def crash_then_stop() -> None:
        thread = _Thread(SimpleNamespace(transport=SimpleNamespace(app=None)))
        await thread.start()
        thread._crash(ValueError("somebody has to decide"))
        assert thread._thread is not None
        await asyncio.to_thread(thread._thread.join, 10)
        assert thread.thread_loop.is_closed()
        await asyncio.wait_for(thread.stop(), 10)
        assert thread._stopped.is_set()

    asyncio.run(crash_then_stop())


def test_a_busy_partition_does_not_wait_long_for_news_of_a_quiet_one() -> None:
    thread = _Thread(SimpleNamespace(transport=SimpleNamespace(app=None)))
    thread.hurry(busy=True)  # not connected yet
    fetcher = SimpleNamespace(_fetch_max_wait_ms=1_500, _fetch_min_bytes=1)
    thread._consumer = SimpleNamespace(_fetcher=fetcher)
    thread.hurry(busy=True)
    busy, together = fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes
    thread.hurry(busy=False)
    assert busy * 10 < fetcher._fetch_max_wait_ms < 1_500
    # What comes now and then is told at once; what comes all the time, together with more.
    assert fetcher._fetch_min_bytes == 1
    assert together > 10_000
