"""How the processes work: the worker, the collector, the sender of webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from features import HOUR, MINUTE, SECOND
from streams.sections.section import Section, setting
from streams.written import (
    Categories,
    Currency,
    Duration,
    Durations,
    Networks,
    Origins,
    WebAddress,
    Words,
)


class WorkerSettings(Section):
    """How a worker works."""

    batch: int = setting(1_000, "most records in one batch of one partition", ge=1, le=1_000)
    timers: int = setting(200, "most customers whose timers fire in one batch", ge=1, le=800)
    port: int = setting(0, "port of the health page; 0: none", ge=0, le=65_535)
    invalid_cap: float = setting(
        0.8,
        "share of invalid messages, of a partition's last thousand, from which on the line stops;"
        " 1: never",
        gt=0,
        le=1,
    )
    accept_gap: bool = setting(
        False, "go on when the log no longer holds the records that the state waits for"
    )


class CollectSettings(Section):
    """How a collector takes events over HTTP (docs/collect.md)."""

    host: str = setting("127.0.0.1", "address to listen on; 0.0.0.0: all", env="EBB_COLLECT_HOST")
    port: int = setting(8080, "port to listen on", ge=1, le=65_535)
    open: bool = setting(False, "take events from anybody, without a write key; for a trial only")
    url: WebAddress = setting("", "address at which browsers find it; empty: as they called it")
    origins: Origins = setting(
        ("*",), "web sites whose pages may send, such as https://shop.example; * is any"
    )
    body: int = setting(
        8 * 1024 * 1024,
        "most bytes of a request, as sent and decompressed",
        ge=64 * 1024,
        le=64 * 1024 * 1024,
    )
    read: Duration = setting(10_000, "how long a request may take to arrive")
    requests: int = setting(512, "most requests in memory at once", ge=1, le=100_000)
    memory: int = setting(
        64 * 1024 * 1024, "most bytes of them, as sent and decompressed", ge=1024 * 1024
    )
    slow: Duration = setting(
        2_000, "after that long without Kafka's acknowledgement, who comes is told to come back"
    )
    wait: Duration = setting(10_000, "how long a request that is inside waits for it")
    retry: Duration = setting(
        30_000, "when whoever was turned away should come back; up to twice as late, at random"
    )
    refresh: Duration = setting(3_000, "how often write keys are read anew")
    consent: Words = setting(
        (), "categories of context.consent that must all be granted; empty: none needed"
    )
    without_consent: Literal["refuse", "anonymise"] = setting(
        "refuse", "what becomes of an event without them; anonymise: stored without identity"
    )
    unasked: bool = setting(True, "whether an event that says nothing of consent has it")
    opted_out: Literal["anonymise", "refuse", "keep"] = setting(
        "anonymise", "what becomes of an event under Do Not Track or Global Privacy Control"
    )
    timezone: bool = setting(
        True, "whether the time zone of context.timezone is kept with the customer"
    )
    categories: Categories = setting(
        (),
        "categories of context.consent of which it is kept whether the customer agreed; 8 at most",
        max_length=8,
    )
    currency: Currency = setting("", "ISO 4217, of amounts that name none")


class NotifySettings(Section):
    """How alerts are sent to endpoints as webhooks (docs/webhooks.md)."""

    timeout: Duration = setting(
        20 * SECOND, "how long an endpoint may take to answer; 15s to 30s are usual"
    )
    delays: Durations = setting(
        (
            *(5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR),
            *(10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
        ),
        "how long to wait after each attempt that failed; the first is made at once, and after the"
        " last it is given up",
    )
    allow: Networks = setting(
        (), "networks that may be sent to though they are private, such as 10.1.0.0/16"
    )
    http: bool = setting(
        False, "whether an endpoint may be added with http://; within your own network only"
    )
    ca_file: Path | None = setting(
        None, "file of certificate authorities to trust besides the system's"
    )
    parallel: int = setting(8, "most messages under way to one endpoint", ge=1, le=100)
    rest: Duration = setting(
        5 * MINUTE,
        "how long an endpoint that cannot keep up, or is down, is left in peace at most",
    )
    waiting: int = setting(
        50_000, "most messages that wait for one endpoint; what comes then is given up", ge=1
    )
    dead: int = setting(
        10_000, "most given-up messages kept for one endpoint; the oldest go first", ge=1
    )
    refresh: Duration = setting(3_000, "how often endpoints are read anew")
    host: str = setting("127.0.0.1", "address of the health page; 0.0.0.0: all")
    port: int = setting(0, "port of the health page; 0: none", ge=0, le=65_535)


__all__ = ["CollectSettings", "NotifySettings", "WorkerSettings"]
