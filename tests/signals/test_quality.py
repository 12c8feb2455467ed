from dataclasses import replace

import numpy as np
import pytest

from rppg_core.signals.quality import LIFT, REACH_S, Panel, TrackEvidence, joint_track, nearby
from rppg_core.signals.windows import window_spectra
from rppg_core.types import FS, Bvp
from tests.signals.waves import wave


def rate_evidence(spectra, track_hz, **panel):
    return TrackEvidence(spectra, track_hz, **panel).over()


def test_a_burst_at_another_rate_does_not_move_the_track():
    times_s = np.arange(1200) / FS
    samples = np.sin(2 * np.pi * 70 / 60 * times_s)
    samples[900:1020] += 2 * np.sin(2 * np.pi * 140 / 60 * times_s[900:1020])
    spectra = window_spectra(Bvp(samples, FS, 0.0, np.ones(1200, bool)))
    np.testing.assert_allclose(60 * spectra.track_hz, 70, atol=1)
    assert 60 * spectra.rate_hz == pytest.approx(70, abs=0.5)


def test_snr_is_high_for_a_tone_and_low_for_noise():
    tone, noise = window_spectra(wave(72)), window_spectra(wave(72, amplitude=0, noise=1))
    assert tone.snr_db(1.2) > 10
    assert noise.snr_db(1.2) < -3


def test_snr_counts_the_first_harmonic_as_signal():
    clean = wave(60)
    harmonic = Bvp(clean.samples + 0.5 * np.sin(2 * np.pi * 2 * np.arange(600) / FS), FS, 0.0, clean.valid)
    assert window_spectra(harmonic).snr_db(1.0) > 10


def voices(**rates_bpm):
    return {
        name: window_spectra(wave(bpm, noise=0.3, seed=k, seconds=40))
        for k, (name, bpm) in enumerate(rates_bpm.items())
    }


def test_votes_count_the_other_methods_of_the_panel_and_never_the_method_itself():
    panel = Panel(voices(a=80, b=80, c=120))
    spectra = panel.skin["a"]
    assert rate_evidence(spectra, 80 / 60, panel=panel).votes == pytest.approx(2 / 3, abs=0.1)
    assert rate_evidence(spectra, 80 / 60, panel=panel, without="a").votes == pytest.approx(1 / 2, abs=0.1)


def test_a_panel_member_that_is_mostly_noise_has_little_vote():
    good, bad = window_spectra(wave(80, noise=0.1)), window_spectra(wave(130, noise=8.0, seed=3))
    assert rate_evidence(good, 80 / 60, panel=Panel({"a": good, "b": bad})).votes > 0.7


def test_evidence_without_a_panel_is_that_of_a_wall():
    alone = rate_evidence(window_spectra(wave(80)), 80 / 60, panel=None)
    assert (alone.contrast, alone.votes, alone.explained) == (0, 0, 0)


def test_colour_that_is_not_known_is_not_taken_for_light():
    assert rate_evidence(window_spectra(wave(80)), 80 / 60, panel=Panel(voices(a=80))).chroma == 1


def test_contrast_is_high_at_a_line_and_near_nothing_in_noise():
    panel = Panel(voices(a=80, b=80, c=80, d=80))
    spectra = panel.skin["a"]
    at_line, beside = (rate_evidence(spectra, bpm / 60, panel=panel).contrast for bpm in (80, 140))
    assert at_line > 2.5
    assert abs(beside) < 1.2


def test_joint_track_is_that_of_the_majority():
    np.testing.assert_allclose(60 * joint_track(voices(a=80, b=80, c=120)), 80, atol=1)


def test_evidence_of_a_window_comes_from_near_and_not_from_behind_a_leap():
    spectra = window_spectra(wave(80, noise=0.1, seconds=40))
    track_hz = np.where(np.arange(7) < 4, 80, 110) / 60
    weights = nearby(spectra, track_hz, 1)
    assert weights[1] == 1 and weights[0] == pytest.approx(np.exp(-5 / REACH_S)) and (weights[4:] == 0).all()
    assert TrackEvidence(spectra, track_hz, panel=None).over(weights).seconds < 25


def test_a_mean_says_which_share_of_the_windows_it_leaves_out():
    spectra = window_spectra(wave(80, noise=0.1, seconds=40))
    found = TrackEvidence(spectra, 80 / 60, panel=None)
    assert found.over((np.arange(7) < 3).astype(float)).unseen == pytest.approx(4 / 7)
    assert found.over().unseen == found.near(2).unseen == 0


def test_neighbours_cannot_lend_their_contrast_to_a_window_without_the_pulse():
    bvp = wave(80, noise=0.1, seconds=50)
    samples = bvp.samples.copy()
    samples[600:900] = np.random.default_rng(0).standard_normal(300)
    spectra = window_spectra(replace(bvp, samples=samples))
    found = TrackEvidence(spectra, 80 / 60, panel=Panel({"pos": spectra}))
    weights = nearby(spectra, found.track_hz, 4)
    assert spectra.spans_s[4] == pytest.approx((20, 30))
    assert found.near(4).contrast == pytest.approx(found.contrasts[4] + LIFT)
    assert found.near(4).contrast < found.over(weights).contrast - 0.5
    assert found.near(0).contrast == pytest.approx(found.over(nearby(spectra, found.track_hz, 0)).contrast)


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
    small = wave(80, noise=0.5)
    large = Bvp(small.samples * 1000, FS, 0.0, small.valid)
    panel = Panel({"a": window_spectra(wave(80, noise=0.2, seed=4))})
    one, two = (rate_evidence(window_spectra(one), 80 / 60, panel=panel) for one in (small, large))
    assert one.snr_db == pytest.approx(two.snr_db)
    assert (one.contrast, one.votes) == (two.contrast, two.votes)
