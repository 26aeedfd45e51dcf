"""Judge the two development sets, and print how good that was: ``python -m tests.quality``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from time import process_time

from features import build_catalogue
from tests.quality.landmarks import Scores, portraits, race, score
from tests.quality.rivals import BASELINES, lightgbm, some_customers
from tests.quality.shops import Missing, Shop, cdnow, completejourney

#: Least AUC and PR AUC, most log loss and calibration error: one pass, default settings.
FLOORS = {
    "cdnow": (0.722, 0.796, 0.519, 0.025),
    "completejourney": (0.798, 0.602, 0.4915, 0.03),
}
SMALL, AHEAD = 0.08, 0.01
SHOPS: dict[str, Callable[[], Shop]] = {"completejourney": completejourney, "cdnow": cdnow}
_HEAD = f"{'':46}   AUC  PR AUC  log loss   ECE   Brier  top 10 %"


def below(name: str, found: Scores) -> list[str]:
    """Return which floors of a set are not reached."""
    auc, pr_auc, loss, ece = FLOORS[name]
    tests = {
        f"AUC {found.auc:.4f} < {auc}": found.auc < auc,
        f"PR AUC {found.pr_auc:.4f} < {pr_auc}": found.pr_auc < pr_auc,
        f"log loss {found.log_loss:.4f} > {loss}": found.log_loss > loss,
        f"ECE {found.ece:.4f} > {ece}": found.ece > ece,
    }
    return [f"{name}: {text}" for text, missed in tests.items() if missed]


def line(label: str, found: Scores) -> str:
    """Return a line of the table."""
    return (
        f"{label:46} {found.auc:.4f}  {found.pr_auc:.4f}  {found.log_loss:.4f}  {found.ece:.4f}"
        f"  {found.brier:.4f}  {found.top_tenth:.4f}"
    )


def main() -> int:
    """Print the table; 1 if a floor is not reached, 0 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("sets", nargs="*", help=f"{' and '.join(SHOPS)}; default: both")
    parser.add_argument("--seed", type=int, default=0, help="of the learning order")
    options = parser.parse_args()
    for name in options.sets:
        if name not in SHOPS:
            parser.error(f"there is no set {name!r}; there are {', '.join(SHOPS)}")
    missed: list[str] = []
    for name in options.sets or SHOPS:
        try:
            shop = SHOPS[name]()
        except Missing as reason:
            print(f"{name}: skipped: {reason}")
            continue
        start = process_time()
        landmarks = portraits(shop, build_catalogue(shop.definition))
        looks = sum(len(each.users) for each in landmarks)
        print(f"\n{name}: {looks:,} looks at {len(shop.events):,} customers")
        print(_HEAD)
        for label, (auc, pr_auc, loss) in BASELINES[name].items():
            print(f"{label:46} {auc:.3f}   {pr_auc:.3f}   {loss:.3f}")
        found = score(shop, landmarks, race(shop, landmarks, options.seed))
        print(line("bayes, one pass (default)", found))
        print(f"{process_time() - start:.0f} s of computing")
        missed += below(name, found)
        if name == "cdnow":
            small = some_customers(landmarks, SMALL)
            ours = score(shop, small, race(shop, small, options.seed))
            print(line("of 8 % of the customers: bayes", ours))
            try:
                theirs = score(shop, small, lightgbm(shop, small))
            except Missing as reason:
                print(f"of 8 % of the customers: LightGBM: skipped: {reason}")
                continue
            print(line("of 8 % of the customers: LightGBM, retrained", theirs))
            if ours.auc - theirs.auc < AHEAD:
                missed.append(f"{name}: of 8 %, AUC {ours.auc:.4f} against {theirs.auc:.4f}")
    for text in missed:
        print(f"below the floor: {text}", file=sys.stderr)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
