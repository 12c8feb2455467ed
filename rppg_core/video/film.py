"""Small pictures of the face, kept for the eye beside the traces of the pass.

The pass offers each frame's face, upright and in the middle of a square 1.5 face widths wide, cut from the crop in
which it was read anyway: the traces are the same with and without a film. Pictures are whole grey levels, which takes
half the memory of `crop128_raw`; noise of one level before rounding keeps the pulse, which is smaller than a level,
in the mean of neighbouring pixels. Axis letters: T time, H height, W width.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, UInt8, UInt16

from rppg_core.video.pixels import UNITS

SIDE = 128  # pixels of a picture's side
KEPT_S = 20.0  # from the first face
CLOSEST_S = 0.027  # nearer pictures are left out: 60 frames per second become 30


class FaceFilm:
    """The pictures of one face, from its first frame on.

    Args:
        kept_s: how much is kept. Unit: s.
    """

    def __init__(self, kept_s: float = KEPT_S):
        self._kept_s = kept_s
        self._times_s: list[float] = []
        self._pictures: list[np.ndarray] = []
        self._rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self._times_s)

    def wants(self, time_s: float) -> bool:
        """Whether a picture of this time is to be added."""
        if not self._times_s:
            return True
        since_last_s = time_s - self._times_s[-1]
        return since_last_s >= CLOSEST_S and time_s - self._times_s[0] < self._kept_s

    def add(self, time_s: float, picture: UInt16[np.ndarray, "height width 3"]) -> None:
        """Keep a picture in units of 1 / UNITS grey level, later than the one before."""
        noise = self._rng.integers(0, UNITS, picture.shape, np.uint16)
        self._pictures.append((cv2.add(picture, noise) // UNITS).astype(np.uint8))
        self._times_s.append(time_s)

    @property
    def times_s(self) -> Float[np.ndarray, " time"]:
        """Time of each picture since the first frame of the clip. Unit: s."""
        return np.array(self._times_s)

    def pictures(self) -> UInt8[np.ndarray, "time height width 3"]:
        """All pictures, as a copy."""
        return np.stack(self._pictures) if self._pictures else np.zeros((0, SIDE, SIDE, 3), np.uint8)
