"""The colour of a pulse, and how a camera's colour processing changes it.

`skin` gives the colour of the skin; this module gives its change with the pulse. Blood changes red, green and blue
by different shares; the change in red depends on the oxygen that the blood carries. A camera mixes its channels
(colour-correction matrix) and weights them (white balance), which shifts the pulse's colour. All of this is linear
in light, so it costs nothing per frame.

What differs from published practice: synthetic data usually fix the pulse's colour at one published vector,
(.33, .77, .53); measurements on real clips gave (.20, .94, .27) and (.22, .87, .44), so centre and spread are
drawn here. The relation of red to SpO2 has a random slope and offset per clip: cameras are not calibrated,
and a model trained on these clips must not rely on a calibration.
Axis letters: T time.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from rppg_core.lab.simulate.skin import PULSE_COLOUR

VIDEO_PULSE_COLOUR = (0.21, 0.90, 0.35)  # between the two measured in real, processed video
NEUTRAL_SPO2 = 98.0  # %, at which PULSE_COLOUR holds unchanged
LEAST_RED = 0.1  # of the neutral red pulse: it never vanishes or changes sign
MATRIX_CROSSTALK = np.array(
    [[0, -0.7, -0.3], [-0.3, 0, -0.7], [-0.2, -0.8, 0]]
)  # what a saturating matrix subtracts from the other channels of each row; rows sum to -1


def pulse_colour(shift: float, spread: float, rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    """Relative change of R, G, B with blood volume.

    Args:
        shift: 0 is PULSE_COLOUR, 1 is VIDEO_PULSE_COLOUR; values between interpolate their logarithms.
        spread: standard deviation of each channel's logarithm.
        rng: source of randomness.

    Returns:
        The colour, with green at 1.
    """
    centre = np.array(PULSE_COLOUR) ** (1 - shift) * np.array(VIDEO_PULSE_COLOUR) ** shift
    colour = centre * np.exp(spread * rng.standard_normal(3))
    return colour / colour[1]


def red_change(
    spo2: Float[np.ndarray, " time"], *, slope: float, offset: float
) -> Float[np.ndarray, " time"]:
    """Relative increase of the red pulse over neutral; it grows as oxygen falls.

    Args:
        spo2: saturation. Unit: %.
        slope: relative change of the red pulse per percentage point below NEUTRAL_SPO2; 0.05 is nominal.
        offset: relative change by this camera.

    Source: our choice, linear as the ratio of ratios is assumed to be (Webster 1997); 5 % per point as in the
    sim-to-real study.
    """
    return np.maximum(offset + slope * (NEUTRAL_SPO2 - spo2), LEAST_RED - 1)


def camera_colours(
    matrix_spread: float, balance_spread: float, rng: np.random.Generator
) -> Float[np.ndarray, "3 3"]:
    """Colour-correction matrix and white balance of one camera, in linear light.

    Args:
        matrix_spread: strength of the matrix; real ones, which saturate colours, differ from identity by about 0.3.
        balance_spread: standard deviation of the logarithm of the red and the blue gain.
        rng: source of randomness.

    Returns:
        Matrix for colours as columns. Without white balance its rows sum to 1: white stays white.
    """
    stronger = abs(rng.standard_normal()) * (MATRIX_CROSSTALK + np.eye(3))
    other = 0.3 * rng.standard_normal((3, 3))
    matrix = np.eye(3) + matrix_spread * (stronger + other - other.mean(axis=1, keepdims=True))
    gain = np.exp(balance_spread * rng.standard_normal(3) * [1, 0, 1])
    return gain[:, None] * matrix
