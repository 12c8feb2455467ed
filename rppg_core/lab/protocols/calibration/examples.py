"""Evidence with known errors: what the methods find on a clip whose truth is known.

There is an example for each window, for the whole clip, and for the mean of a random stretch of windows, as the heart
rate of a clip is where not all windows can be trusted. Each clip adds a further waveform, clean and at a random rate,
as a learned decoder may give for a wall: without it, a high SNR alone would suffice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rppg_core.analysis.controls import ControlledRuns, spectra_from_bvp
from rppg_core.analysis.pipeline import CROPS, collect_needs
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.roster import list_ready_methods
from rppg_core.signals.quality import RateEvidence, TrackEvidence
from rppg_core.types import FS, HR_BAND_HZ, Bvp, FaceClip, Truth
from rppg_core.video.prepare import resample


@dataclass(frozen=True)
class Example:
    """One reading whose error is known."""

    evidence: RateEvidence
    error_bpm: float  # inf without a pulse
    source: str  # of the clip: "simulated", or the kind of a recording
    person: str = ""
    weight: float = 1.0
    whole: bool = False  # a whole clip, not a window or the mean of some


def examples_of_clip(
    known: KnownClip,
    rng: np.random.Generator,
    *,
    source: str = "simulated",
    person: str = "",
    weight: float = 1.0,
) -> list[Example]:
    """The examples of every method that reads no pictures; what else a clip lacks is unknown to a network.

    Args:
        known: native clip and its truth.
        rng: draws the clean waveform.
        source: of the clip.
        person: on it, to leave out.
        weight: of each example in the fit.
    """
    clip, truth = known
    runs = ControlledRuns(resample(clip, FS))
    panel = runs.panel(HR_BAND_HZ)
    if panel is None:
        return []
    waves = {
        name: runs.by_name(name).bvp for name in list_ready_methods() if not collect_needs([name]) & CROPS
    }
    waves["clean"] = clean_wrong_pulse(runs.clip, rng)
    rows = []
    for name, bvp in waves.items():
        spectra = spectra_from_bvp(bvp, HR_BAND_HZ)
        if spectra is None:
            continue
        found = TrackEvidence(spectra, spectra.track_hz, panel=panel, without=name)
        n, clip_s = len(spectra.spans_s), (-np.inf, np.inf)
        evidence, spans = [*map(found.near, range(n)), found.over()], [*spectra.spans_s, clip_s]
        if n > 1:
            first, last = np.sort(rng.choice(n, 2, replace=False))
            evidence.append(found.over(((np.arange(n) >= first) & (np.arange(n) < last)).astype(float)))
            spans.append(clip_s)
        rows += [
            Example(
                one,
                abs(one.rate_bpm - true_bpm(truth, *span)),
                source,
                person,
                weight,
                bool(np.isinf(span[0]) and not one.unseen),
            )
            for one, span in zip(evidence, spans, strict=True)
        ]
    return [row for row in rows if not np.isnan(row.error_bpm)]


def true_bpm(truth: Truth, start_s: float, end_s: float) -> float:
    """Mean heart rate between two moments; NaN where the reference has a gap. Unit: bpm.

    -inf without a pulse, or where it is lost (-inf in the truth) for half of the time or more.
    """
    if not truth.pulsed:
        return -np.inf
    inside = (truth.times_s >= start_s - 0.5) & (truth.times_s <= end_s + 0.5)
    values = truth.hr_bpm[inside]
    if len(values) and np.isneginf(values).mean() >= 0.5:
        return -np.inf
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else np.nan


def clean_wrong_pulse(clip: FaceClip, rng: np.random.Generator) -> Bvp:
    """A clean pulse at a random rate unrelated to the clip, as a learned decoder may give for a wall."""
    rate_hz = rng.uniform(0.7, 3.5)
    beat = np.sin(2 * np.pi * (rate_hz * clip.times_s + rng.uniform()))
    noise = np.exp(rng.uniform(np.log(0.02), np.log(1.0))) * rng.standard_normal(len(beat))
    return Bvp(np.where(clip.valid, beat + noise, 0.0), FS, float(clip.times_s[0]), clip.valid)
