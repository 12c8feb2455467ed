"""Everything around the pulse: motion of the head, changes of the light, effects of the camera.

This is the third stage of the simulator. Motion, light and pulse become a few coefficients per frame for a
few fixed pictures (`Layers`), which are summed in linear light, warped with the head and encoded by the
camera.

What differs from published practice: shading and highlights change with the motion itself, over smooth
fields, because this, and not the shift of the picture, hides the pulse in real video (measured: methods
trained without it fail on real clips). Axis letters: T time, H, W, K layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from rppg_core.lab.simulate.physiology import band_noise

GRID_HZ = 100.0  # rate at which slow processes are drawn
MIDDLE_GREY = 0.214  # linear light of grey level 127 at the usual gamma
POOL = 1 << 22  # normal deviates from which each frame's noise is cut
MAX_SHIFT = 0.13  # of the face width
CODECS = ("h264", "mpeg4")


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


# "glances" is kept apart: `random_settings` never draws it, so that no training and no calibration sees it. It is
# the motion of the frozen benchmark photo-v1.
MOTION: dict[str, MotionLevel | Glances] = {
    "none": MotionLevel(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "small": MotionLevel(0.5, 0.3, 0.2, 0.0, 0.0, 0.25, 0.1),
    "medium": MotionLevel(1.5, 1.5, 0.4, 3.0, 3.0, 1.0, 0.4),
    "large": MotionLevel(4.0, 3.5, 0.5, 8.0, 8.0, 3.0, 1.5),
    "glances": Glances(2.5, 1.5, 0.6, move_s=(0.2, 0.6), hold_s=(0.25, 1.5), tremor=0.04),
}


@dataclass(frozen=True)
class Motion:
    """Motion of the head relative to its first position, as similarity transforms about the middle of the face."""

    shift: Float[np.ndarray, "time 2"]  # face widths, right and down
    roll: Float[np.ndarray, " time"]  # radians, clockwise in the picture
    zoom: Float[np.ndarray, " time"]  # factor


@dataclass(frozen=True, kw_only=True)
class Camera:
    """From linear light to the numbers of a finished frame."""

    gamma: float = 1 / 2.4  # exponent of the tone curve; 1 / 2.4 is sRGB
    noise: float = (
        1.5  # standard deviation at middle grey, grey levels; a third of its power does not depend on light
    )
    fps: float = 30.0
    time_jitter: float = 0.0  # standard deviation of a frame's time / the frame interval
    dropped: float = 0.0  # share of frames that never arrive
    duplicated: float = 0.0  # share of frames that repeat the frame before


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
    0.2-3.5 Hz including heart-like rates, jerks). Moves between two poses have minimum jerk: Flash & Hogan
    1985.
    """
    grid_s = _grid(times_s)
    family = MOTION[level]
    if isinstance(family, Glances):
        shift, roll, zoom = _looking_around(family, grid_s, rng)
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


def light_drift(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, strength: float
) -> Float[np.ndarray, " time"]:
    """Slow relative change of the light, power 1/f from a period of 30 s up to 3 Hz; `strength` is its std."""
    grid_s = _grid(times_s)
    return np.interp(times_s, grid_s, strength * band_noise(grid_s, 1 / 30, 3.0, rng, power=1))


def flicker(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, hz: float, percent: float
) -> Float[np.ndarray, " time"]:
    """Sinusoidal relative change of all light; `percent` is its amplitude."""
    return percent / 100 * np.sin(2 * np.pi * (hz * times_s + rng.uniform()))


def smooth_field(size: int, rng: np.random.Generator, *, knots: int = 4) -> Float[np.ndarray, "size size"]:
    """Random smooth picture, zero mean and unit standard deviation; `knots` bumps across."""
    field = cv2.resize(rng.standard_normal((knots, knots)), (size, size), interpolation=cv2.INTER_CUBIC)
    return ((field - field.mean()) / field.std()).astype(np.float32)


def frame_times(camera: Camera, seconds: float, rng: np.random.Generator) -> Float[np.ndarray, " time"]:
    """Capture times from 0 to the end, with jitter, without dropped frames (never two in a row)."""
    index = np.arange(max(2, round(seconds * camera.fps)))
    jitter = np.clip(camera.time_jitter * rng.standard_normal(len(index)), -0.45, 0.45)
    jitter[0] = 0.0
    lost = rng.uniform(size=len(index)) < camera.dropped
    lost[0] = lost[-1] = False
    lost[1:] &= ~lost[:-1]
    return ((index + jitter) / camera.fps)[~lost]


def shown_frames(camera: Camera, n: int, rng: np.random.Generator) -> Int[np.ndarray, " time"]:
    """Index of the frame that each frame shows: its own, or that of the previous frame if it is a duplicate."""
    again = rng.uniform(size=n) < camera.duplicated
    again[:1] = False
    again[1:] &= ~again[:-1]
    return np.arange(n) - again


