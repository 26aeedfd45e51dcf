"""Live, the model is as good as in a replay: the same decision points, judged in step.

``EBB_TEST_CDNOW=all`` takes all customers of CDNOW and some minutes; without it a part of them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.cdnow import SHOP, cdnow_file, first_customers
from tests.e2e.conftest import NewCorner

pytestmark = pytest.mark.e2e

EVERYBODY = os.environ.get("EBB_TEST_CDNOW") == "all"
#: Events a second: the learner keeps up, as it does when a shop's time goes at its own pace.
RATE = 600 if EVERYBODY else 300
CUSTOMERS = 4_000


def test_live_the_model_is_as_good_as_in_a_replay(new_corner: NewCorner, tmp_path: Path) -> None:
    file = cdnow_file() if EVERYBODY else first_customers(tmp_path / "part.txt", CUSTOMERS)
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
    assert quality["count"] == status["matured"] > 10_000

    folder = tmp_path / "replayed"
    said = corner.run(
        "backtest", "kafka://clickstream", "--output", str(folder), "--json", timeout=400
    )
    (replayed,) = json.loads(said)["models"]
    for name in ("auc", "log_loss"):
        print(f"{name}: live {quality[name]:.5f}, replayed {replayed[name]:.5f}")
        assert quality[name] == pytest.approx(replayed[name], abs=0.003)
    assert quality["count"] == replayed["count"]
