"""The pulse of whole clips: its exact amplitude, its colour, its arrival, and none where none is."""

from __future__ import annotations

import numpy as np
import pytest
from lab.simulate.skin_means import STILL, skin_means

from rppg_core.lab.simulate.faces import PULSE_FREE, SimulationSettings, simulate_clip, simulate_video
from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.signals.spectrum import heart_rate_from_bvp, power_spectrum
from rppg_core.video.prepare import resample


@pytest.mark.parametrize("tone", range(6))
@pytest.mark.parametrize(("amplitude_percent", "noise"), [(0.35, 0.0), (0.7, 2.0)])
def test_amplitude_of_the_finished_clip_is_exact_for_every_tone(tone, amplitude_percent, noise):
    settings = SimulationSettings(
        seconds=4, tone=tone, amplitude_percent=amplitude_percent, noise=noise, seed=tone, **STILL
    )
    video = simulate_video(settings)
    green = skin_means(video, tone)[:, 1]
    relative = green / green.mean() - 1
    assert 100 * relative.std() == pytest.approx(amplitude_percent, rel=0.03)
    assert np.corrcoef(relative, video.truth.bvp)[0, 1] < -0.98  # skin darkens as blood fills it


def test_pulse_of_the_finished_clip_has_its_colour():
    video = simulate_video(SimulationSettings(seconds=4, noise=0.0, amplitude_percent=1.0, **STILL))
    red, green, blue = (skin_means(video, 1) / skin_means(video, 1).mean(axis=0)).std(axis=0)
    assert red < blue < green


def test_red_pulse_grows_when_oxygen_falls():
    def red_over_green(**settings):
        means = skin_means(
            simulate_video(
                SimulationSettings(seconds=4, noise=0.0, amplitude_percent=1.0, **settings, **STILL)
            ),
            1,
        )
        return np.divide(*(means / means.mean(axis=0)).std(axis=0)[:2])

    at_98 = red_over_green()
    assert red_over_green(spo2_percent=88.0) / at_98 == pytest.approx(1.5, rel=0.05)
    assert red_over_green(spo2_percent=88.0, spo2_slope=0.02) / at_98 == pytest.approx(1.2, rel=0.05)
    assert red_over_green(spo2_offset=-0.3) / at_98 == pytest.approx(0.7, rel=0.05)


def test_pulse_arrives_over_the_face_within_the_delays_that_were_asked_for():
    def lags_s(delay_s):
        settings = SimulationSettings(
            seconds=8, noise=0.0, amplitude_percent=3, delay_s=delay_s, size=64, **STILL
        )
        video = simulate_video(settings)
        inside = load_portrait(size=64).skin.face > 0.9
        green = np.stack([video.frames.rgb(k)[..., 1][inside] for k in range(len(video.frames))]).astype(
            float
        )
        green -= green.mean(axis=0)
        slope = np.gradient(video.truth.bvp, video.truth.times_s)
        share = np.linalg.lstsq(np.stack([video.truth.bvp, slope], axis=1), green, rcond=None)[0]
        return -share[1] / share[0]

    assert np.std(lags_s(0.0)) < 0.004  # rounding to grey levels
    assert np.std(lags_s(0.02)) == pytest.approx(0.02, rel=0.5)  # the field varies over more than the face


def test_amplitude_stays_exact_behind_any_cameras_colours():
    for seed in range(3):
        settings = SimulationSettings(
            seconds=4,
            noise=0.0,
            amplitude_percent=0.7,
            colour_matrix_spread=0.3,
            white_balance_spread=0.15,
            pulse_colour_spread=0.3,
            pulse_colour_shift=1.0,
            exposure=0.5,
            gamma=0.8,
            seed=seed,
            **STILL,
        )
        green = skin_means(simulate_video(settings), 1)[:, 1]
        assert 100 * green.std() / green.mean() == pytest.approx(0.7, rel=0.04)


def test_scaling_with_melanin_leaves_four_tenths_on_the_darkest_tone():
    settings = SimulationSettings(tone=5, amplitude_percent=1.0, scale_with_melanin=True)
    assert settings.finished_amplitude == pytest.approx(0.004)
    assert SimulationSettings(tone=5, amplitude_percent=1.0).finished_amplitude == pytest.approx(0.01)


def test_baseline_follows_the_breath_only_when_it_is_on():
    def slow_share(riiv):
        video = simulate_video(SimulationSettings(seconds=20, fps=15, noise=0.0, **{**STILL, "riiv": riiv}))
        spectrum = power_spectrum(skin_means(video, 1)[:, 1], 15.0)
        return spectrum.band(0.15, 0.35).power.max() / spectrum.band(0.9, 1.5).power.max()

    assert slow_share(1.0) > 0.1 > 10 * slow_share(0.0)


@pytest.mark.parametrize("kind", PULSE_FREE)
def test_pulse_free_kinds_have_no_pulse_in_the_truth(kind):
    truth = simulate_video(SimulationSettings(kind=kind, seconds=2)).truth
    assert not truth.pulsed
    assert not truth.bvp.any() and len(truth.beats_s) == 0 and np.isnan(truth.hr_bpm).all()


@pytest.mark.parametrize("kind", ["photo", "wall", "noise", "moving background"])
def test_pulse_free_kinds_have_no_line_in_the_skin_mean(kind):
    """Sensor noise alone: white, with no line that stands out of the band as a pulse of 0.2 % does."""
    video = simulate_video(SimulationSettings(kind=kind, seconds=12, fps=15, amplitude_percent=1.0, **STILL))
    green = skin_means(video, 1)[:, 1]
    assert 100 * (green / green.mean()).std() < 0.05
    band = power_spectrum(green, 15.0).band(0.65, 4.0).power
    assert band.max() < 15 * band.mean()


def test_background_of_a_pulsed_clip_holds_no_pulse():
    settings = SimulationSettings(
        seconds=10, hr_bpm=80, amplitude_percent=2.0, motion="small", illumination=0.0
    )
    clip, truth = simulate_clip(settings)
    line = power_spectrum(clip.background[:, 1], 30.0).band(1.2, 1.5).power.max()
    skin = power_spectrum(clip.roi("skin")[:, 1], 30.0).band(1.2, 1.5).power.max()
    assert line < 1e-3 * skin
    assert abs(np.corrcoef(clip.background[:, 1], truth.bvp)[0, 1]) < 0.25


def test_pass_finds_the_pulse_of_a_moving_head_at_its_amplitude():
    settings = SimulationSettings(
        seconds=12, hr_bpm=95, amplitude_percent=0.7, riiv=0.0, illumination=0.0, seed=4
    )
    clip, truth = simulate_clip(settings)
    assert clip.valid.all() and np.array_equal(clip.times_s, truth.times_s)
    green = resample(clip, 30.0).roi("skin")[:, 1]
    assert heart_rate_from_bvp(-green, 30.0) == pytest.approx(95, abs=2)
    fitted = np.polyfit(truth.bvp, clip.roi("skin")[:, 1] / green.mean(), 1)[0]
    assert -100 * fitted == pytest.approx(0.7, rel=0.1)  # the pass weighs skin a little differently
