"""From an event to its stored state, and to its alert: how long, at several rates."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bench.sending import ALERT_ALL, Plan, alerts, delays, quantile, send
from bench.shopping import DAY, END
from bench.stage import Corner, Servers, console
from bench.telling import Findings, Grid, shares
from bench.watching import Positions, Stuck, cores, progress, settle

RATES = (1_000, 10_000, 30_000)
_SHARES = (0.5, 0.99, 0.999)
#: A worker that is behind by more than this, in seconds of sending, does not keep up.
_BEHIND = 1.0
#: Seconds between looks at what is stored: so much too long a state's figure may be.
_LOOK = 0.002
#: What the slowest hundredth is held to, from due to stored, in milliseconds: at which rate.
GATE = (10_000, 100.0)


def latency(servers: Servers, rates: Sequence[int], seconds: float, workers: int) -> Findings:
    """Measure each rate, with both ways to come, in a corner of its own."""
    found = [
        at_rate(servers, rate, seconds, workers, sessions=sessions)
        for rate in rates
        for sessions in (True, False)
    ]
    rows = []
    for each in found:
        row = [_label(each), f"{each['taken']:,.0f}", f"{each['behind']:.2f} s"]
        if each["keeps_up"]:
            row += [f"{value:,.0f}" for value in each["stored"].values()]
            row += [f"{value:,.0f}" for value in each["quantiles"].values()]
        else:
            row += ["cannot", "keep", "up", "", "", ""]
        rows.append([*row, f"{each['probes']:,}"])
    columns = [
        *("events/s", "taken/s", "behind", "stored p50", "p99", "p99.9"),
        *("alert p50", "p99", "p99.9", "alerts"),
    ]
    title = f"milliseconds to state and to alert, {workers} worker(s), {seconds:g} s each"
    spent = shares({_label(each): each["shares"] for each in found})
    notes = [
        "From the moment an event was due to be sent: to the moment the position in Redis has "
        "passed it (looked for every 2 ms), and to the moment the broker has its alert; the "
        "sender's own delay counts.",
        *gate(found),
    ]
    return Findings("latency", [Grid(title, columns, rows), spent], {"rates": found}, notes)


def gate(found: Sequence[dict[str, Any]]) -> list[str]:
    """Return, for each run at the rate that counts, whether the state is stored in time.

    >>> run = {"rate": 10_000, "sessions": True, "keeps_up": True, "stored": {"0.99": 120.0}}
    >>> gate([run])
    ['10,000 in sessions: p99 to state 120 ms, below 100 wanted: DOES NOT HOLD']
    """
    rate, most = GATE
    told = []
    for each in found:
        if each["rate"] == rate:
            slow = each["stored"]["0.99"]
            holds = each["keeps_up"] and slow < most
            verdict = "holds" if holds else "DOES NOT HOLD"
            said = f"p99 to state {slow:,.0f} ms, below {most:g} wanted: {verdict}"
            told.append(f"{_label(each)}: {said}")
    return told


def _label(found: dict[str, Any]) -> str:
    return f"{found['rate']:,} {'in sessions' if found['sessions'] else 'one by one'}"


def at_rate(
    servers: Servers, rate: int, seconds: float, workers: int, *, sessions: bool
) -> dict[str, Any]:
    """Send at a rate, and return how long states and alerts took."""
    plan = Plan(rate=rate, seconds=seconds, sessions=sessions)
    # Event time must not go back after the warm-up.
    before = END - DAY - round(plan.mix(4).days * DAY) if sessions else None
    console.print(f"latency at {_label({'rate': rate, 'sessions': sessions})} ...")
    with Corner(servers, 4, **ALERT_ALL) as corner:
        children = [corner.ebb("worker", "--log-level", "warning") for _ in range(workers)]
        warm = send(corner, Plan(rate=500, seconds=2, tag=9, base=before))
        settle(corner, lambda: progress(corner).records >= warm.events, "warmed up")
        costs, began = cores(children), time.perf_counter()
        total = warm.events + plan.total
        with Positions(corner, _LOOK) as positions:
            sent = send(corner, plan, ready=True)
            reached = progress(corner).records - warm.events
            passed = time.perf_counter() - began
            spent = {name: (each - costs[name]) / passed for name, each in cores(children).items()}
            behind = (sent.events - reached) / rate
            patience = 30 + 30 * seconds
            settle(corner, lambda: progress(corner).records >= total, "all is taken", patience)
        stored = (positions.waits(sent.homes, sent.ticks, rate) * 1_000).tolist()
        told = _all_told(corner, warm.probes + sent.probes)
        waits = delays(told, sent)
        if len(waits) != sent.probes:
            raise Stuck(f"{len(waits):,} alerts for {sent.probes:,} probes")
        return {
            "rate": rate,
            "sessions": sessions,
            "taken": reached / passed,
            "behind": max(behind, 0.0),
            "keeps_up": behind < _BEHIND and sent.late < _BEHIND,
            "sent": sent.as_dict(),
            "probes": len(waits),
            "stored": {str(share): quantile(stored, share) for share in _SHARES},
            "stored_most": max(stored),
            "quantiles": {str(share): quantile(waits, share) for share in _SHARES},
            "most": max(waits),
            "shares": spent,
        }


def _all_told(corner: Corner, count: int) -> list[Any]:
    """Return the alerts once all probes have theirs: the outbox goes out after the commit."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        told = alerts(corner)
        if sum(each.customer.startswith("probe-") for each in told) >= count:
            break
        time.sleep(0.2)
    return told
