"""Many processes decide at once, and some are killed: not a cent too much, none lost for good."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from models.limits import Filling, RedisLimits
from tests.models.limits.spending import BUDGET, END, pots
from tests.servers import wait_for

#: EBB_LONG=1 for about a minute of it.
LONG = os.environ.get("EBB_LONG", "") not in ("", "0")
PROCESSES = 8
DAYS = 40 if LONG else 3
KILLED = 40 if LONG else 4


class Spender:
    """A process that can be killed and started again; what it said is kept."""

    def __init__(self, folder: Path, url: str, namespace: str, number: int) -> None:
        self._command = [
            *(sys.executable, "-m", "tests.models.limits.spending"),
            *(url, namespace, str(number), str(DAYS)),
        ]
        self._folder, self._number = folder, number
        self._lives = 0
        self.start()

    def start(self) -> None:
        self._lives += 1
        with self._of(self._lives).open("wb") as said:
            self.process = subprocess.Popen(self._command, stdout=said)

    def _of(self, life: int) -> Path:
        return self._folder / f"{self._number}-{life}"

    def said(self) -> list[list[str]]:
        texts = (self._of(life + 1).read_text() for life in range(self._lives))
        # Whoever is killed may leave half a line, and will say it again.
        return [
            line.split() for text in texts for line in text.splitlines(True) if line[-1] == "\n"
        ]

    def ended(self) -> bool:
        return self.process.poll() is not None


def test_eight_processes_spend_the_budget_to_the_cent_though_some_are_killed(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    spenders = [Spender(tmp_path, redis_url, namespace, number) for number in range(PROCESSES)]
    dice = random.Random(7)
    try:
        for _ in range(KILLED):
            victim = dice.choice(spenders)
            before = len(victim.said())
            wait_for("it spends", lambda v=victim, b=before: len(v.said()) > b or v.ended(), 60)
            victim.process.kill()
            victim.process.wait()
            victim.start()
        for spender in spenders:
            assert spender.process.wait(300) == 0
    finally:
        for spender in spenders:
            spender.process.kill()
            spender.process.wait()

    granted: dict[str, tuple[int, int]] = {}
    used: dict[str, tuple[int, int]] = {}
    for spender in spenders:
        for what, alert, day, amount in spender.said():
            if what in ("granted", "used"):
                told = granted if what == "granted" else used
                assert told.setdefault(alert, (int(day), int(amount))) == (int(day), int(amount))
    spent, paid = Counter[int](), Counter[int]()
    for day, amount in granted.values():
        spent[day] += amount
    for day, amount in used.values():
        paid[day] += amount
    assert spent == dict.fromkeys(range(DAYS), BUDGET)

    async def audit() -> None:
        client: Any = Redis.from_url(redis_url)
        try:
            limits = RedisLimits(client, namespace)
            names = [pots(day)[0].name for day in range(DAYS)]
            assert await limits.look(names) == [Filling(BUDGET, paid[day]) for day in range(DAYS)]
            # What nobody has settled by then comes back.
            await limits.reserve([], END)
            assert await limits.look(names) == [Filling(paid[d], paid[d]) for d in range(DAYS)]
        finally:
            await client.aclose()

    asyncio.run(audit())
