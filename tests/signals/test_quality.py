import numpy as np
import pytest

from rppg_core.signals.quality import Panel, explained_by_control, rate_evidence, window_spectra
from rppg_core.types import Bvp

FS = 30.0


def wave(hr_bpm, *, noise=0.0, seed=0, seconds=20, amplitude=1.0):
    times_s = np.arange(int(seconds * FS)) / FS
    samples = amplitude * np.sin(2 * np.pi * hr_bpm / 60 * times_s)
    samples = samples + noise * np.random.default_rng(seed).normal(size=len(times_s))
    return Bvp(samples, FS, 0.0, np.ones(len(times_s), bool))


def test_rate_is_the_median_of_windows():
    times_s = np.arange(900) / FS
    hr = np.where(times_s < 22, 70.0, 140.0)  # a burst in the last quarter does not move the median
    samples = np.sin(2 * np.pi * np.cumsum(hr / 60) / FS)
    spectra = window_spectra(Bvp(samples, FS, 0.0, np.ones(900, bool)))
    assert 60 * spectra.rate_hz == pytest.approx(70, abs=1)


def test_share_is_high_for_a_tone_and_low_for_noise():
    tone, noise = window_spectra(wave(72)), window_spectra(wave(72, amplitude=0, noise=1))
    assert tone.share(1.2) > 0.9
    assert noise.share(1.2) < 0.25


def test_snr_counts_the_first_harmonic_as_signal():
    clean = wave(60)
    harmonic = Bvp(clean.samples + 0.5 * np.sin(2 * np.pi * 2 * np.arange(600) / FS), FS, 0.0, clean.valid)
    assert window_spectra(harmonic).snr_db(1.0) > 10
    assert window_spectra(harmonic).share(1.0) == pytest.approx(0.8, abs=0.03)


def test_flicker_is_explained_by_its_control_and_a_pulse_before_a_quiet_wall_is_not():
    skin, flickering_wall = window_spectra(wave(66)), window_spectra(wave(66, noise=0.1))
    quiet_wall = window_spectra(wave(66, amplitude=0.01, noise=0.001))
    assert explained_by_control(skin, flickering_wall, 1.1) > 0.8
    assert explained_by_control(skin, quiet_wall, 1.1) < 0.01


def test_gap_leaves_only_long_segments():
    bvp = wave(72)
    valid = bvp.valid.copy()
    valid[100:130] = False  # 3.3 s before, 15.7 s after
    spectra = window_spectra(Bvp(bvp.samples * valid, FS, 0.0, valid))
    assert 60 * spectra.rate_hz == pytest.approx(72, abs=0.5)
    valid[:] = False
    valid[:100] = True
    assert window_spectra(Bvp(bvp.samples, FS, 0.0, valid)) is None


def test_evidence_is_the_same_whatever_the_scale_of_the_waveform():
    small, large = wave(80, noise=0.5), wave(80, noise=0.5, amplitude=1.0)
    large = Bvp(large.samples * 1000, FS, 0.0, large.valid)
    panel = Panel({"a": window_spectra(wave(80))}, {"a": window_spectra(wave(50, seed=3))}, "background")
    one = rate_evidence(window_spectra(small), 80 / 60, panel=panel, control=window_spectra(wave(50, seed=3)))
    two = rate_evidence(window_spectra(large), 80 / 60, panel=panel, control=window_spectra(wave(50, seed=3)))
    assert one.snr_db == pytest.approx(two.snr_db)
    assert one.support == two.support
