"""What others reach on the same landmarks: published once, and told beside ours."""

from __future__ import annotations

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
