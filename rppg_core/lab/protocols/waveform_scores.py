"""Similarity of an estimated pulse to the true one, over the pieces between gaps."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from rppg_core.metrics import snr_db, waveform_r
from rppg_core.signals.filters import segments
from rppg_core.types import Bvp, Truth

MIN_PIECE_S = 2.0  # shortest piece between gaps that is scored


def waveform_scores(bvp: Bvp | None, truth: Truth) -> tuple[float, float]:
    """Correlation and SNR (dB) against the truth: means over the pieces between gaps, weighted by their length."""
    if bvp is None:
        return float("nan"), float("nan")
    times_s = bvp.t0_s + np.arange(len(bvp.samples)) / bvp.fs
    true = CubicSpline(truth.times_s, truth.bvp)(times_s)
    hr_bpm = float(np.mean(truth.hr_bpm))
    pieces = [part for part in segments(bvp.valid) if part.stop - part.start >= MIN_PIECE_S * bvp.fs]
    if not pieces:
        return float("nan"), float("nan")
    lengths = [part.stop - part.start for part in pieces]
    r = [waveform_r(true[part], bvp.samples[part], bvp.fs) for part in pieces]
    snr = [snr_db(hr_bpm, bvp.samples[part], bvp.fs) for part in pieces]
    return float(np.average(r, weights=lengths)), float(np.average(snr, weights=lengths))
