"""Whole clips against their truth: exact amplitude, no pulse where none is, one clip for one set of settings."""

from __future__ import annotations

import json
from itertools import pairwise
from time import process_time

import numpy as np
import pytest

from rppg_core.errors import NoFaceError, VideoError
from rppg_core.lab.simulate.faces import (
    PULSE_FREE,
    SIMULATOR_VERSION,
    SimulationSettings,
    save_simulation,
    simulate_clip,
    simulate_video,
)
from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.signals.spectrum import heart_rate_from_bvp, power_spectrum
from rppg_core.video.mesh_points import FOREHEAD, LIPS
from rppg_core.video.prepare import resample

STILL = {"motion": "none", "illumination": 0.0, "riiv": 0.0}


def skin_means(video, tone):
    """Mean colour of the true skin in every frame of a clip whose head does not move."""
    weight = load_portrait(tone=tone).skin.face
    frames = (video.frames.rgb(k) for k in range(len(video.frames)))
    return np.stack([np.tensordot(weight, frame, 2) for frame in frames]) / weight.sum()


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


def test_truth_holds_the_track_of_the_saturation_and_its_mean():
    truth = simulate_video(
        SimulationSettings(seconds=30, fps=10, spo2_percent=91, spo2_swing=2, riiv=0)
    ).truth
    assert truth.spo2 is not None and truth.spo2.std() > 1
    assert truth.spo2_percent == pytest.approx(truth.spo2.mean())
    assert simulate_video(SimulationSettings(kind="photo", seconds=2)).truth.spo2 is None


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


def test_cameras_differ_in_the_colour_of_skin_when_they_may():
    def red_over_blue(seed, spread):
        video = simulate_video(
            SimulationSettings(
                seconds=1,
                motion="none",
                seed=seed,
                colour_matrix_spread=spread,
                white_balance_spread=spread / 2,
            )
        )
        red, _, blue = skin_means(video, 1).mean(axis=0)
        return red / blue

    same, other = (np.std([red_over_blue(seed, spread) for seed in range(8)]) for spread in (0.0, 0.3))
    assert same < 0.01 and other > 0.1


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


def test_flicker_reaches_face_and_background_alike():
    clip, _ = simulate_clip(SimulationSettings(kind="flicker", seconds=10, flicker_hz=1.4, **STILL))
    for trace in (clip.roi("skin")[:, 1], clip.background[:, 1]):
        assert heart_rate_from_bvp(trace, 30.0) == pytest.approx(84, abs=1)
        assert 0.002 < trace.std() / trace.mean() < 0.008


def region_changes(settings, landmarks_of):
    """Standard deviation over time of the mean green level around a group of landmarks, relative."""
    video = simulate_video(settings)
    x, y = (int(v) for v in load_portrait(size=settings.size).landmarks[list(landmarks_of)].mean(axis=0))
    means = np.array([p[y - 4 : y + 5, x - 4 : x + 5, 1].mean() for p in video.frames.pictures()])
    return means.std() / means.mean()


def test_talk_changes_the_mouth_and_not_the_forehead():
    quiet, talking = (
        SimulationSettings(seconds=5, fps=15, size=128, noise=0.0, talking=talking, **STILL)
        for talking in (0.0, 0.9)
    )
    assert region_changes(talking, LIPS) > 5 * region_changes(quiet, LIPS)
    assert region_changes(talking, FOREHEAD) == region_changes(quiet, FOREHEAD)


def test_light_of_a_screen_has_a_colour_and_reaches_face_and_background():
    ratios = []
    for seed in range(3):
        settings = SimulationSettings(
            kind="photo", seconds=5, size=128, noise=0.5, screen=0.02, seed=seed, **STILL
        )
        clip, _ = simulate_clip(settings)
        for trace in (clip.roi("skin"), clip.background):
            relative = (trace / trace.mean(axis=0)).std(axis=0)
            assert 0.002 < relative[1] < 0.05
        ratios.append(relative[0] / relative[2])
    assert max(ratios) > 1.3 * min(ratios)


def test_auto_exposure_flattens_a_drifting_light():
    def swing(share):
        settings = SimulationSettings(
            kind="photo",
            seconds=20,
            fps=10,
            size=128,
            motion="none",
            illumination=0.05,
            auto_exposure=share,
            exposure_lag_s=0.1,
        )
        green = np.array([p[..., 1].mean() for p in simulate_video(settings).frames.pictures()])
        return green.std() / green.mean()

    assert swing(1.0) < 0.6 * swing(0.0)


def test_breath_shows_in_the_place_of_the_head_of_living_faces_only():
    def follows(kind):
        settings = SimulationSettings(
            kind=kind, seconds=20, fps=10, size=128, motion="none", breath_motion=2.0, noise=0.5
        )
        clip, _ = simulate_clip(settings)
        resp = simulate_video(SimulationSettings(seconds=20, fps=10)).truth.resp
        return abs(np.corrcoef(clip.boxes[:, 1], resp)[0, 1])

    assert follows("pulse") > 0.9
    assert follows("photo") < 0.5


def test_duplicated_frames_are_equal_to_the_frame_before():
    video = simulate_video(SimulationSettings(seconds=4, size=64, duplicated=0.3))
    frames = [frame.tobytes() for frame in video.frames.pictures()]
    same = np.array([a == b for a, b in pairwise(frames)])
    assert 0.1 < same.mean() < 0.35
    assert not np.any(same[1:] & same[:-1])


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


