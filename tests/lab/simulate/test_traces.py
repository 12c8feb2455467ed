"""Cell traces: known truth comes back, strengths are what was asked for, seeds repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.classical import CLASSICAL
from rppg_core.lab.simulate.faces import simulate_video
from rppg_core.lab.simulate.settings import KINDS, PULSE_FREE, SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces, tracked_path
from rppg_core.metrics import waveform_r
from rppg_core.types import FaceClip
from rppg_core.video.clip import extract
from rppg_core.video.prepare import resample

STILL = SimulationSettings(
    seconds=12, hr_bpm=80, amplitude_percent=0.7, motion="none", noise=0.5, illumination=0.0
)


def pos_r(settings: SimulationSettings, **kwargs) -> float:
    clip, truth = simulate_traces(settings, **kwargs)
    even = resample(clip)
    bvp = CLASSICAL["pos"].estimate(even).bvp
    assert bvp is not None
    return waveform_r(np.interp(even.times_s, truth.times_s, truth.bvp), bvp.samples, 30.0)


@pytest.mark.parametrize("seed", range(4))
def test_pos_finds_the_pulse_of_a_still_face(seed):
    assert pos_r(replace(STILL, seed=seed)) > 0.9


@pytest.mark.parametrize("amplitude", [0.2, 0.8])
def test_skin_swings_as_much_as_was_asked_for(amplitude):
    settings = replace(STILL, amplitude_percent=amplitude, noise=0.0, riiv=0.0, tone=3)
    clip, truth = simulate_traces(settings)
    green = clip.roi("skin")[:, 1]
    assert -100 * np.polyfit(truth.bvp, green / green.mean(), 1)[0] == pytest.approx(amplitude, rel=0.1)


def test_pale_cells_have_no_pulse_and_leave_the_others_as_they_are():
    settings = replace(STILL, riiv=0.0)
    pale = np.arange(36) < 18
    (whole, _), (part, truth) = simulate_traces(settings), simulate_traces(settings, pale=pale)
    without, _ = simulate_traces(replace(settings, amplitude_percent=0.0))
    skin = whole.stmap_weight > 0.03  # cells with less are mixed with the mean of all skin
    assert np.array_equal(part.stmap[:, skin & ~pale], whole.stmap[:, skin & ~pale])
    assert np.array_equal(part.stmap[:, skin & pale], without.stmap[:, skin & pale])
    assert truth.pulsed


def test_motion_hides_the_pulse_from_pos():
    still = np.mean([pos_r(replace(STILL, amplitude_percent=0.2, seed=k)) for k in range(6)])
    large = replace(STILL, amplitude_percent=0.2, motion="large", lamps=0.2)
    moving = np.mean([pos_r(replace(large, seed=k)) for k in range(6)])
    assert moving < still - 0.1


def test_a_hand_hides_some_cells_for_some_of_the_time():
    waving = replace(STILL, gestures=30.0, amplitude_percent=0.0, seed=3)
    still, _ = simulate_traces(replace(waving, gestures=0.0))
    clip, _ = simulate_traces(waving)
    changed = np.abs(clip.stmap / still.stmap - 1).max(axis=2) > 0.05  # (T, N)
    assert 0.01 < changed.any(axis=1).mean() < 0.95
    assert changed.any(axis=0).mean() > 0.05 and not changed.all(axis=1).any()
    wall = [simulate_traces(replace(waving, kind="wall", gestures=g))[0].stmap for g in (0.0, 30.0)]
    np.testing.assert_array_equal(*wall)


def test_lamps_of_other_colours_leave_more_of_the_motion_after_pos():
    moving = replace(STILL, motion="large", amplitude_percent=0.1)
    alike, apart = (
        np.mean([pos_r(replace(moving, lamps=lamps, seed=k)) for k in range(4)]) for lamps in (0.0, 0.3)
    )
    assert apart < alike - 0.05


def test_background_has_the_light_but_not_the_pulse():
    settings = replace(STILL, amplitude_percent=1.0, noise=0.0, illumination=0.01)
    clip, truth = simulate_traces(settings)
    green = clip.background[:, 1] / clip.background[:, 1].mean()
    assert green.std() > 0.002
    still = simulate_traces(replace(settings, illumination=0.0))[0].background
    assert np.ptp(still, axis=0).max() < 0.05  # grey levels: rounding is all that is left
    assert abs(np.corrcoef(green, truth.bvp)[0, 1]) < 0.5


def test_cells_without_skin_weight_hold_less_pulse_and_more_motion():
    settings = replace(STILL, amplitude_percent=0.5, motion="large")
    weighted, plain = simulate_traces(settings)[0], simulate_traces(settings, skin_weight=False)[0]
    assert (plain.stmap_weight == 1).all() and weighted.stmap_weight.min() < 0.3

    def swing(clip):
        return (clip.stmap.std(axis=0) / clip.stmap.mean(axis=0)).mean()

    assert swing(plain) > swing(weighted)


@pytest.mark.parametrize("kind", KINDS)
def test_truth_knows_the_breathing_rate_over_time_where_there_is_a_pulse(kind):
    _, truth = simulate_traces(replace(STILL, kind=kind, rr_brpm=18.0))
    if not truth.pulsed:
        assert truth.rr_track_brpm is None and np.isnan(truth.rr_brpm)
        return
    assert truth.rr_track_brpm.shape == truth.times_s.shape
    assert truth.rr_track_brpm.mean() == pytest.approx(truth.rr_brpm, rel=0.01)
    assert truth.rr_track_brpm.std() > 0.01 * truth.rr_brpm


def relative(colours: np.ndarray) -> np.ndarray:
    return colours / colours.mean(axis=0) - 1


@pytest.mark.parametrize("kind", PULSE_FREE)
def test_pulse_of_the_truth_is_only_in_clips_that_hold_one(kind):
    """In linear light, without noise or motion, what the blood changes is a regression coefficient."""
    strong = replace(STILL, amplitude_percent=5.0, noise=0.0, gamma=1.0, riiv=0.0)
    pulsed, known = simulate_traces(strong)
    other, truth = simulate_traces(replace(strong, kind=kind))

    def percent(clip: FaceClip) -> float:
        return -100 * float(np.polyfit(known.bvp, relative(clip.roi("skin"))[:, 1], 1)[0])

    assert percent(pulsed) == pytest.approx(5.0, rel=0.1)
    assert abs(percent(other)) < (1.5 if kind == "shuffled" else 0.1)  # 24 blocks may correlate by chance
    assert not truth.pulsed and not truth.bvp.any() and np.isnan(truth.rr_brpm)


@pytest.mark.parametrize("seed", range(3))
def test_wall_has_one_colour_in_smooth_light_whatever_the_head_would_do(seed):
    lit = replace(STILL, kind="wall", seed=seed, noise=0.0, gamma=1.0, illumination=0.01, screen=0.01)
    clip, _ = simulate_traces(replace(lit, motion="large", talking=0.9))
    still = clip.stmap.mean(axis=0)
    assert (still / still[:, [1]]).std(axis=0).max() < 0.002  # rounding is all that differs
    assert 0.05 < still[:, 1].std() / still[:, 1].mean() < 0.3
    np.testing.assert_array_equal(clip.stmap, simulate_traces(lit)[0].stmap)
    assert relative(clip.roi("skin"))[:, 1].std() > 0.005
    together = np.corrcoef(relative(clip.roi("skin"))[:, 1], relative(clip.background)[:, 1])[0, 1]
    assert together > 0.9  # they share their light


def test_walls_of_two_seeds_differ_in_colour_and_outline():
    one, other = (simulate_traces(replace(STILL, kind="wall", seed=k))[0] for k in (1, 2))
    assert np.abs(one.background.mean(axis=0) - other.background.mean(axis=0)).max() > 2
    assert not np.allclose(one.stmap_weight, other.stmap_weight, atol=0.01)


def test_noise_is_middle_grey_and_white_in_time():
    lit = replace(STILL, kind="noise", noise=3.0, illumination=0.02, screen=0.05, light_steps=60.0)
    clip, _ = simulate_traces(replace(lit, motion="large"))
    assert np.abs(clip.stmap.mean(axis=(0, 1)) - 127).max() < 1
    assert np.abs(clip.background.mean(axis=0) - 127).max() < 1
    change = relative(clip.stmap)[..., 1]
    neighbours = (change[1:] * change[:-1]).mean(axis=0) / change.var(axis=0)
    assert np.abs(neighbours).max() < 0.25  # 1 / sqrt(360) of 36 cells


@pytest.mark.parametrize("seed", range(3))
def test_moving_background_changes_its_light_and_not_that_of_the_face(seed):
    settings = replace(STILL, motion="small", seed=seed)
    busy, calm = (simulate_traces(replace(settings, kind=k))[0] for k in ("moving background", "photo"))
    np.testing.assert_array_equal(busy.stmap, calm.stmap)
    assert relative(busy.background)[:, 1].std() > 10 * relative(calm.background)[:, 1].std()


def test_camera_that_meters_a_moving_background_changes_the_face():
    settings = replace(STILL, kind="moving background", auto_exposure=1.0)
    metered, fixed = (simulate_traces(s)[0] for s in (settings, replace(settings, auto_exposure=0.0)))
    assert relative(metered.roi("skin")).std() > 2 * relative(fixed.roi("skin")).std()


def test_shuffled_frames_are_those_of_the_pulsed_clip_in_another_order():
    settings = replace(STILL, amplitude_percent=3.0, illumination=0.05, noise=0.0, gamma=1.0)
    shuffled, pulsed = (simulate_traces(replace(settings, kind=k))[0] for k in ("shuffled", "pulse"))
    blocks, there = (clip.roi("skin")[:, 1].reshape(24, 15) for clip in (shuffled, pulsed))
    apart = np.abs(blocks[:, None] - there).max(axis=2)
    found = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < 0.5  # grey levels, of errors of the tracked position and rounding
    assert sorted(found) == list(range(24)) and list(found) != sorted(found)
    moved = replace(settings, motion="large")
    boxes, path = (simulate_traces(replace(moved, kind=k))[0].boxes for k in ("shuffled", "pulse"))
    assert np.abs(np.diff(boxes[:, 0])).max() > 2 * np.abs(np.diff(path[:, 0])).max()


def test_flicker_is_on_face_and_background_at_its_rate():
    clip, _ = simulate_traces(replace(STILL, kind="flicker", flicker_hz=1.5, flicker_percent=2.0, gamma=1.0))
    line = np.exp(-2j * np.pi * 1.5 * clip.times_s)
    for colours in (clip.roi("skin"), clip.background):
        assert 200 * abs((relative(colours)[:, 1] * line).mean()) == pytest.approx(2.0, rel=0.1)


def test_same_seed_gives_the_same_clip_and_another_seed_another():
    one, again, other = (simulate_traces(replace(STILL, seed=k))[0].stmap for k in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)


def test_clip_and_truth_share_their_uneven_times():
    settings = replace(STILL, time_jitter=0.1, dropped=0.05, fps=25.0)
    clip, truth = simulate_traces(settings)
    np.testing.assert_array_equal(clip.times_s, truth.times_s)
    assert np.diff(clip.times_s).std() > 1e-3
    assert clip.stmap.shape == (len(clip.times_s), 36, 3)
    assert ((truth.beats_s >= clip.times_s[0]) & (truth.beats_s <= clip.times_s[-1])).all()


def test_the_tracked_path_follows_the_face_as_the_pass_does():
    """The same rules on a real path: where the pass slips, so does the model of it."""
    settings = SimulationSettings(seconds=8, size=96, motion="large", seed=3, noise=0.5)
    video = simulate_video(settings)
    clip = extract(video.frames, video.tracker)
    path = video.motion.shift
    middle = clip.boxes[:, :2] + clip.boxes[:, 2:] / 2
    real = middle / np.median(clip.boxes[:, 2]) - path
    model = tracked_path(clip.times_s, path, np.random.default_rng(0)) - path
    for axis in (0, 1):
        assert model[:, axis].std() == pytest.approx(real[:, axis].std(), rel=0.5)
        assert np.corrcoef(real[:, axis], model[:, axis])[0, 1] > 0.5


def test_a_face_at_rest_is_tracked_to_the_error_of_a_look():
    times_s = np.arange(300) / 30
    path = tracked_path(times_s, np.zeros((300, 2)), np.random.default_rng(0))
    assert 0.0005 < path.std() < 0.006
