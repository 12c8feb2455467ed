"""Hands that come up while a person talks: before the face, beside it, and down again.

A hand is a soft ellipse of skin in front of everything, for pictures and for cells alike. Its own pulse is left out,
because it is weak beside what the hand hides. Axis letters: T time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.lab.simulate.head import even_grid, minimum_jerk
from rppg_core.lab.simulate.physiology import band_noise

REST = (0.5, 2.0)  # where a hand waits, out of the picture: from the middle of the face, face widths
EDGE = 0.05  # width of its soft edge, face widths; fingers leave gaps
STRETCH = 1.35  # height of a hand / its width


@dataclass(frozen=True)
class Hand:
    """Where a hand is, and how its colour differs from that of the face."""

    place: Float[np.ndarray, "time 2"]  # from the middle of the resting face, face widths, right and down
    radius: float  # half of its width, face widths
    colour: Float[np.ndarray, " 3"]  # relative to the mean colour of the face

    def cover(
        self, right: Float[np.ndarray, "*#shape"], down: Float[np.ndarray, "*#shape"], frames: int | slice
    ) -> np.ndarray | None:
        """Share of each point that the hand hides; None if it is far from all of them.

        Args:
            right: from the middle of the face, of a picture's points or of a list's. Unit: face widths.
            down: the same, down.
            frames: one frame, or several, which then come first in the result.
        """
        place = self.place[frames][..., None]
        x, y = place[..., 0, :], place[..., 1, :]
        if (y > down.max() + STRETCH * self.radius + 4 * EDGE).all():
            return None
        distance = np.hypot(right - x, (down - y) / STRETCH)
        return 1 / (1 + np.exp(np.clip((distance - self.radius) / (EDGE / 4), -40, 40)))


def gestures(times_s: Float[np.ndarray, " time"], rng: np.random.Generator, *, per_min: float) -> Hand | None:
    """A hand that comes up `per_min` times a minute; None if it never does.

    Args:
        times_s: frame times. Unit: s.
        rng: draws moments, aims and the hand.
        per_min: gestures per minute.

    Source: our choice: 0.2 to 0.5 s up, 0.3 to 2 s of beats at 1 to 4 Hz about an aim near the face, and down.
    """
    n = rng.poisson(per_min * np.ptp(times_s) / 60)
    if not n:
        return None
    grid_s = even_grid(times_s)
    side = rng.choice([-1.0, 1.0])
    rest = np.array([side * REST[0], REST[1]])
    path = np.tile(rest, (len(grid_s), 1))
    for start_s in np.sort(rng.uniform(grid_s[0] - 0.5, grid_s[-1], n)):
        aim = np.array([side * rng.uniform(-0.2, 0.9), rng.uniform(0.0, 1.1)])
        up_s, stay_s, down_s = rng.uniform(0.2, 0.5), rng.uniform(0.3, 2.0), rng.uniform(0.2, 0.5)
        beat_hz = rng.uniform(1.0, 4.0)
        beats = 0.06 * np.sin(2 * np.pi * beat_hz * (grid_s - start_s))[:, None] * rng.standard_normal(2)
        raised = minimum_jerk((grid_s - start_s) / up_s)
        raised *= 1 - minimum_jerk((grid_s - start_s - up_s - stay_s) / down_s)
        path = path + raised[:, None] * (aim + beats - path)
    path += 0.01 * np.stack([band_noise(grid_s, 0.3, 3.0, rng, power=1) for _ in range(2)], axis=1)
    return Hand(
        place=np.stack([np.interp(times_s, grid_s, axis) for axis in path.T], axis=1),
        radius=float(rng.uniform(0.15, 0.3)),
        colour=rng.uniform(0.6, 1.4) * np.exp(0.05 * rng.standard_normal(3)),
    )
