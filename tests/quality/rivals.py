"""What others reach on the same landmarks: published once, or raced here where that is possible."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from tests.quality.landmarks import Floats, Landmark
from tests.quality.shops import Missing, Shop

#: AUC, PR AUC and log loss on each set, one pass or retrained at every landmark.
BASELINES = {
    "cdnow": {
        "recency alone": (0.665, 0.758, 0.611),
        "BG/NBD, P(no purchase in H)": (0.713, 0.781, 0.527),
        "LightGBM, retrained at every landmark": (0.717, 0.792, 0.521),
        "logistic with survival features, retrained": (0.721, 0.797, 0.519),
        "River, raw features, SGD, one pass": (0.700, 0.778, 0.600),
        "River, AdaGrad, survival features, one pass": (0.721, 0.796, 0.518),
    },
    "completejourney": {
        "recency alone": (0.691, 0.492, 0.569),
        "BG/NBD, P(no purchase in H)": (0.785, 0.573, 0.502),
        "LightGBM, retrained at every landmark": (0.792, 0.590, 0.499),
        "logistic with survival features, retrained": (0.796, 0.601, 0.495),
        "River, raw features, SGD, one pass": (0.790, 0.584, 0.509),
        "River, AdaGrad, survival features, one pass": (0.797, 0.602, 0.493),
    },
}


def some_customers(landmarks: list[Landmark], share: float, salt: str = "") -> list[Landmark]:
    """Return the landmarks of a small shop: a part of the customers, by the hash of the name."""

    def chosen(user: str) -> bool:
        digest = blake2b(f"{salt}{user}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < share * 2**64

    found = []
    for landmark in landmarks:
        kept = np.array([chosen(user) for user in landmark.users], dtype=bool)
        users = [user for user, keep in zip(landmark.users, kept, strict=True) if keep]
        found.append(Landmark(landmark.at, users, landmark.vectors[kept], landmark.away[kept]))
    return found


def lightgbm(shop: Shop, landmarks: list[Landmark]) -> list[Floats]:
    """Return the risks of LightGBM, retrained at every landmark on all that has matured."""
    try:
        import lightgbm as library
    except ImportError:
        raise Missing("pip install lightgbm to race it") from None
    horizon = shop.definition.horizon
    options: dict[str, Any] = {
        **{"objective": "binary", "learning_rate": 0.05, "num_leaves": 31},
        **{"min_data_in_leaf": 50, "feature_fraction": 0.8, "bagging_fraction": 0.8},
        **{"bagging_freq": 1, "seed": 0, "deterministic": True, "num_threads": 1, "verbose": -1},
    }
    risks = []
    for landmark in landmarks:
        past = [each for each in landmarks if each.at + horizon <= landmark.at]
        if landmark.at < shop.score_from or not past:
            risks.append(np.full(len(landmark.users), 0.5))
            continue
        known = np.concatenate([each.vectors for each in past])
        labels = np.concatenate([each.away >= horizon for each in past]).astype(np.float64)
        model = library.train(options, library.Dataset(known, labels), num_boost_round=100)
        risks.append(np.asarray(model.predict(landmark.vectors), dtype=np.float64))
    return risks
