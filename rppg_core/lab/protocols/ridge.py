"""Ridge regression of a few features, for estimators that stand beside a network."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

RIDGE = 1e-3  # relative to the spread of a feature


def ridge_fit(
    features: Float[np.ndarray, "window feature"],
    true: Float[np.ndarray, " window"],
    train: Bool[np.ndarray, " window"],
    *,
    ridge: float = RIDGE,
) -> Float[np.ndarray, " window"]:
    """Ridge regression on the windows of `train`, read on all."""
    centre, spread = features[train].mean(axis=0), features[train].std(axis=0) + 1e-9
    design, mean = (features - centre) / spread, true[train].mean()
    part = design[train]
    weights = np.linalg.solve(
        part.T @ part + ridge * len(part) * np.eye(part.shape[1]), part.T @ (true[train] - mean)
    )
    return mean + design @ weights
