"""The colour of skin that a known pulse darkens."""

from __future__ import annotations

import numpy as np

from rppg_core.classical import PBV_SIGNATURE
from rppg_core.signals.filters import bandpass
from rppg_core.types import RgbTrace

SKIN = np.array([170.0, 120.0, 95.0])  # grey levels
PULSE_COLOUR = np.array(PBV_SIGNATURE) / PBV_SIGNATURE[1]


def blood_volume(t_s: np.ndarray, hr_bpm: float) -> np.ndarray:
    """A pulse with a steep rise (0.2 of the beat) and a slow fall with a second hump; zero mean, unit std."""
    phase = (hr_bpm / 60 * t_s + 0.1) % 1
    wave = np.exp(-0.5 * ((phase - 0.2) / 0.08) ** 2) + 0.45 * np.exp(-0.5 * ((phase - 0.5) / 0.14) ** 2)
    return (wave - wave.mean()) / wave.std()


def skin_trace(
    *, seconds=20.0, fs=30.0, hr_bpm=72.0, amplitude=0.005, shading=0.0, motion=0.0, noise=2e-4, seed=0
) -> tuple[np.ndarray, RgbTrace]:
    """True pulse and the colour of skin that it darkens.

    Brightness of all channels alike swings at 1.9 Hz (`shading`) and at random between 0.3 and 3 Hz (`motion`).
    """
    rng = np.random.default_rng(seed)
    t_s = np.arange(round(seconds * fs)) / fs
    truth = blood_volume(t_s, hr_bpm)
    sway = bandpass(rng.standard_normal(len(t_s)), fs, low_hz=0.3, high_hz=3)
    brightness = 1 + shading * np.sin(2 * np.pi * 1.9 * t_s) + motion * sway / sway.std()
    colour = SKIN * (1 - amplitude * truth[:, None] * PULSE_COLOUR) * brightness[:, None]
    return truth, RgbTrace(colour * (1 + noise * rng.standard_normal(colour.shape)), fs)
