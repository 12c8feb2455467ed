"""Stored clips at other speeds, so that a network learns hearts that nobody in a small dataset has.

A dataset of a few people holds few heart rates, and a network that is trained on it reads the others as rates that
it knows: a heart of 48 as 96. Played slower or faster, the same face has another heart rate and breathing rate; its
light, camera and saturation stay.
Source: our choice; change of speed as augmentation as in the frequency augmentation of Niu et al. 2020
(https://arxiv.org/abs/1910.12515, temporal up- and down-sampling of maps).
Axis letters: T time.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rppg_core.lab.training.sources import even_truth
from rppg_core.types import FS, FaceClip, Truth
from rppg_core.video.clip_fields import whole_seconds
from rppg_core.video.prepare import resample

LEARNED_BPM = (41.0, 180.0)  # within the range of the frequency losses


def random_speed(
    rng: np.random.Generator, speeds: tuple[float, float], truth: Truth, *, most: float
) -> float:
    """A speed between two limits, its logarithm uniform, that leaves every heart rate within LEARNED_BPM.

    Args:
        rng: source of randomness.
        speeds: lowest and highest.
        truth: of the clip; an unknown heart rate sets no limit.
        most: highest speed at which the clip is still long enough.
    """
    low, high = speeds[0], min(speeds[1], most)
    known = truth.hr_bpm[np.isfinite(truth.hr_bpm)]
    if len(known):
        low = max(low, LEARNED_BPM[0] / known.min())
        high = min(high, LEARNED_BPM[1] / known.max())
    return math.exp(rng.uniform(math.log(low), math.log(high))) if low < high else min(1.0, most)


def at_speed(clip: FaceClip, truth: Truth, speed: float) -> tuple[FaceClip, Truth]:
    """The clip played at another speed, and its truth.

    Args:
        clip: at 30 Hz.
        truth: at the same times.
        speed: 2 doubles both rates and halves the length.

    Returns:
        Both at 30 Hz again.
    """
    if speed == 1:
        return clip, truth
    played = replace(clip, times_s=clip.times_s / speed, fs=None)
    if clip.scene is not None:
        first = whole_seconds(clip.times_s).start
        seconds = np.array([int(speed * second) - first for second in whole_seconds(played.times_s)])
        played = replace(
            played, scene={name: x[np.clip(seconds, 0, len(x) - 1)] for name, x in clip.scene.items()}
        )
    even = resample(played, FS)
    faster = replace(
        truth,
        times_s=truth.times_s / speed,
        hr_bpm=truth.hr_bpm * speed,
        beats_s=truth.beats_s / speed,
        rr_brpm=truth.rr_brpm * speed,
        rr_track_brpm=None if truth.rr_track_brpm is None else truth.rr_track_brpm * speed,
    )
    return even, even_truth(faster, even.times_s)
