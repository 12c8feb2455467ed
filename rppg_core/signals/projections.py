"""Algebra that light and motion drop out of: from relative colours in a window to a pulse.

`classical` applies it to the mean colour of the skin, `video.prepare` to every cell of a map.
Axis letters: ... any, K frame within a window, C colour (3).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

DARKEST = 1.0  # grey levels: a darker channel carries only noise and is not amplified further


def relative_change(
    colour: Float[np.ndarray, "*any frame channel"], black_level: float = 0.0
) -> Float[np.ndarray, "*any frame channel"]:
    """Change relative to the mean over the window.

    Args:
        colour: grey levels.
        black_level: added to the mean, so that dark colours, which have no reliable relative change, count less.
    """
    mean = colour.mean(axis=-2, keepdims=True)
    return (colour - mean) / np.maximum(mean + black_level, DARKEST)


def pos_projection(relative: Float[np.ndarray, "*any frame 3"]) -> Float[np.ndarray, "*any frame"]:
    """Two axes on the plane orthogonal to skin tone, scaled so that their opposite parts cancel.

    Returns:
        Rises with blood volume (the paper's h follows reflectance).

    Source: Wang et al. 2017, IEEE TBME 64(7), algorithm 1: S1 = G - B, S2 = G + B - 2R, h = S1 + (sd S1 / sd S2) S2.
    """
    red, green, blue = np.moveaxis(relative, -1, 0)
    s1 = green - blue
    s2 = green + blue - 2 * red
    return -(s1 + _ratio(s1, s2) * s2)


def chrom_projection(relative: Float[np.ndarray, "*any frame 3"]) -> Float[np.ndarray, "*any frame"]:
    """Difference of two chrominances, weighted so that their common part cancels.

    Source: de Haan & Jeanne 2013, IEEE TBME 60(10), X = 3R - 2G, Y = 1.5R + G - 1.5B, S = X - (sd X / sd Y) Y. Our
    choice: both standard deviations are computed without a band-pass, as in Wang et al. 2017.
    """
    x = relative @ np.array([3.0, -2.0, 0.0], relative.dtype)
    y = relative @ np.array([1.5, 1.0, -1.5], relative.dtype)
    return x - _ratio(x, y) * y


def pbv_projection(
    relative: Float[np.ndarray, "*any frame 3"],
    swing: Float[np.ndarray, "*any frame 3"],
    pulse: Float[np.ndarray, " 3"],
) -> Float[np.ndarray, "*any frame"]:
    """The weighting of R, G, B that keeps the pulse's colour and suppresses all else as far as possible.

    Args:
        relative: what is weighted.
        swing: what the weighting is learned on.
        pulse: unit vector of the relative pulsatility of R, G, B.

    Returns:
        Relative change of green, rises with blood volume.

    Source: de Haan & van Leest 2014, Physiol. Meas. 35(9), W Q = k P with Q = C C^T. Our choice: k is set so that
    the pulse keeps its amplitude in green, the same in all windows (the paper: |W| = 1).
    """
    covariance = (np.swapaxes(swing, -1, -2) @ swing / swing.shape[-2]).astype(np.float64)
    trace = np.trace(covariance, axis1=-2, axis2=-1)[..., None, None]
    ridge = 1e-6 * trace + 1e-18  # the covariance of a noise-free trace is singular
    weight = np.linalg.solve(covariance + ridge * np.eye(3), pulse[:, None])  # (..., 3, 1)
    weight *= -pulse[1] / (pulse @ weight)[..., None]
    return (relative @ weight.astype(relative.dtype))[..., 0]


def _ratio(a: Float[np.ndarray, "*any frame"], b: Float[np.ndarray, "*any frame"]) -> np.ndarray:
    """Ratio of the standard deviations of a and b in each window, 0 where b is constant."""
    sd_a, sd_b = a.std(axis=-1, keepdims=True), b.std(axis=-1, keepdims=True)
    return np.divide(sd_a, sd_b, out=np.zeros_like(sd_a), where=sd_b > 1e-12)
