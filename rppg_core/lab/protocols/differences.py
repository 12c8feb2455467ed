"""Paired differences as text, for the tables of protocols."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rppg_core.metrics import bootstrap_ci

N_RESAMPLES = 2000


def difference_text(values: Float[np.ndarray, " clip"]) -> str:
    """Mean of paired differences with its bootstrap interval, signed, as text."""
    low, high = bootstrap_ci(values, np.mean, seed=0, n_resamples=N_RESAMPLES)
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"
