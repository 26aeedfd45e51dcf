"""Processes with a mistake built in: a harness that does not find it is blind.

``python -m tests.chaos.mutants no-fence -- worker`` is ``ebb worker`` but for one thing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from features.store import Commit, RedisStore
from streams.cli import main


def no_fence() -> None:
    """Commit whatever the mark is by now: who was away for long writes over what others did."""
    commit = RedisStore.commit

    async def heedless(self: RedisStore, partition: int, batch: Commit) -> bool:
        present = await self.mark(partition)
        return await commit(self, partition, dataclasses.replace(batch, expected=present))

    RedisStore.commit = heedless  # type: ignore[method-assign]  # that is the point


def early_trim() -> None:
    """Take a message for published as soon as it is handed over, before the broker has it."""
    from streams.live import relay

    class Hasty(relay.AIOKafkaProducer):  # type: ignore[misc]  # written without types
        async def send(self, *words: Any, **more: Any) -> asyncio.Future[None]:
            under_way = await super().send(*words, **more)
            under_way.add_done_callback(_look_away)
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            done.set_result(None)
            return done

    from streams.live import apps

    for module in (relay, apps):
        if hasattr(module, "AIOKafkaProducer"):
            module.AIOKafkaProducer = Hasty  # type: ignore[misc]


def early_settle() -> None:
    """Take a webhook for delivered as soon as it is sent, before anybody has answered."""
    from streams.notify import sending

    send = sending.Sender.send
    under_way: set[asyncio.Task[Any]] = set()

    async def hasty(self: sending.Sender, *words: Any) -> sending.Answer:
        task = asyncio.create_task(send(self, *words))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        return sending.Answer(204, "204 No Content")

    sending.Sender.send = hasty  # type: ignore[method-assign]  # that is the point


def _look_away(future: Any) -> None:
    if not future.cancelled():
        future.exception()


MUTANTS: dict[str, Callable[[], None]] = {
    "no-fence": no_fence,
    "early-trim": early_trim,
    "early-settle": early_settle,
}
#: Those that are mistakes of ``ebb notify``, and not of a worker.
OF_NOTIFY = frozenset({"early-settle"})


if __name__ == "__main__":
    _, name, _, *arguments = sys.argv
    MUTANTS[name]()
    sys.argv = ["ebb", *arguments]
    main()
