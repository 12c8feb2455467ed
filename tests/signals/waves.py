"""A waveform with one known rate, for the tests of evidence."""

import numpy as np

from rppg_core.types import FS, Bvp


def wave(hr_bpm, *, noise=0.0, seed=0, seconds=20, amplitude=1.0):
    times_s = np.arange(int(seconds * FS)) / FS
    samples = amplitude * np.sin(2 * np.pi * hr_bpm / 60 * times_s)
    samples = samples + noise * np.random.default_rng(seed).normal(size=len(times_s))
    return Bvp(samples, FS, 0.0, np.ones(len(times_s), bool))
