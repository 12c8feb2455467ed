"""How a head moves: families of motion, nods, and the path that they add up to.

Part of the third stage of the simulator; `scene` turns the motion into changes of the picture and of its light.
Axis letters: T time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.lab.simulate.physiology import band_noise

GRID_HZ = 100.0  # rate at which slow processes are drawn
MAX_SHIFT = 0.13  # of the face width


@dataclass(frozen=True)
class MotionLevel:
    """How much a head moves; standard deviations unless stated otherwise."""

    sway: float  # slow irregular sway at 0.15-1.5 Hz, % of the face width
    burst: float  # quasi-periodic nodding and swaying at 0.2-3.5 Hz while it lasts, % of the face width
    burst_share: float  # share of the time with a burst
    jerk: float  # size of a sudden move, % of the face width
    jerks_per_min: float
    roll_deg: float
    zoom: float  # % of the distance


@dataclass(frozen=True)
class Glances:
    """A head that looks around: quick, smooth moves between poses that are held for a while."""

    shift: float  # spread of the poses, % of the face width
    roll_deg: float
    zoom: float  # % of the distance
    move_s: tuple[float, float]  # shortest and longest move
    hold_s: tuple[float, float]  # shortest and longest hold between moves
    tremor: float  # % of the face width, 3-8 Hz


@dataclass(frozen=True)
class Swings:
    """A head that is knocked off its place again and again, by a word or a laugh, and swings back as on a spring."""

    shift: float  # standard deviation, % of the face width
    roll_deg: float
    zoom: float  # % of the distance
    knocks_per_s: float
    rate_hz: tuple[float, float]  # slowest and fastest swing
    damping: tuple[float, float]  # 0 swings for ever, 1 not at all


# "glances" and "swings" are kept apart: `random_settings` never draws them, so that no training and no calibration
# sees them. They are the motion of the frozen benchmarks photo-v1 and photo-v2.
MOTION: dict[str, MotionLevel | Glances | Swings] = {
    "none": MotionLevel(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "small": MotionLevel(0.5, 0.3, 0.2, 0.0, 0.0, 0.25, 0.1),
    "medium": MotionLevel(1.5, 1.5, 0.4, 3.0, 3.0, 1.0, 0.4),
    "large": MotionLevel(4.0, 3.5, 0.5, 8.0, 8.0, 3.0, 1.5),
    "glances": Glances(2.5, 1.5, 0.6, move_s=(0.2, 0.6), hold_s=(0.25, 1.5), tremor=0.04),
    "swings": Swings(1.5, 1.2, 0.5, knocks_per_s=0.7, rate_hz=(0.4, 2.2), damping=(0.15, 0.6)),
}


@dataclass(frozen=True)
class Motion:
    """Motion of the head relative to its first position, as similarity transforms about the middle of the face."""

    shift: Float[np.ndarray, "time 2"]  # face widths, right and down
    roll: Float[np.ndarray, " time"]  # radians, clockwise in the picture
    zoom: Float[np.ndarray, " time"]  # factor


def head_motion(
    level: str, times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, scale: float = 1.0
) -> Motion:
    """Motion of one head.

    Args:
        level: a key of MOTION.
        times_s: frame times. Unit: s.
        rng: source of randomness.
        scale: factor on all of the motion; 1 is the level as defined in MOTION.

    Source: ranges of the sim-to-real study this project is built on (sway 0.15-1.5 Hz, quasi-periodic motion
    0.2-3.5 Hz including heart-like rates, jerks). Moves between two poses have minimum jerk.
    """
    grid_s = even_grid(times_s)
    family = MOTION[level]
    if isinstance(family, Glances):
        shift, roll, zoom = _looking_around(family, grid_s, rng)
    elif isinstance(family, Swings):
        shift, roll, zoom = _swinging(family, grid_s, rng)
    else:
        shift, roll, zoom = _restless(family, grid_s, rng)
    shift = scale * shift
    size = np.hypot(*shift.T)[:, None]
    shift = shift * MAX_SHIFT * np.tanh(size / MAX_SHIFT) / np.maximum(size, 1e-9)
    if isinstance(family, MotionLevel) and family.roll_deg > 0:
        roll = roll + 0.5 * shift[:, 0] / max(scale, 1e-9)  # a head that leans also tilts
    return Motion(
        shift=np.stack([np.interp(times_s, grid_s, s) for s in shift.T], axis=1),
        roll=scale * np.interp(times_s, grid_s, roll),
        zoom=1 + scale * np.interp(times_s, grid_s, zoom),
    )


def nods(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, per_min: float
) -> Float[np.ndarray, " time"]:
    """How far a nodding head is down, in face widths: one to four dips at 0.8 to 2.5 Hz, each time anew."""
    down = np.zeros(len(times_s))
    for _ in range(rng.poisson(per_min * np.ptp(times_s) / 60)):
        rate_hz, dips = rng.uniform(0.8, 2.5), int(rng.integers(1, 5))
        depth = 0.04 * np.exp(0.5 * rng.normal())
        turns = np.clip((times_s - rng.uniform(times_s[0], times_s[-1])) * rate_hz, 0, dips)
        down += depth * (0.5 - 0.5 * np.cos(2 * np.pi * turns)) * (1 - 0.2 * np.floor(turns))
    return down


def minimum_jerk(u: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The smoothest rise from 0 to 1, while u runs from 0 to 1 (Flash & Hogan 1985)."""
    u = np.clip(u, 0, 1)
    return u**3 * (10 - 15 * u + 6 * u * u)


