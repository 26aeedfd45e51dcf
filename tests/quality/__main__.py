"""Judge the two development sets, and print how good that was: ``python -m tests.quality``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from models.registry import REGISTRY, MissingLibrary
from streams.composition import shop_of, task_of, weighing_of
from streams.pipeline import Arrival
from streams.replay import replay
from tests.quality.rivals import BASELINES
from tests.quality.shops import History, Missing, cdnow, completejourney, some_customers

#: Least AUC and PR AUC, most log loss and calibration error: one pass, default settings.
FLOORS = {
    "cdnow": {"auc": 0.722, "pr_auc": 0.796, "log_loss": 0.519, "ece": 0.025},
    "completejourney": {"auc": 0.798, "pr_auc": 0.602, "log_loss": 0.4915, "ece": 0.03},
}
HIGHER_IS_BETTER = ("auc", "pr_auc")
SMALL, AHEAD = 0.08, 0.01
RIVAL = "batch-lightgbm"
HISTORIES: dict[str, Callable[[], History]] = {"completejourney": completejourney, "cdnow": cdnow}
_HEAD = f"{'':46}   AUC  PR AUC  log loss   ECE   Brier  top 10 %"


def judged(history: History, models: Sequence[str], seed: int) -> list[dict[str, Any]]:
    """Return what the report of a backtest says of each model."""
    settings = history.settings
    shop = shop_of(settings)
    with tempfile.TemporaryDirectory(prefix="ebb-quality-") as folder:
        result = replay(
            [[Arrival(place, event.at, event) for place, event in enumerate(history.events)]],
            shop,
            models,
            task=task_of(shop, weighing_of(settings)),
            output=Path(folder),
            warmup=settings.model.warmup,
            seed=seed,
            landmarks=history.landmarks,
        )
    models_found: list[dict[str, Any]] = result.report["models"]
    return models_found


def below(name: str, found: dict[str, Any]) -> list[str]:
    """Return which floors of a set are not reached."""
    missed = []
    for metric, floor in FLOORS[name].items():
        value = found[metric]
        if value < floor if metric in HIGHER_IS_BETTER else value > floor:
            sign = "<" if metric in HIGHER_IS_BETTER else ">"
            missed.append(f"{name}: {metric} {value:.4f} {sign} {floor}")
    return missed


def line(label: str, found: dict[str, Any]) -> str:
    """Return a line of the table."""
    return (
        f"{label:46} {found['auc']:.4f}  {found['pr_auc']:.4f}  {found['log_loss']:.4f}"
        f"  {found['ece']:.4f}  {found['brier']:.4f}  {found['precision_top_tenth']:.4f}"
    )


def small_shop(history: History, seed: int) -> list[str]:
    """Print how a small part of the shop compares with LightGBM, retrained at every landmark."""
    try:
        ours, theirs = judged(some_customers(history, SMALL), ["bayes", RIVAL], seed)
    except MissingLibrary as reason:
        print(f"of 8 % of the customers: {RIVAL}: skipped: {reason}")
        return []
    print(line("of 8 % of the customers: bayes", ours))
    print(line(f"of 8 % of the customers: {RIVAL}, retrained", theirs))
    if ours["auc"] - theirs["auc"] >= AHEAD:
        return []
    return [f"{history.name}: of 8 %, AUC {ours['auc']:.4f} against {theirs['auc']:.4f}"]


def main() -> int:
    """Print the table; 1 if a floor is not reached, 0 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("sets", nargs="*", help=f"{' and '.join(HISTORIES)}; default: both")
    parser.add_argument("--seed", type=int, default=0, help="of the learning order")
    parser.add_argument(
        "--model",
        default="bayes",
        metavar="NAME,...",
        help="models to race; the floors are for the first.  [default: bayes]",
    )
    options = parser.parse_args()
    models = options.model.split(",")
    for name in options.sets:
        if name not in HISTORIES:
            parser.error(f"there is no set {name!r}; there are {', '.join(HISTORIES)}")
    for name in models:
        if name not in REGISTRY:
            parser.error(f"there is no model {name!r}; there are {', '.join(REGISTRY)}")
    missed: list[str] = []
    for name in options.sets or HISTORIES:
        try:
            history = HISTORIES[name]()
        except Missing as reason:
            print(f"{name}: skipped: {reason}")
            continue
        start = process_time()
        print(f"\n{name}: {len(history.events):,} events")
        print(_HEAD)
        for label, (auc, pr_auc, loss) in BASELINES[name].items():
            print(f"{label:46} {auc:.3f}   {pr_auc:.3f}   {loss:.3f}")
        found = judged(history, models, options.seed)
        for each in found:
            print(line(f"{each['model']}, one pass", each))
        print(f"{found[0]['count']:,} looks, {process_time() - start:.0f} s of computing")
        missed += below(name, found[0])
        if name == "cdnow":
            missed += small_shop(history, options.seed)
    for text in missed:
        print(f"below the floor: {text}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
