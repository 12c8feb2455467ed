"""Simulated people for SpO2: what a camera may know of oxygen, and what it only seems to.

    one camera      the same camera and the same optics of the skin for all: a ratio of ratios can be read
    every camera    each camera answers red with another slope and level, and each skin has a pulse of its own colour
    shortcut        as "every camera", but SpO2 follows the tone of the skin: right numbers for a wrong reason

In the first two SpO2 is drawn apart from everything else, evenly between 80 and 100 %.
Source: spec 5.2 (cameras, spread of the optics, shortcut); our choice: the ranges.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.lab.simulate.skin import TONES

PEOPLE = ("one camera", "every camera", "shortcut")
SPO2_PERCENT = (80.0, 100.0)
SWING_PERCENT = (0.5, 3.0)  # standard deviation of the slow change
SLOPE = 0.05  # of "one camera": relative change of the red pulse per percentage point
AMPLITUDE_PERCENT = (0.3, 1.0)
SHORTCUT_PERCENT = 3.0  # SpO2 that one tone of skin is worth, in "shortcut"
ONE_CAMERA = {"spo2_slope": SLOPE, "spo2_offset": 0.0, "pulse_colour_shift": 0.0, "pulse_colour_spread": 0.0}


def oxygen_settings(people: str, rng: np.random.Generator, *, seconds: float) -> SimulationSettings:
    """One person of PEOPLE: an everyday face that keeps still, in quiet light, at 30 frames a second.

    Args:
        people: one of PEOPLE.
        rng: source of randomness.
        seconds: length of the clip.
    """
    drawn = random_settings(rng, pulsed=True, seconds=seconds, difficulty=0.0)
    spo2 = float(rng.uniform(*SPO2_PERCENT))
    if people == "shortcut":
        middle = (len(TONES) - 1) / 2
        spo2 = float(
            np.clip(np.mean(SPO2_PERCENT) + SHORTCUT_PERCENT * (drawn.tone - middle) + rng.normal(), 80, 100)
        )
    return replace(
        drawn, spo2_percent=spo2, spo2_swing=float(rng.uniform(*SWING_PERCENT)), fps=30.0, motion="none",
        talking=0.0, gestures=0.0, amplitude_percent=float(rng.uniform(*AMPLITUDE_PERCENT)), ectopic=0.0,
        **(ONE_CAMERA if people == "one camera" else {}),
    )  # fmt: skip
