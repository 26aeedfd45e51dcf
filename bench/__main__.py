"""Measures the pure core on simulated shops, in interleaved rounds: ``python -m bench core``.

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
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from rich.console import Console
from rich.progress import track
from rich.table import Table
from river import linear_model, optim, preprocessing

from bench.workloads import crowd, shoppers
from features import CustomerState, Event, decode_event, encode_event, encode_state
from models.bayes import StagedLearner
from models.bayes.blocks import LearnBlock, fastest, learn_block
from models.deciding import Ledger
from models.learning import TrainingExample, vectors_of
from models.registry import REGISTRY, Task, judge_of, prior_judge
from models.registry.fused import FusedLogistic
from streams.composition import shop_of, task_of
from streams.pipeline import NO_WATERMARK, Arrival, Customer, Effects, Shop, handle, watermark_after
from streams.replay import replay
from streams.settings import load_settings

Case: TypeAlias = tuple[int, Callable[[], object]]
SCORES = "crowd: pipeline, an event"
LEARNING = "crowd: replay with bayes, an event"
RIVER = "River, predict + learn, an example"
FUSED = "logistic, predict + learn, an example"
BATCH = 500


def pipeline(shop: Shop, task: Task, events: list[Event], *, store: bool) -> list[Effects]:
    """Run the events through the core as a worker would; with the encoding that storing needs."""
    shop = replace(shop, stores=store)
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


def river(rows: list[list[float]], labels: list[int], names: tuple[str, ...]) -> None:
    """Predict and learn as River's own pipeline does."""
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.AdaGrad(0.05))
    for row, label in zip(rows, labels, strict=True):
        x = dict(zip(names, row, strict=True))
        model.predict_proba_one(x)
        model.learn_one(x, bool(label))


def fused(rows: list[list[float]], labels: list[int]) -> None:
    """Predict and learn the same, as the model ``logistic`` does."""
    belief = FusedLogistic(len(rows[0]))
    for row, label in zip(rows, labels, strict=True):
        belief.probability(row)
        belief.take(row, label)


def blocks(task: Task, examples: list[TrainingExample], by: LearnBlock) -> None:
    """Teach the default model, by one of the ways to learn a block."""
    learner = StagedLearner(task.signs, learn_block=by)
    for first in range(0, len(examples), BATCH):
        learner.learn(examples[first : first + BATCH])


def judging(task: Task, name: str, examples: list[TrainingExample]) -> Callable[[], None]:
    """Return what judges all examples by a model that has learnt them."""
    learner = REGISTRY[name].learner(task, None)
    learner.learn(examples)
    judge = judge_of(task, learner.snapshot(1, {}), 0)
    vectors = vectors_of(examples)

    def judge_all() -> None:
        for first in range(0, len(vectors), BATCH):
            judge.judge(vectors[first : first + BATCH])

    return judge_all


def cases_of(options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Case]:
    """Return what is measured, by name: how many there are to do, and what does them."""
    shop = shop_of(load_settings(environ={}).settings)
    task = task_of(shop)
    events, many = shoppers(options.shoppers), crowd(options.crowd)
    raw = [encode_event(event) for event in events]
    effects = pipeline(shop, task, events, store=False)
    examples = [example for effect in effects for example in effect.examples]
    whole = [example for example in examples if example.whole][:3_000]
    rows = task.inputs.matrix(vectors_of(whole)).tolist()
    labels = [example.label for example in whole]
    decisions = sum(effect.counts["decisions"] for effect in effects)
    few = sum(effect.counts["decisions"] for effect in pipeline(shop, task, many, store=False))
    say(f"shoppers: {len(events):,} events, {decisions:,} decisions, {len(examples):,} labels")
    say(f"crowd: {len(many):,} events, {few:,} decisions")
    say(f"compiler: {'none' if fastest() is learn_block else 'numba'}")
    cases: dict[str, Case] = {
        SCORES: (len(many), lambda: pipeline(shop, task, many, store=False)),
        LEARNING: (len(many), lambda: replay_events(shop, task, "bayes", many)),
        RIVER: (len(rows), lambda: river(rows, labels, task.inputs.names)),
        FUSED: (len(rows), lambda: fused(rows, labels)),
        "pipeline, an event": (len(events), lambda: pipeline(shop, task, events, store=False)),
        "pipeline with encoded records, an event": (
            len(events),
            lambda: pipeline(shop, task, events, store=True),
        ),
        "decode and validate, an event": (len(raw), lambda: [decode_event(line) for line in raw]),
        "learn bayes in numpy, an example": (
            len(examples),
            lambda: blocks(task, examples, learn_block),
        ),
    }
    for name in ("bayes", "logistic"):
        cases[f"judge with {name}, a decision"] = len(examples), judging(task, name, examples)
        cases[f"learn {name}, an example"] = len(examples), partial(learn, task, name, examples)
        cases[f"replay with {name}, an event"] = (
            len(events),
            partial(replay_events, shop, task, name, events),
        )
    return cases


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench core", description=__doc__)
    parser.add_argument("--shoppers", type=int, default=300)
    parser.add_argument("--crowd", type=int, default=100_000, help="events of the crowd")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print the medians as JSON")
    options = parser.parse_args()

    told: list[str] = []
    cases = cases_of(options, told.append)
    rates: dict[str, list[float]] = {name: [] for name in cases}
    for _ in track(range(options.rounds), description="rounds", console=Console(stderr=True)):
        for name, (count, run) in cases.items():
            # Time of the processor, and not of the clock: others may be at work here, too.
            began = time.process_time()
            run()
            rates[name].append(count / (time.process_time() - began))
    medians = {name: statistics.median(each) for name, each in rates.items()}
    if options.json:
        print(json.dumps(medians))
        return
    console = Console()
    table = Table(title="\n".join(told))
    for column in ("what", "a second of one core (median)", "range"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, median in medians.items():
        low, high = min(rates[name]), max(rates[name])
        table.add_row(name, f"{median:,.0f}", f"{low:,.0f} to {high:,.0f}")
    console.print(table)
    console.print(gates_of(medians, rates))


def gates_of(medians: dict[str, float], rates: dict[str, list[float]]) -> Table:
    """Return the gates that can be measured here, and whether they hold."""
    # A ratio is taken in each round, whose two halves met the same noise.
    ratios = [ours / theirs for ours, theirs in zip(rates[FUSED], rates[RIVER], strict=True)]
    found = [
        ("replay, features and scores, events/s", 150_000, medians[SCORES], ",.0f"),
        ("replay with learning and files, events/s", 55_000, medians[LEARNING], ",.0f"),
        ("logistic against River, predict + learn", 1.8, statistics.median(ratios), ".2f"),
    ]
    table = Table(title="gates")
    for column in ("gate", "at least", "measured", "holds"):
        table.add_column(column, justify="left" if column == "gate" else "right")
    for name, least, value, form in found:
        holds = "yes" if value >= least else "no"
        table.add_row(name, format(least, form), format(value, form), holds)
    return table


if __name__ == "__main__":
    # The pure core is `core`; everything else runs on servers, and on the whole product.
    if sys.argv[1:2] == ["core"]:
        del sys.argv[1]
        main()
    else:
        from bench.commands import run

        run(sys.argv[1:])
