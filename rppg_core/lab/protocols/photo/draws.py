"""Random numbers for the settings of the frozen clips, and the draws that all versions of the benchmark share.

All numbers are rounded, because the settings are hashed. The settings are drawn here and not by `random_settings`,
which may change. The order of the draws is part of a version: another order gives other clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

HR_BPM, RR_BRPM, SPO2_PERCENT = (45.0, 150.0), (8.0, 26.0), (88.0, 100.0)
FPS = (30.0, 30.0, 29.97, 25.0)
Choice = TypeVar("Choice")
Range = tuple[float, float]


class Draws:
    """A source of rounded random numbers.

    Args:
        seed: the same seed gives the same numbers.
    """

    def __init__(self, seed: int):
        self._rng = np.random.default_rng(seed)

    def even(self, low: float, high: float) -> float:
        """A number between two bounds."""
        return round(float(self._rng.uniform(low, high)), 4)

    def log(self, low: float, high: float) -> float:
        """A number between two bounds, its logarithm evenly distributed."""
        return round(float(np.exp(self._rng.uniform(np.log(low), np.log(high)))), 5)

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """One of several values; a value that is listed twice is twice as likely."""
        return choices[int(self._rng.integers(len(choices)))]


def person(draw: Draws, *, breath: bool, rsa: Range) -> dict[str, Any]:
    """Heart, breath, pulse shape and oxygen of a person, and the colour of the pulse.

    Args:
        draw: source of randomness.
        breath: whether this is a breathing clip, in which the baseline always shows the breath.
        rsa: range of the heart rate's swing with the breath, at 75 bpm or less.
    """
    hr_bpm = draw.even(*HR_BPM)
    return {
        "hr_bpm": hr_bpm,
        "rr_brpm": draw.even(*RR_BRPM),
        "rsa": round(draw.even(*rsa) * min(1.0, 75 / hr_bpm), 4),  # RSA is small at high heart rates
        "riav": draw.even(0.05, 0.25),
        "riiv": draw.even(0.2, 1.2) if breath else draw.even(0.0, 1.2),
        "rise_s": draw.even(0.12, 0.2),
        "decay_s": draw.log(0.05, 0.25),
        "dicrotic": draw.even(0.0, 0.2),
        "smoothness": draw.even(0.0, 0.5),
        "delay_s": draw.even(0.0, 0.015),
        "spo2_percent": draw.even(*SPO2_PERCENT),
        "spo2_slope": draw.even(0.03, 0.07),
        "spo2_offset": draw.even(-0.3, 0.3),
        "pulse_colour_shift": draw.even(0.0, 1.0),
    }


def camera(draw: Draws, *, exposure: Range) -> dict[str, Any]:
    """Colours, exposure and frame times of a camera."""
    return {
        "colour_matrix_spread": draw.even(0.0, 0.3),
        "white_balance_spread": draw.even(0.0, 0.15),
        "exposure": draw.log(*exposure),
        "fps": draw.one_of(FPS),
        "time_jitter": draw.even(0, 0.1),
    }


def body(draw: Draws) -> dict[str, Any]:
    """How the head moves with breath and beat."""
    return {"breath_motion": draw.log(0.05, 1.0), "beat_motion": draw.log(0.005, 0.1)}
