"""The demo from beginning to end: feed, look, and tell how good it was against the truth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from kafka import KafkaConsumer

from features import DAY, decode_state, from_datetime
from models.deciding import Alert
from models.judging import calibration, log_loss, roc_auc
from streams.brokers import open_consumer
from streams.demo.feed import Feed
from streams.demo.picture import (
    Account,
    AlertLine,
    BandLine,
    KindLine,
    Picture,
    Progress,
    Quality,
)
from streams.demo.shoppers import Shop
from streams.demo.stage import PARTITIONS, Stage
from streams.demo.truth import Truth
from streams.live import Logs, Status, View, looking

#: Seconds between looks, and after the last event until everything must have settled.
_LOOK: Final = 0.4
_SETTLE: Final = 120.0
_BANDS: Final = 5
_TOLD: Final = 8
_BATCH: Final = 1_000

Show = Callable[[Progress, Picture, Quality], None]


class Unsettled(RuntimeError):
    """The workers did not finish in time."""


class _Known:
    """A topic that ends where it is read to.

    What is missing in ``training``, `Status.matured` says; and no event of the demo is moved.
    """

    def __len__(self) -> int:
        return 1

    def read(self, positions: Mapping[int, int]) -> Mapping[int, int]:
        return {number: max(position, 0) for number, position in positions.items()}


class _Alerts:
    """The alerts, as any CRM would read them."""

    def __init__(self, stage: Stage) -> None:
        settings = stage.loaded.settings
        self._consumer: KafkaConsumer = open_consumer(settings, auto_offset_reset="earliest")
        self._consumer.subscribe([settings.topic("interventions")])
        self._decoder = msgspec.json.Decoder(Alert)
        self.all: list[Alert] = []
        self._seen: set[str] = set()

    def look(self) -> None:
        for records in self._consumer.poll(timeout_ms=0, max_records=5_000).values():
            for record in records:
                alert = self._decoder.decode(record.value)
                if alert.alert_id not in self._seen:
                    self._seen.add(alert.alert_id)
                    self.all.append(alert)

    def close(self) -> None:
        self._consumer.close(autocommit=False)


async def play(stage: Stage, shop: Shop, truth: Truth, seconds: float, show: Show) -> Account:
    """Run the simulation through the system and give an account of it.

    Parameters
    ----------
    stage
        The running system.
    shop, truth
        The shoppers, and what is hidden from the model.
    seconds
        How long the simulation should take.
    show
        Called a few times a second with what there is to see.

    Raises
    ------
    Unsettled
        If the workers do not finish in time.
    ChildError
        If a process ends.
    """
    began = time.monotonic()
    feed = Feed(stage.loaded.settings, shop, seconds, PARTITIONS)
    alerts = _Alerts(stage)
    async with looking(stage.loaded.settings) as view:
        feed.start()
        try:
            rate = _Rate(began)
            finished: float | None = None
            while True:
                await asyncio.sleep(_LOOK)
                stage.check()
                if feed.error is not None:
                    raise feed.error
                status = await view.status(Logs(feed, _Known(), _Known()))
                alerts.look()
                feed.applied = sum(part.position for part in status.partitions)
                progress = Progress(
                    start=shop.start,
                    end=shop.end,
                    reached=feed.reached,
                    sent=feed.sent,
                    applied=status.applied,
                    rate=rate.of(status.applied),
                    elapsed=time.monotonic() - began,
                )
                picture = _picture(status, alerts.all)
                quality = _prequential(status)
                show(progress, picture, quality)
                if feed.done and status.idle and status.learnt == status.matured:
                    break
                if feed.done:
                    finished = finished or time.monotonic()
                    if time.monotonic() - finished > _SETTLE:
                        raise Unsettled(
                            f"not settled {_SETTLE:.0f} seconds after the last event: lag "
                            f"{status.lag}, outbox {status.outbox}, "
                            f"{status.matured - status.learnt} examples to learn"
                        )
            alerts.look()
            return await _account(view, shop, truth, alerts.all, progress, picture, quality)
        finally:
            feed.halt()
            alerts.close()


class _Rate:
    """Applied events a second, over the time since the first was applied."""

    def __init__(self, began: float) -> None:
        self._since = began

    def of(self, applied: int) -> float:
        now = time.monotonic()
        if not applied:
            self._since = now
            return 0.0
        return applied / max(now - self._since, _LOOK)


def _picture(status: Status, alerts: list[Alert]) -> Picture:
    return Picture(
        customers=status.customers,
        watermark=status.watermark,
        decisions=status.decisions,
        alerts=status.alerts,
        held_out=status.alerts_holdout,
        duplicates=sum(part.duplicate for part in status.partitions),
        late=sum(part.late for part in status.partitions),
        refused=sum(part.invalid for part in status.partitions),
        waiting=status.pending,
        learnt=status.learnt,
        model=status.model,
        latest=tuple(_line(alert) for alert in reversed(alerts[-5:])),
    )


def _line(alert: Alert, kind: str = "", came_back: bool | None = None) -> AlertLine:
    reasons = tuple(reason.text for reason in alert.reasons)
    return AlertLine(alert.user_id, alert.risk, alert.arm, reasons, kind, came_back)


def _prequential(status: Status) -> Quality:
    quality: dict[str, Any] = status.quality
    return Quality(quality.get("auc"), quality.get("log_loss"), quality.get("count") or 0)


async def _account(
    view: View,
    shop: Shop,
    truth: Truth,
    alerts: list[Alert],
    progress: Progress,
    picture: Picture,
    quality: Quality,
) -> Account:
    names, risks = await _judged_at_the_end(view, shop)
    gone = [float(truth.churned(name, shop.end)) for name in names]
    alerted = {alert.user_id for alert in alerts}
    recent = [alert for alert in alerts if from_datetime(alert.decided_at) > shop.end - 60 * DAY]
    step = max(len(recent) // _TOLD, 1)
    return Account(
        seed=shop.seed,
        progress=progress,
        picture=picture,
        learning=quality,
        truth=Quality(roc_auc(risks, gone), log_loss(risks, gone), len(names)),
        alerts=tuple(
            _line(
                alert,
                truth.kind(alert.user_id),
                not truth.churned(alert.user_id, from_datetime(alert.decided_at)),
            )
            for alert in recent[::step][:_TOLD]
        ),
        kinds=_kinds(truth, names, risks, gone, alerted),
        bands=tuple(
            BandLine(band.low, band.high, band.count, band.predicted, band.observed)
            for band in calibration(risks, gone, _BANDS)
        ),
    )


async def _judged_at_the_end(view: View, shop: Shop) -> tuple[list[str], list[float]]:
    """Judge every customer who still counts as one, as of the end."""
    judge = await view.judge()
    names: list[str] = []
    vectors = []
    for partition in range(PARTITIONS):
        async for name, record in view.customers.customers(partition):
            if record.state is None or name in names[-1:]:
                continue
            state = decode_state(record.state, view.shop.definition)
            while state.due() <= shop.end:
                state.fire()
            if state.is_active(shop.end):
                names.append(name)
                vectors.append(view.shop.catalogue.vector(state, max(shop.end, state.now)))
    risks: list[float] = []
    for first in range(0, len(vectors), _BATCH):
        block = np.array(vectors[first : first + _BATCH], dtype=np.float32)
        risks += judge.judge(block).risks.tolist()
    return names, risks


def _kinds(
    truth: Truth, names: list[str], risks: list[float], gone: list[float], alerted: set[str]
) -> tuple[KindLine, ...]:
    by_kind: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        by_kind.setdefault(truth.kind(name), []).append(place)
    return tuple(
        KindLine(
            kind=kind,
            customers=len(places),
            alerted=sum(names[place] in alerted for place in places),
            risk=float(np.mean([risks[place] for place in places])),
            churned=float(np.mean([gone[place] for place in places])),
        )
        for kind, places in sorted(by_kind.items(), key=lambda item: -len(item[1]))
    )


__all__ = ["Show", "Unsettled", "play"]
