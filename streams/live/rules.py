"""The rules of now: a worker whose policy file says something else goes by that from then on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features import SECOND, Millis
from models.playbooks import Plan, changes
from streams.live.policyfile import SETTLE, PolicyWatch, Unusable
from streams.pipeline import Shop

logger = logging.getLogger(__name__)

#: Faults of a file that are told; `ebb policy check` tells all.
MOST_TOLD: Final = 20


@dataclass(frozen=True)
class InForce:
    """By which version of the policy file is decided, and why not by the one that lies there.

    Parameters
    ----------
    policy
        Its fingerprint; empty where there is no policy file.
    since
        Since when.
    wrong
        What is wrong with the file as it lies there, a line each; empty if nothing is.
    wrong_since
        Since when; None if nothing is.
    reloads
        How often another version was taken up.
    """

    policy: str = ""
    since: Millis = 0
    wrong: tuple[str, ...] = ()
    wrong_since: Millis | None = None
    reloads: int = 0

    @property
    def trouble(self) -> str:
        """What is wrong, in words; empty when nothing is."""
        if not self.wrong:
            return ""
        first, *more = self.wrong
        others = f" (and {len(more)} more)" if more else ""
        return f"the policy file is wrong, so version {self.policy} goes on: {first}{others}"


class CurrentRules:
    """By which rules is decided now.

    A batch asks once, so that it never sees two versions.

    Parameters
    ----------
    shop
        The rules at the start.
    redraw
        Returns the rules with another version of the policy file.
    watch
        Looks at the policy file; None for never.
    every
        How often.
    wall
        The machine's clock.
    """

    def __init__(
        self,
        shop: Shop,
        redraw: Callable[[Shop, Plan], Shop],
        watch: PolicyWatch | None,
        every: Millis,
        wall: Callable[[], Millis],
    ) -> None:
        self._shop = shop
        self._redraw = redraw
        self._watch = watch
        self._every = every
        self._wall = wall
        #: Faults that were logged since the file was last right.
        self._logged: set[str] = set()
        plan = shop.plan
        self.in_force = InForce() if plan is None else InForce(plan.fingerprint, wall())

    def __call__(self) -> Shop:
        """Return the rules of now."""
        return self._shop

    async def run(self) -> None:
        """Look until cancelled."""
        watch = self._watch
        while watch is not None:
            pause = min(self._every, SETTLE + 50) if watch.settling else self._every
            await asyncio.sleep(pause / SECOND)
            await self.look()

    async def look(self) -> None:
        """Look at the policy file, beside the work, and go by what it says if that is right."""
        watch, now = self._watch, self._wall()
        if watch is None:
            return
        try:
            said = await asyncio.to_thread(watch.look, now)
        except Exception as error:  # a file that nobody has thought of must not stop the line
            logger.exception("the policy file could not be looked at")
            said = Unusable((f"{type(error).__name__}: {error}",))
        if isinstance(said, Unusable):
            self._keep(said, now)
        elif said is not None:
            self._take(said, now)

    def _keep(self, said: Unusable, now: Millis) -> None:
        """Go on as before, and say why."""
        was = self.in_force
        since = now if was.wrong_since is None else was.wrong_since
        self.in_force = InForce(was.policy, was.since, said.wrong[:MOST_TOLD], since, was.reloads)
        new = [fault for fault in said.wrong if fault not in self._logged]
        for fault in new[:MOST_TOLD]:
            logger.error("policy file: %s", fault)
        self._logged.update(new[:MOST_TOLD])
        more = len(new) - MOST_TOLD
        logger.error(
            "the policy file is wrong%s: version %s goes on until it is right",
            f" in {more} more places" if more > 0 else "",
            was.policy,
        )

    def _take(self, plan: Plan, now: Millis) -> None:
        was, before = self.in_force, self._shop.plan
        self._logged.clear()
        if plan.fingerprint == was.policy:
            self.in_force = InForce(was.policy, was.since, reloads=was.reloads)
            if was.wrong:
                logger.info(
                    "the policy file is right again: version %s, as before", plan.fingerprint
                )
            return
        self._shop = self._redraw(self._shop, plan)
        self.in_force = InForce(plan.fingerprint, now, reloads=was.reloads + 1)
        logger.info(
            "policy file: version %s is decided by from now on, and no longer %s",
            *(plan.fingerprint, was.policy),
        )
        for change in changes(before, plan)[:MOST_TOLD] if before is not None else ():
            logger.info("policy file: %s", change)
        if before is not None and (before.holdout, before.salt) != (plan.holdout, plan.salt):
            logger.warning(
                "policy file: others are held out than before; what is known of the holdout so far"
                " does not carry over"
            )


def watch_of(shop: Shop, path: Path | None, every: Millis) -> PolicyWatch | None:
    """Return who looks at the policy file of a shop; None if it has none, or nobody should."""
    if path is None or not every or shop.plan is None:
        return None
    return PolicyWatch(path, shop.definition)


__all__ = ["MOST_TOLD", "CurrentRules", "InForce", "watch_of"]