def test_shuffled_frames_are_those_of_the_pulsed_clip_in_another_order():
    shuffled = simulate_video(SimulationSettings(kind="shuffled", seconds=4, noise=0.0))
    pulsed = simulate_video(SimulationSettings(kind="pulse", seconds=4, noise=0.0))
    moments = {pulsed.frames.rgb(k).tobytes() for k in range(len(pulsed.frames))}
    frames = [shuffled.frames.rgb(k) for k in range(len(shuffled.frames))]
    assert all(frame.tobytes() in moments for frame in frames)
    assert any(not np.array_equal(frames[k], pulsed.frames.rgb(k)) for k in range(0, 120, 15))


def test_tracker_knows_the_moving_face_within_its_jitter():
    video = simulate_video(SimulationSettings(seconds=6, motion="medium", noise=0.0))
    frames = list(video.frames)
    seen = np.stack([video.tracker.observe(frame).landmarks.mean(axis=0) for frame in frames])
    width = 256 / 2.22
    assert 0.005 * width < np.ptp(seen[:, 0]) < 0.2 * width
    steps = np.abs(np.diff(seen, axis=0)).max(axis=1)
    assert np.median(steps) < 0.01 * width  # jitter is correlated in time, not white


def test_real_tracker_agrees_with_the_known_face(face_models):
    from rppg_core.video.face import FaceTracker

    for tone in (0, 5):
        video = simulate_video(SimulationSettings(seconds=1, tone=tone, motion="medium", noise=0.0))
        frame = next(iter(video.frames))
        known, real = video.tracker.observe(frame), FaceTracker().observe(frame)
        assert real is not None
        error = np.linalg.norm(known.landmarks - real.landmarks, axis=1)
        assert np.median(error) < 0.03 * 256 / 2.22


def test_the_same_settings_give_the_same_frames_and_another_seed_others():
    first, second, other = (simulate_video(SimulationSettings(seconds=1, seed=s)) for s in (7, 7, 8))
    frames = [frame.region(0, 0, 256, 256, 256, 256) for frame in first.frames]
    again = [frame.region(0, 0, 256, 256, 256, 256) for frame in first.frames]
    assert all(np.array_equal(a, b) for a, b in zip(frames, again, strict=True))
    assert np.array_equal(first.frames.rgb(20), second.frames.rgb(20))
    assert not np.array_equal(first.frames.rgb(20), other.frames.rgb(20))
    observed = [v.tracker.observe(next(iter(v.frames))).landmarks for v in (first, second)]
    assert np.array_equal(*observed)


def test_noise_and_motion_do_not_change_the_beats():
    quiet = simulate_video(SimulationSettings(seconds=5, noise=0.0, motion="none")).truth
    busy = simulate_video(SimulationSettings(seconds=5, noise=3.0, motion="large", tone=4)).truth
    assert np.array_equal(quiet.beats_s, busy.beats_s)


def test_truth_carries_the_settings_and_the_version():
    truth = simulate_video(SimulationSettings(seconds=2, hr_bpm=101.0, seed=3)).truth
    assert truth.settings["hr_bpm"] == 101.0 and truth.settings["seed"] == 3
    assert truth.settings["simulator_version"] == SIMULATOR_VERSION


def test_a_second_of_video_takes_less_than_a_second_of_one_core():
    video = simulate_video(SimulationSettings(seconds=4))
    start = process_time()
    assert sum(1 for _ in video.frames) == 120
    assert process_time() - start < 2.0  # 0.1 s when nothing else runs


def test_photo_that_is_missing_or_no_picture_is_refused(tmp_path):
    with pytest.raises(VideoError):
        load_portrait(str(tmp_path / "none.png"))
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(VideoError):
        load_portrait(str(text))


def test_photo_of_ones_own_is_shown_to_the_real_tracker(tmp_path, face_models):
    import cv2
    from skimage.data import astronaut, coffee

    cv2.imwrite(str(tmp_path / "face.png"), astronaut()[..., ::-1])
    own, stored = load_portrait(str(tmp_path / "face.png")), load_portrait()
    assert np.abs(own.landmarks - stored.landmarks).max() < 2.0
    cv2.imwrite(str(tmp_path / "coffee.png"), coffee()[..., ::-1])
    with pytest.raises(NoFaceError):
        load_portrait(str(tmp_path / "coffee.png"))


def test_saving_reports_every_frame_of_how_many(tmp_path):
    seen = []
    save_simulation(
        tmp_path / "clip.mkv", SimulationSettings(seconds=1, size=64, fps=10), lambda *said: seen.append(said)
    )
    assert seen == [(f"frame {k} of 10", k / 10) for k in range(1, 11)]


def test_saved_clip_is_lossless_and_its_truth_lies_beside_it(tmp_path):
    from rppg_core.video.reader import open_video

    settings = SimulationSettings(seconds=2, size=128, fps=25)
    beside = save_simulation(tmp_path / "clip.mkv", settings)
    truth = json.loads(beside.read_text())
    assert truth["settings"]["hr_bpm"] == 72.0 and len(truth["bvp"]) == 50 and len(truth["beats_s"]) >= 1
    frames = list(open_video(tmp_path / "clip.mkv").frames())
    video = simulate_video(settings)
    assert len(frames) == len(video.frames)
    assert np.allclose([f.time_s for f in frames], video.truth.times_s, atol=1e-3)
    difference = frames[10].region(0, 0, 128, 128, 128, 128) - video.frames.rgb(10)
    assert np.abs(difference).max() <= 0.51