def tone_curve(light: Float[np.ndarray, "*shape"], gamma: float) -> Float[np.ndarray, "*shape"]:
    """Linear light 0..1 to grey levels 0..255, unrounded: a power with a straight toe, sRGB's at gamma 1/2.4.

    Above a gamma of about 0.95 the toe would cover the whole curve, which is then a straight line.
    """
    offset = 0.055
    x = np.clip(light, 0, 1)
    if (1 + offset) * (1 - gamma) <= offset:
        return 255 * x
    toe = (offset / ((1 + offset) * (1 - gamma))) ** (1 / gamma)
    slope = (1 + offset) * gamma * toe ** (gamma - 1)
    return 255 * np.where(x < toe, slope * x, (1 + offset) * x**gamma - offset)


def noise_variance(camera: Camera) -> tuple[float, float]:
    """Variance of the sensor in linear light: a constant part, and one that grows with the light."""
    step = 1e-3
    low, high = tone_curve(np.array([MIDDLE_GREY - step, MIDDLE_GREY + step]), camera.gamma)
    variance = float((camera.noise * 2 * step / (high - low)) ** 2)
    return variance / 3, variance * 2 / 3 / MIDDLE_GREY


class Sensor:
    """Adds noise in linear light, applies the tone curve and rounds to 8 bits."""

    def __init__(self, camera: Camera, pixels: int, rng: np.random.Generator):
        read, shot = noise_variance(camera)
        self._read, self._shot = np.float32(read), np.float32(shot)
        self._noisy = camera.noise > 0
        self._pool = _noise_pool(rng, 4 * pixels) if self._noisy else np.zeros(0, np.float32)
        steps = np.arange(1 << 16) / ((1 << 16) - 1)
        self._curve = np.round(tone_curve(steps, camera.gamma)).astype(np.uint8)

    def expose(
        self, light: Float[np.ndarray, "height width 3"], rng: np.random.Generator
    ) -> UInt8[np.ndarray, "height width 3"]:
        """One frame. `light` is linear, 1 is white, and is overwritten; `rng` picks a piece of the noise pool."""
        if self._noisy:
            start = int(rng.integers(0, len(self._pool) - light.size))
            noise = self._pool[start : start + light.size].reshape(light.shape)
            np.maximum(light, 0, out=light)
            spread = light * self._shot
            spread += self._read
            np.sqrt(spread, out=spread)
            spread *= noise
            light += spread
        np.maximum(light, 0, out=light)
        np.minimum(light, 1, out=light)
        light *= 65535
        return self._curve.take(light.astype(np.uint16))


class Warp:
    """Moves the head of a picture and leaves the rest in place; the region between is stretched.

    Args:
        moving: 1 where the picture moves with the head, 0 where it never moves, smooth between.
        centre: of the face, pixels.
        width: of the face, pixels.
    """

    def __init__(
        self, moving: Float[np.ndarray, "height width"], centre: Float[np.ndarray, " 2"], width: float
    ):
        self._centre, self._width = centre, width
        rows, columns = moving.shape
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        moving = moving.astype(np.float32)
        self._fields = np.stack([x, y, moving * x, moving * y, moving]).reshape(5, -1)

    def apply(self, picture: np.ndarray, motion: Motion, k: int) -> np.ndarray:
        """The picture as frame k of the motion shows it."""
        turn = complex(motion.zoom[k] * np.exp(1j * motion.roll[k]))
        back = 1 / turn
        centre = complex(*(self._centre - 0.5))
        shift = complex(*motion.shift[k]) * self._width
        # source(z) = back * (z - centre - shift) + centre; its offset from z, weighted by `moving`
        offset = centre - back * (centre + shift)
        a, b = back.real - 1, back.imag
        weights = np.array([[1, 0, a, -b, offset.real], [0, 1, b, a, offset.imag]], np.float32)
        source = (weights @ self._fields).reshape(2, *picture.shape[:2])
        return cv2.remap(picture, source[0], source[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def points(
        self, points: Float[np.ndarray, "point 2"], motion: Motion, k: int
    ) -> Float[np.ndarray, "point 2"]:
        """Positions of points of the head in frame k."""
        turn = complex(motion.zoom[k] * np.exp(1j * motion.roll[k]))
        centre, shift = complex(*self._centre), complex(*motion.shift[k]) * self._width
        moved = turn * (points[:, 0] + 1j * points[:, 1] - centre) + centre + shift
        return np.stack([moved.real, moved.imag], axis=1)


def _noise_pool(rng: np.random.Generator, n: int) -> Float[np.ndarray, " deviate"]:
    """Normal deviates for pictures: one pool for all clips of common size, a new one for larger pictures.

    Sharing it saves a tenth of a second per clip; the piece for each frame is drawn from the clip's own seed.
    """
    return _shared_pool() if n <= POOL else rng.standard_normal(n, dtype=np.float32)


@lru_cache(maxsize=1)
def _shared_pool() -> Float[np.ndarray, " deviate"]:
    return np.random.default_rng(POOL).standard_normal(POOL, dtype=np.float32)


def _grid(times_s: np.ndarray) -> np.ndarray:
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
        u = np.clip((grid_s - start_s) / move_s, 0, 1)
        path += (u**3 * (10 - 15 * u + 6 * u * u))[:, None] * (aim - pose)
        pose, start_s = aim, start_s + move_s + rng.uniform(*m.hold_s)
    path -= np.median(path, axis=0)
    for axis in range(2):
        path[:, axis] += m.tremor / 100 * band_noise(grid_s, 3.0, 8.0, rng)
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
