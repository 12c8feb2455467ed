"""Everything around the pulse: changes of the light, the picture that moves with the head, effects of the camera.

This is the third stage of the simulator. Motion (`head`), light and pulse become a few coefficients per frame for a
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

from rppg_core.lab.simulate.head import Motion, even_grid
from rppg_core.lab.simulate.physiology import band_noise

MIDDLE_GREY = 0.214  # linear light of grey level 127 at the usual gamma
POOL = 1 << 22  # normal deviates from which each frame's noise is cut
CODECS = ("h264", "mpeg4")


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


def light_drift(
    times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, strength: float
) -> Float[np.ndarray, " time"]:
    """Slow relative change of the light, power 1/f from a period of 30 s up to 3 Hz; `strength` is its std."""
    grid_s = even_grid(times_s)
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
