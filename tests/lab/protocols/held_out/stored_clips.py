"""Clips as a dataset folder holds them, made in memory by the fast simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.sources import even_truth
from rppg_core.types import FaceClip, Truth
from rppg_core.video.prepare import resample


@dataclass(frozen=True)
class MemoryClip:
    """A stored clip that lies in memory."""

    dataset: str
    subject: str
    clip: str
    made: tuple[FaceClip, Truth]
    condition: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> tuple[FaceClip, Truth]:
        return self.made


def traces(
    hr_bpm: float = 72.0, *, seconds: float = 20.0, seed: int = 0, **changes
) -> tuple[FaceClip, Truth]:
    """An easy clip at 30 Hz and its truth at the same times."""
    settings = SimulationSettings(
        hr_bpm=hr_bpm, seconds=seconds, seed=seed, motion="none", noise=0.5, amplitude_percent=1.0, **changes
    )
    clip, truth = simulate_traces(settings)
    even = resample(clip, 30.0)
    return even, even_truth(truth, even.times_s)


def unlabelled(truth: Truth, *names: str) -> Truth:
    """The truth without some of its labels."""
    nothing = np.full(len(truth.times_s), np.nan)
    gone = {name: np.nan if name in ("rr_brpm", "spo2_percent") else nothing for name in names}
    if "spo2_percent" in names:
        gone["spo2"] = None
    return replace(truth, **gone)
