"""Disturbances by people and rooms: steps of light, screens, auto-exposure, speech, breath and heart beat.

Like `scene`, it makes a few numbers per frame, for fixed pictures (render.py) or for traces. All disturbances
are off by default.

What differs from published practice: noise operators for synthetic video (Ou et al. 2023) change finished
pictures; here each cause acts where it does in reality, in linear light before the camera, so a camera that
corrects for one of them also changes the others.
Axis letters: T time.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy import signal

from rppg_core.lab.simulate.head import GRID_HZ, Motion, even_grid
from rppg_core.lab.simulate.physiology import band_noise

STEP_SIZE = 0.06  # median relative size of a step of light
DARKEST = 0.05  # of the mean brightness, because a camera's gain is limited
SYLLABLES_HZ = (2.0, 6.0)  # slowest and fastest speech
SCREEN_HZ = (0.3, 4.0)  # slowest and fastest rhythm of a screen


def light_steps(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, per_min: float
) -> Float[np.ndarray, " time"]:
    """Sudden lasting changes of the light, relative: a lamp, a cloud, a door. Each takes 0.03 to 0.3 s."""
    change = np.zeros(len(times_s))
    for _ in range(rng.poisson(per_min * np.ptp(times_s) / 60)):
        size = STEP_SIZE * np.exp(0.7 * rng.standard_normal()) * rng.choice([-1, 1])
        part = np.clip((times_s - rng.uniform(times_s[0], times_s[-1])) / rng.uniform(0.03, 0.3), 0, 1)
        change += np.clip(size, -0.4, 0.4) * part
    return np.maximum(change, -0.7)


def screen_light(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, strength: float
) -> Float[np.ndarray, " time"]:
    """Relative change of the light from a screen: part rhythm at 0.3-4 Hz, part the irregular cuts of a film.

    Args:
        times_s: frame times. Unit: s.
        rng: source of randomness.
        strength: standard deviation.
    """
    if not strength:
        return np.zeros(len(times_s))
    grid_s = even_grid(times_s)
    rate_hz = _log_uniform(rng, *SCREEN_HZ) * (1 + 0.02 * band_noise(grid_s, 0.05, 0.5, rng))
    rhythm = np.sqrt(2) * np.sin(2 * np.pi * (np.cumsum(rate_hz) / GRID_HZ + rng.uniform()))
    share = rng.uniform(0.3, 1.0)
    change = share * rhythm + (1 - share) * band_noise(grid_s, 0.1, 4.0, rng, power=1)
    return strength * np.interp(times_s, grid_s, change / max(change.std(), 1e-9))


def auto_exposure(
    brightness: Float[np.ndarray, " time"], times_s: Float[np.ndarray, " time"], *, share: float, lag_s: float
) -> Float[np.ndarray, " time"]:
    """Gain of a camera that corrects its exposure with a lag.

    Args:
        brightness: mean of the picture at each frame, any unit.
        times_s: frame times. Unit: s.
        share: of a lasting change of brightness that is compensated; 0 is a fixed exposure.
        lag_s: time constant. Unit: s.

    Returns:
        Factor on the light, about 1.
    """
    wanted = -share * np.log(np.maximum(brightness / brightness.mean(), DARKEST))
    step_s = np.ptp(times_s) / max(len(times_s) - 1, 1)
    follow = 1 - np.exp(-step_s / lag_s)
    gain, _ = signal.lfilter([follow], [1, follow - 1], wanted, zi=[(1 - follow) * wanted[0]])
    return np.exp(gain)


def talk(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, share: float
) -> Float[np.ndarray, " time"]:
    """How far the mouth is open, 0..1: syllables at 2-6 Hz in sentences that take `share` of the time."""
    if not share:
        return np.zeros(len(times_s))
    grid_s = even_grid(times_s)
    rate_hz = rng.uniform(*SYLLABLES_HZ) * np.exp(0.25 * band_noise(grid_s, 0.2, 2.0, rng))
    open_ = 0.5 - 0.5 * np.cos(2 * np.pi * np.cumsum(rate_hz) / GRID_HZ)
    height = np.clip(0.55 + 0.25 * band_noise(grid_s, 0.3, 2.0, rng), 0.05, 1)
    level = band_noise(grid_s, 0.05, 0.4, rng)
    on = np.clip((level - np.quantile(level, 1 - share)) * 5 + 0.5, 0, 1) if share < 1 else 1.0
    return np.interp(times_s, grid_s, on * open_ * height)


def with_body(
    motion: Motion,
    times_s: Float[np.ndarray, " time"],
    *,
    resp: Float[np.ndarray, " time"],
    bvp: Float[np.ndarray, " time"],
    breath_percent: float,
    beat_percent: float,
) -> Motion:
    """A head that also moves with breath and heart beat.

    Args:
        motion: of the head without breath and beat.
        times_s: frame times. Unit: s.
        resp: breathing, about -1..1; the head rises with inhalation.
        bvp: pulse; the head moves in proportion to its slope, as a ballistocardiogram.
        breath_percent: rise for a breath of 1. Unit: % of the face width.
        beat_percent: standard deviation of the motion with the beat. Unit: % of the face width.

    Source: Balakrishnan et al. 2013 (head motion with the beat, tenths of a millimetre); our choice: its shape.
    """
    rise = breath_percent / 100 * resp
    if beat_percent:
        slope = np.gradient(bvp, times_s)
        rise = rise + beat_percent / 100 * slope / max(slope.std(), 1e-9)
    shift = motion.shift - np.stack([0.2 * rise, rise], axis=1)  # up, and a little to the side
    return replace(motion, shift=shift, zoom=motion.zoom + 0.3 * breath_percent / 100 * resp)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
