import numpy as np
import pytest

from rppg_core.lab.simulate.script import shuffled_blocks, survives_shuffling


@pytest.mark.parametrize(
    ("hr_bpm", "kept"), [(120, True), (119, True), (60, True), (107, False), (180, False)]
)
def test_only_a_pulse_that_repeats_with_the_blocks_is_still_there_when_they_are_shuffled(hr_bpm, kept):
    times_s = np.arange(600) / 30
    phase = 2 * np.pi * times_s * hr_bpm / 60
    wave = np.sin(phase) + 0.5 * np.sin(2 * phase)
    orders = [shuffled_blocks(times_s, np.random.default_rng(seed)) for seed in range(20)]
    line = np.exp(-1j * (phase if hr_bpm > 61 else 2 * phase))  # of 60 bpm only the second harmonic is kept
    share = np.mean([abs(wave[order] @ line) ** 2 for order in orders]) / abs(wave @ line) ** 2
    assert survives_shuffling(hr_bpm) == kept == (share > 0.4)
