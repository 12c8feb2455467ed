"""Regions in step: a shared pulse, independent noise, and regions that cannot be compared."""

import numpy as np
import pytest

from rppg_core.signals.regions import InStep
from rppg_core.signals.windows import window_spectra
from rppg_core.types import FS, Bvp
from tests.signals.waves import wave


def in_step(waves, rate_bpm=72):
    spectra = [window_spectra(one) for one in waves]
    found = InStep(spectra[0], spectra, np.full(len(spectra[0].spans_s), rate_bpm / 60))
    weights = np.ones(len(spectra[0].spans_s))
    return found.together(weights), found.apart(weights)


@pytest.mark.parametrize("seed", range(3))
def test_a_shared_pulse_in_independent_noise_is_together_and_apart(seed):
    together, apart = in_step([wave(72, noise=1, seed=10 * seed + k, seconds=30) for k in range(3)])
    assert together > 0.8 and apart > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_independent_noise_is_not_together(seed):
    noises = [wave(72, amplitude=0, noise=1, seed=10 * seed + k, seconds=60) for k in range(3)]
    together, apart = in_step(noises)
    assert abs(together) < 0.4 and apart > 0.7


def test_pulses_in_opposite_phase_are_not_together():
    one = wave(72, noise=0.2, seconds=30)
    other = Bvp(-one.samples, FS, 0.0, one.valid)
    assert in_step([one, other])[0] == pytest.approx(-1)


@pytest.mark.parametrize("n", [1, 3])
def test_one_region_or_equal_ones_have_nothing_to_compare(n):
    assert in_step([wave(72, noise=1, seconds=30)] * n)[1] == pytest.approx(0, abs=1e-9)


def test_a_region_of_noise_alone_costs_little_where_two_others_beat():
    beating = [wave(72, noise=0.3, seed=k, seconds=30) for k in range(2)]
    covered = wave(72, amplitude=0, noise=1, seed=5, seconds=30)
    assert in_step([*beating, covered])[0] > 0.6
