"""Clips of the benchmark in windows, for tables that run parts of a network themselves, and the windows joined again.

Axis letters: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.photo.scores import CONSTANT_BPM, constant_wave
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.models.base import RppgModel, unit_wave
from rppg_core.roster import get_method
from rppg_core.signals.filters import longest_segment
from rppg_core.types import FS, Bvp, FaceClip, Truth
from rppg_core.video.prepare import cut, overlap_add, overlapping_windows, resample


@dataclass(frozen=True)
class ClipWindows:
    """The longest stretch of a clip without a gap, as a network reads it."""

    inputs: Mapping[str, Tensor]  # one row per window
    places: tuple[slice, ...]  # of the windows in the stretch, samples
    truth: Truth  # "start_s" of its settings is where the stretch begins, in s


def clip_windows(model: RppgModel, clip: FaceClip, truth: Truth) -> ClipWindows:
    """What a network reads of a native clip that has a face at least for a window."""
    even = resample(clip)
    part = cut(even, longest_segment(even.valid))
    places = overlapping_windows(len(part.times_s), model.window)
    read = [model.inputs_from_clip(cut(part, place), model.config) for place in places]
    inputs = {
        name: torch.from_numpy(np.stack([np.asarray(one[name], np.float32) for one in read]))
        for name in read[0]
    }
    truth = replace(truth, settings={**truth.settings, "start_s": float(part.times_s[0])})
    return ClipWindows(inputs, tuple(places), truth)


def joined_windows(
    found: Float[Tensor, "batch sample"], places: Sequence[slice]
) -> Float[np.ndarray, " time"]:
    """One waveform from overlapping windows, each at unit scale."""
    waves = found.double().numpy()
    return overlap_add([unit_wave(wave) for wave in waves], list(places), places[-1].stop)


def r_of_waves(waves: Sequence[np.ndarray], truths: Sequence[Truth]) -> Float[np.ndarray, " clip"]:
    """Correlation of each waveform of `joined_windows` with the truth of its `ClipWindows`."""
    found = []
    for wave, truth in zip(waves, truths, strict=True):
        bvp = Bvp(wave, FS, float(truth.settings["start_s"]), np.ones(len(wave), bool))
        found.append(waveform_scores(bvp, truth)[0])
    return np.array(found)


def r_beside(known: Sequence[KnownClip]) -> dict[str, Float[np.ndarray, " clip"]]:
    """Correlation of what does not learn with the truth of each clip: POS, and a sine of one rate for all."""
    pos, found = get_method("pos"), {"pos": [], f"sine of {CONSTANT_BPM:g} bpm": []}
    for clip, truth in known:
        both = (pos.estimate(resample(clip)).bvp, constant_wave(truth))
        for row, bvp in zip(found.values(), both, strict=True):
            row.append(waveform_scores(bvp, truth)[0])
    return {name: np.array(row) for name, row in found.items()}
