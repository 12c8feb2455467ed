"""The two regressions behind the calibration: the probability of being right, and the width of the interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.lab.protocols.calibration.examples import Example
from rppg_core.signals.calibration import (
    SHOW_FROM,
    Calibration,
    confidence_features,
    is_light,
    width_features,
)

WITHIN_BPM = 5.0
# Share of the examples without a pulse in the fit of the confidence, by weight: most clips show a face. Our choice:
# with it, 1 % of the simulated readings without a pulse are shown, half of what the criteria allow, because walls of
# people are not simulated ones.
PULSE_FREE_SHARE = 0.3
WEIGHT_DECAY = 1e-3


def fit(examples: Sequence[Example]) -> Calibration:
    """Fit both regressions; the width only to examples that would be shown."""
    errors = np.array([e.error_bpm for e in examples])
    features = np.stack([confidence_features(e.evidence) for e in examples])
    weights = np.array([e.weight for e in examples])
    weights = np.where(np.isfinite(errors), weights, weights * _free_weight(errors, weights))
    ours = np.array([not is_light(e.evidence) for e in examples])
    confidence = fit_confidence(features[ours], (errors <= WITHIN_BPM)[ours], weights[ours])
    sure = features @ confidence > np.log(SHOW_FROM / (1 - SHOW_FROM))
    shown = np.flatnonzero(ours & sure & (errors <= 3 * WITHIN_BPM))
    widths = np.stack([width_features(examples[int(k)].evidence) for k in shown])
    width = fit_width(widths, errors[shown])
    return Calibration(tuple(float(w) for w in confidence), tuple(float(w) for w in width))


def _free_weight(errors: Float[np.ndarray, " example"], weights: Float[np.ndarray, " example"]) -> float:
    """Factor on the examples without a pulse, whose error is infinite, that gives them PULSE_FREE_SHARE."""
    free = weights[np.isinf(errors)].sum()
    others = weights[np.isfinite(errors)].sum()
    return float(PULSE_FREE_SHARE / (1 - PULSE_FREE_SHARE) * others / free) if free else 1.0


def fit_confidence(
    features: Float[np.ndarray, "example feature"],
    right: Bool[np.ndarray, " example"],
    weights: Float[np.ndarray, " example"] | None = None,
) -> Float[np.ndarray, " feature"]:
    """Logistic regression by Newton steps, with a little weight decay."""
    weights = np.ones(len(features)) if weights is None else weights
    found = np.zeros(features.shape[1])
    decay = WEIGHT_DECAY * len(features) * np.eye(features.shape[1])
    decay[0, 0] = 0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(features @ found, -30, 30)))
        gradient = features.T @ (weights * (p - right)) + decay @ found
        hessian = (
            (features * (weights * p * (1 - p))[:, None]).T @ features + decay + 1e-9 * np.eye(len(found))
        )
        step = np.linalg.solve(hessian, gradient)
        found = found - step
        if np.abs(step).max() < 1e-8:
            break
    return found


def fit_width(
    features: Float[np.ndarray, "example feature"],
    errors_bpm: Float[np.ndarray, " example"],
    *,
    level: float = 0.95,
) -> Float[np.ndarray, " feature"]:
    """Linear quantile regression of log |error| (pinball loss), solved exactly as a linear programme.

    The dual programme has one unknown for each example, and as few conditions as there are features.
    """
    from scipy.optimize import linprog

    target = np.log(np.maximum(errors_bpm, 0.02))
    # maximise target a, where features^T a = (1 - level) features^T 1 and 0 <= a <= 1
    balance = (1 - level) * features.sum(axis=0)
    solved = linprog(-target, A_eq=features.T, b_eq=balance, bounds=(0, 1), method="highs")
    return -solved.eqlin.marginals
