"""Live, the model is as good as in a replay: the same decision points, judged in step.

``EBB_TEST_CDNOW=all`` takes all customers of CDNOW at a pace that the learner can keep, in some
minutes. Without it a part of them comes so fast that models are weeks of event time behind, the
more so on a busy machine, and less is asked of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.cdnow import EVERYBODY, SHOP, one_in
from tests.e2e.conftest import NewCorner

pytestmark = pytest.mark.e2e

#: Events a second; months of a shop's life go by in a minute.
RATE = 600 if EVERYBODY else 300
WITHIN = 0.003 if EVERYBODY else 0.02
#: One in so many customers, of all who joined.
PART = 9


def test_live_the_model_is_as_good_as_in_a_replay(new_corner: NewCorner, tmp_path: Path) -> None:
    file = one_in(PART, tmp_path / "part.txt")
    # In history nobody was sent anything.
    corner = new_corner(**SHOP, EBB_MODEL_WEIGHT_TREATED="1")
    corner.create_topics()
    corner.learner()
    corner.worker()
    corner.worker()
    corner.run(
        *("import", str(file), "--mapping", "cdnow", "--rate", str(RATE), "--json"), timeout=400
    )
    status = corner.idle(200)
    corner.stop()

    quality = status["quality"]
    assert quality["count"] == status["matured"] > 7_000

    folder = tmp_path / "replayed"
    said = corner.run(
        "backtest",
        "kafka://clickstream",
        "--output",
        str(folder),
        "--no-report",
        "--json",
        timeout=400,
    )
    (replayed,) = json.loads(said)["models"]
    for name in ("auc", "log_loss"):
        print(f"{name}: live {quality[name]:.5f}, replayed {replayed[name]:.5f}")
        assert quality[name] == pytest.approx(replayed[name], abs=WITHIN)
    assert quality["count"] == replayed["count"]