def even_grid(times_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, " grid"]:
    """Times from the first to just after the last, at GRID_HZ."""
    return np.arange(times_s[0], times_s[-1] + 2 / GRID_HZ, 1 / GRID_HZ)


def _restless(m: MotionLevel, grid_s: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Sway, bursts and jerks: shift in face widths, roll in radians, relative zoom."""
    shift = np.stack([_path(m, grid_s, rng) for _ in range(2)], axis=1) / 100 * [1.0, 0.6]  # less up and down
    roll = np.radians(m.roll_deg) * band_noise(grid_s, 0.1, 1.0, rng, power=1)
    return shift, roll, m.zoom / 100 * band_noise(grid_s, 0.05, 0.6, rng, power=1)


def _looking_around(m: Glances, grid_s: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Holds and minimum-jerk moves between random poses: shift in face widths, roll in radians, relative zoom."""
    spread = np.array([m.shift / 100, 0.6 * m.shift / 100, np.radians(m.roll_deg), m.zoom / 100])
    pose = spread * rng.standard_normal(4)
    path = np.tile(pose, (len(grid_s), 1))
    start_s = grid_s[0] + rng.uniform(0, m.hold_s[1])  # the first hold is already under way
    while start_s < grid_s[-1]:
        aim, move_s = spread * rng.standard_normal(4), rng.uniform(*m.move_s)
        path += minimum_jerk((grid_s - start_s) / move_s)[:, None] * (aim - pose)
        pose, start_s = aim, start_s + move_s + rng.uniform(*m.hold_s)
    path -= np.median(path, axis=0)
    for axis in range(2):
        path[:, axis] += m.tremor / 100 * band_noise(grid_s, 3.0, 8.0, rng)
    return path[:, :2], path[:, 2], path[:, 3]


def _swinging(m: Swings, grid_s: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Knocks at random times, each followed by a damped swing on every axis, and a slow shift of the whole."""
    spread = np.array([m.shift / 100, 0.6 * m.shift / 100, np.radians(m.roll_deg), m.zoom / 100])
    rate_hz, damping = rng.uniform(*m.rate_hz, 4), rng.uniform(*m.damping, 4)
    path = np.zeros((len(grid_s), 4))
    start_s = grid_s[0] - 3.0  # swings from before the clip are still under way
    while start_s < grid_s[-1]:
        since = np.maximum(grid_s - start_s, 0)[:, None] * 2 * np.pi * rate_hz
        path += rng.standard_normal(4) * np.exp(-damping * since) * np.sin(np.sqrt(1 - damping**2) * since)
        start_s += rng.exponential(1 / m.knocks_per_s)
    path /= np.maximum(path.std(axis=0), 1e-9)
    rest = np.stack([band_noise(grid_s, 0.02, 0.2, rng, power=2) for _ in range(4)], axis=1)
    path = spread * (0.8 * path + 0.6 * rest)
    path -= np.median(path, axis=0)
    return path[:, :2], path[:, 2], path[:, 3]


def _path(m: MotionLevel, grid_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Displacement along one axis, % of the face width."""
    path = m.sway * band_noise(grid_s, 0.15, 1.5, rng, power=2)
    if m.burst:
        rate_hz = np.exp(rng.uniform(np.log(0.2), np.log(3.5))) * (
            1 + 0.05 * band_noise(grid_s, 0.05, 0.5, rng)
        )
        phase = 2 * np.pi * np.cumsum(rate_hz) / GRID_HZ
        level = band_noise(grid_s, 0.02, 0.15, rng)
        on = np.clip((level - np.quantile(level, 1 - m.burst_share)) * 4 + 0.5, 0, 1)
        path = path + m.burst * np.sqrt(2) * on * np.sin(phase)
    for _ in range(rng.poisson(m.jerks_per_min * np.ptp(grid_s) / 60)):
        since = (grid_s - rng.uniform(grid_s[0], grid_s[-1])) / rng.uniform(0.1, 0.3)
        path = path + m.jerk * rng.normal() / (1 + np.exp(-np.clip(4 * since, -40, 40)))
    return path - np.median(path)
