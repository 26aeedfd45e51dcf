"""Measures the pure core on simulated shoppers, in interleaved rounds: ``python -m bench core``.

Trust the ratios, not the single figures: machines are noisy, rounds are interleaved so that all
variants meet the same noise.
"""

from __future__ import annotations

import argparse
import heapq
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from features import CustomerState, Event, decode_event, encode_event, encode_state
from models.deciding import Ledger
from models.learning import TrainingExample
from models.registry import REGISTRY, Task, judge_of, prior_judge
from streams.composition import shop_of, task_of
from streams.demo import Shop as Shoppers
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle, watermark_after
from streams.replay import replay
from streams.settings import load_settings

END = 1_767_225_600_000
BATCH = 500


def pipeline(shop: Shop, task: Task, events: list[Event], *, store: bool) -> list[Effects]:
    """Run the events through the core as a worker would; with the encoding that storing needs."""
    judge = prior_judge(task)
    book: dict[str, Customer] = {}
    timers: list[tuple[int, str]] = []
    watermark, effects = NO_WATERMARK, []
    for first in range(0, len(events), BATCH):
        arrivals = [Arrival(first, event.at, event) for event in events[first : first + BATCH]]
        target = watermark_after(shop, arrivals, watermark)
        for arrival in arrivals:
            user_id = arrival.event.user_id
            if user_id not in book:
                book[user_id] = Customer(CustomerState(shop.definition), Ledger(), new=True)
        due = set()
        while timers and timers[0][0] <= target:
            due.add(heapq.heappop(timers)[1])
        effect = handle(shop, judge, arrivals, due, book, watermark)
        watermark = effect.watermark
        effects.append(effect)
        for user_id, customer in effect.changed.items():
            heapq.heappush(timers, (customer.due(), user_id))
            if store:
                encode_state(customer.state)
                customer.ledger.encode()
    return effects


def learn(task: Task, name: str, examples: list[TrainingExample]) -> None:
    """Learn the examples as the learner does."""
    learner = REGISTRY[name].learner(task, None)
    for first in range(0, len(examples), BATCH):
        learner.learn(examples[first : first + BATCH])


def replay_events(shop: Shop, task: Task, name: str, events: list[Event]) -> None:
    """Take the events through a backtest: features, scores, decisions, labels, learning, files."""
    arrivals = [Arrival(place, event.at, event) for place, event in enumerate(events)]
    with tempfile.TemporaryDirectory() as folder:
        replay([arrivals], shop, [name], task=task, output=Path(folder) / "out", warmup=500)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench core", description=__doc__)
    parser.add_argument("--shoppers", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the medians as JSON")
    options = parser.parse_args()

    shop = shop_of(load_settings(environ={}).settings)
    task = task_of(shop)
    events = list(Shoppers(seed=7, end=END, shoppers=options.shoppers).events())
    raw = [encode_event(event) for event in events]
    effects = pipeline(shop, task, events, store=False)
    examples = [example for effect in effects for example in effect.examples]
    vectors = np.array([example.vector for example in examples], dtype=np.float32)

    def judging(name: str) -> Callable[[], None]:
        learner = REGISTRY[name].learner(task, None)
        learner.learn(examples)
        judge = judge_of(task, learner.snapshot(1, {}), 0)

        def judge_all() -> None:
            for first in range(0, len(vectors), BATCH):
                judge.judge(vectors[first : first + BATCH])

        return judge_all

    cases: dict[str, tuple[int, Callable[[], object]]] = {
        "pipeline, an event": (
            len(events),
            lambda: pipeline(shop, task, events, store=False),
        ),
        "pipeline with encoded records, an event": (
            len(events),
            lambda: pipeline(shop, task, events, store=True),
        ),
        "decode and validate, an event": (len(raw), lambda: [decode_event(line) for line in raw]),
    }
    for name in ("bayes", "logistic"):
        cases[f"judge with {name}, a decision"] = len(vectors), judging(name)
        cases[f"learn {name}, an example"] = len(examples), partial(learn, task, name, examples)
        cases[f"replay with {name}, an event"] = (
            len(events),
            partial(replay_events, shop, task, name, events),
        )
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for _ in track(range(options.rounds), description="rounds", console=Console(stderr=True)):
        for name, (count, run) in cases.items():
            began = time.perf_counter()
            run()
            rates[name].append(count / (time.perf_counter() - began))
    medians = {name: statistics.median(each) for name, each in rates.items()}
    if options.json:
        print(json.dumps(medians))
        return
    decisions = sum(effect.counts["decisions"] for effect in effects)
    table = Table(
        title=f"{len(events):,} events, {decisions:,} decisions, {len(examples):,} labels"
    )
    for column in ("what", "a second (median)", "range"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, median in medians.items():
        low, high = min(rates[name]), max(rates[name])
        table.add_row(name, f"{median:,.0f}", f"{low:,.0f} to {high:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    # The pure core is `core`; everything else runs on servers, and on the whole product.
    if sys.argv[1:2] == ["core"]:
        del sys.argv[1]
        main()
    else:
        from bench.commands import run

        run(sys.argv[1:])
