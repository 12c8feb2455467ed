"""Whole clips: light, talk and breath in the picture, their truth, the tracker, and repeatability."""

from __future__ import annotations

import json
from itertools import pairwise
from time import process_time

import numpy as np
import pytest
from lab.simulate.skin_means import STILL, skin_means

from rppg_core.lab.simulate.faces import (
    SIMULATOR_VERSION,
    SimulationSettings,
    save_simulation,
    simulate_clip,
    simulate_video,
)
from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.video.mesh_points import FOREHEAD, LIPS


def test_truth_holds_the_track_of_the_saturation_and_its_mean():
    truth = simulate_video(
        SimulationSettings(seconds=30, fps=10, spo2_percent=91, spo2_swing=2, riiv=0)
    ).truth
    assert truth.spo2 is not None and truth.spo2.std() > 1
    assert truth.spo2_percent == pytest.approx(truth.spo2.mean())
    assert simulate_video(SimulationSettings(kind="photo", seconds=2)).truth.spo2 is None


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
