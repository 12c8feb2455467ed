"""The mean colour of the true skin in every frame of a simulated video."""

from __future__ import annotations

import numpy as np

from rppg_core.lab.simulate.portrait import load_portrait

STILL = {"motion": "none", "illumination": 0.0, "riiv": 0.0}


def skin_means(video, tone):
    """Mean colour of the true skin in every frame of a clip whose head does not move."""
    weight = load_portrait(tone=tone).skin.face
    frames = (video.frames.rgb(k) for k in range(len(video.frames)))
    return np.stack([np.tensordot(weight, frame, 2) for frame in frames]) / weight.sum()
