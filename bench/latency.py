"""From an event to its alert: how long, at several rates, through real servers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bench.sending import ALERT_ALL, Plan, alerts, delays, quantile, send
from bench.stage import Corner, Servers, console
from bench.telling import Findings, Grid, shares
from bench.watching import Stuck, cores, progress, settle

RATES = (1_000, 10_000, 30_000)
_SHARES = (0.5, 0.99, 0.999)
#: A worker that is behind by more than this, in seconds of sending, does not keep up.
_BEHIND = 1.0


def latency(servers: Servers, rates: Sequence[int], seconds: float, workers: int) -> Findings:
    """Measure each rate in a corner of its own."""
    found = [at_rate(servers, rate, seconds, workers) for rate in rates]
    rows = []
    for each in found:
        row = [f"{each['rate']:,}", f"{each['taken']:,.0f}", f"{each['behind']:.2f} s"]
        if each["keeps_up"]:
            row += [f"{value:,.0f} ms" for value in each["quantiles"].values()]
            row.append(f"{each['most']:,.0f} ms")
        else:
            row += ["cannot keep up", "", "", ""]
        rows.append([*row, f"{each['probes']:,}"])
    columns = ["events/s", "taken/s", "behind", "p50", "p99", "p99.9", "longest", "alerts"]
    grid = Grid(
        f"produce to alert, {workers} worker(s), {seconds:g} s each",
        columns,
        rows,
    )
    spent = shares({f"{each['rate']:,}": each["shares"] for each in found})
    note = (
        "From the moment an event was due to be sent to the moment the broker has its alert, both "
        "by this machine's clock in milliseconds; the sender's own delay counts."
    )
    return Findings("latency", [grid, spent], {"rates": found}, [note])


def at_rate(servers: Servers, rate: int, seconds: float, workers: int) -> dict[str, Any]:
    """Send at a rate, and return how long alerts took."""
    console.print(f"latency at {rate:,} events/s ...")
    with Corner(servers, 4, **ALERT_ALL) as corner:
        children = [corner.ebb("worker", "--log-level", "warning") for _ in range(workers)]
        warm = send(corner, Plan(rate=500, seconds=2, tag=9))
        settle(corner, lambda: progress(corner).records >= warm.events, "warmed up")
        costs, began = cores(children), time.perf_counter()
        sent = send(corner, Plan(rate=rate, seconds=seconds))
        reached = progress(corner).records - warm.events
        passed = time.perf_counter() - began
        spent = {name: (each - costs[name]) / passed for name, each in cores(children).items()}
        behind = (sent.events - reached) / rate
        patience = 30 + 30 * seconds
        total = warm.events + sent.events
        settle(corner, lambda: progress(corner).records >= total, "all is taken", patience)
        told = _all_told(corner, warm.probes + sent.probes)
        waits = delays(told, sent)
        if len(waits) != sent.probes:
            raise Stuck(f"{len(waits):,} alerts for {sent.probes:,} probes")
        return {
            "rate": rate,
            "taken": reached / passed,
            "behind": max(behind, 0.0),
            "keeps_up": behind < _BEHIND and sent.late < _BEHIND,
            "sent": sent.as_dict(),
            "probes": len(waits),
            "quantiles": {str(share): quantile(waits, share) for share in _SHARES},
            "most": max(waits),
            "shares": spent,
        }


def _all_told(corner: Corner, count: int) -> list[Any]:
    """Return the alerts once so many are there: the outbox goes out after the commit."""
    deadline = time.monotonic() + 30
    while len(told := alerts(corner)) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    return told
