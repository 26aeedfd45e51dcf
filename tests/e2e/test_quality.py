"""Live, the model is as good as in a replay: the same decision points, judged in step.

``EBB_TEST_CDNOW=all`` takes all customers of CDNOW and some minutes; without it a part of them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.judging import log_loss, roc_auc
from models.learning import TrainingExample
from tests.e2e.cdnow import SHOP, cdnow_file, first_customers
from tests.e2e.conftest import NewCorner

pytestmark = pytest.mark.e2e

EVERYBODY = os.environ.get("EBB_TEST_CDNOW") == "all"
#: Events a second: the learner keeps up, as it does when a shop's time goes at its own pace.
RATE = 600 if EVERYBODY else 300
CUSTOMERS = 4_000


def test_live_the_model_is_as_good_as_in_a_replay(new_corner: NewCorner, tmp_path: Path) -> None:
    file = cdnow_file()
    if not EVERYBODY:
        file = first_customers(CUSTOMERS, tmp_path)
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

    decoder = msgspec.json.Decoder(TrainingExample)
    matured = [
        example
        for said in corner.read("training")
        if (example := decoder.decode(said.value)).whole
    ]
    risks = np.array([example.risk for example in matured])
    labels = np.array([example.label for example in matured])
    assert len(matured) == status["matured"] > 10_000
    live = roc_auc(risks, labels), log_loss(risks, labels)

    folder = tmp_path / "replayed"
    said = corner.run(
        "backtest", "kafka://clickstream", "--output", str(folder), "--json", timeout=400
    )
    (replayed,) = json.loads(said)["models"].values()
    print(f"live {live}, replayed {replayed}")
    assert live == pytest.approx((replayed["auc"], replayed["log_loss"]), abs=0.003)
