from dataclasses import replace

import numpy as np
import pytest

from rppg_core.errors import ClipTooShortError, MissingNeedError, NoFaceError
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video
from rppg_core.metrics import waveform_r
from rppg_core.types import NEEDS, ROIS
from rppg_core.video.clip import extract
from rppg_core.video.frame import ArrayFrame
from rppg_core.video.prepare import resample

EVERYTHING = frozenset(NEEDS)


FIRST = SimulationSettings(seconds=8.0, hr_bpm=72.0, amplitude_percent=0.7, tone=2, seed=5)


@pytest.fixture(scope="module")
def simulated():
    return simulate_clip(FIRST, needs=EVERYTHING)


class NoFace:
    """A tracker that sees nothing between two times."""

    def __init__(self, tracker, gone_s):
        self.tracker, self.gone_s = tracker, gone_s

    def observe(self, frame):
        lost = self.gone_s[0] <= frame.time_s < self.gone_s[1]
        return None if lost else self.tracker.observe(frame)


def test_every_need_has_its_shape(simulated):
    clip, _ = simulated
    n = len(clip.times_s)
    assert n == 240
    assert clip.rgb.shape == (n, len(ROIS), 3)
    assert clip.stmap.shape == (n, 36, 3)
    assert clip.crop36.shape == (n, 36, 36, 3)
    assert clip.crop72.shape == (n, 72, 72, 3)
    assert clip.crop128_raw.shape == (n, 128, 128, 3)
    assert clip.landmarks.shape == (n, 468, 2)
    assert clip.background.shape == (n, 3)
    assert max(clip.still.shape) <= 512
    assert {len(values) for values in clip.scene.values()} == {8}


def test_field_that_was_not_asked_for_is_named_in_the_error():
    settings = SimulationSettings(seconds=5.0)
    clip, _ = simulate_clip(settings)
    assert clip.stmap is None
    with pytest.raises(MissingNeedError, match="stmap"):
        clip.need("stmap")


def test_every_roi_carries_the_pulse(simulated):
    others = [simulate_clip(replace(FIRST, seed=seed), needs=frozenset({"rgb"})) for seed in (1, 2)]
    r = {name: [] for name in ROIS}
    for clip, truth in [simulated, *others]:
        even = resample(clip)
        for name in ROIS:
            r[name].append(waveform_r(truth.bvp, -even.roi(name)[:, 1], 30))
    # the median of three heads: a glance may turn hair into a small ROI
    assert {name: values for name, values in r.items() if np.median(values) < 0.7} == {}


def test_every_cell_carries_the_pulse(simulated):
    clip, truth = simulated
    even = resample(clip)
    share = clip.stmap_weight
    cells = even.stmap[:, share > 0.8, 1]
    r = [waveform_r(truth.bvp, -cell, 30) for cell in cells.T]
    assert np.median(r) > 0.5


def test_crops_hold_the_same_pulse_as_the_rois(simulated):
    clip, truth = simulated
    centre = clip.crop36[:, 10:26, 10:26].astype(float).mean(axis=(1, 2))[:, 1]
    assert waveform_r(truth.bvp, -centre, 30) > 0.6


def test_background_holds_no_pulse(simulated):
    clip, truth = simulated
    assert abs(waveform_r(truth.bvp, -clip.background[:, 1], 30)) < 0.5


def test_crops_keep_fractions_of_a_grey_level(simulated):
    clip, _ = simulated
    assert clip.crop36.dtype == np.uint16
    assert len(np.unique(clip.crop36[:, 18, 18, 1] % 256)) > 50


def test_lost_face_leaves_a_gap_and_the_rest_is_kept():
    video = simulate_video(SimulationSettings(seconds=9.0, seed=2))
    clip = extract(video.frames, NoFace(video.tracker, (3.0, 5.0)), frozenset({"rgb", "crop36"}))
    assert not clip.valid[(clip.times_s > 3.0) & (clip.times_s < 4.9)].any()
    assert clip.valid[(clip.times_s < 2.4) | (clip.times_s > 5.6)].all()  # looks are half a second apart
    assert np.isnan(clip.rgb[~clip.valid]).all()
    assert clip.face.found == pytest.approx(7 / 9, abs=0.1)


def test_face_that_appears_late_is_found():
    video = simulate_video(SimulationSettings(seconds=6.0))
    clip = extract(video.frames, NoFace(video.tracker, (0.0, 2.0)))
    assert not clip.valid[clip.times_s < 1.9].any()
    assert clip.valid[clip.times_s > 2.6].all()


def test_seconds_before_the_face_appears_have_a_row_of_their_own():
    video = simulate_video(SimulationSettings(seconds=6.0))
    clip = extract(video.frames, NoFace(video.tracker, (0.0, 2.0)), frozenset({"rgb", "scene"}))
    for numbers in clip.scene.values():
        assert np.isfinite(numbers).tolist() == [False, False, True, True, True, True]


def test_clip_without_a_face_is_an_error_that_says_what_to_do():
    video = simulate_video(SimulationSettings(seconds=5.0))
    with pytest.raises(NoFaceError, match="face the camera"):
        extract(video.frames, NoFace(video.tracker, (0.0, 99.0)))


@pytest.mark.parametrize(
    ("level", "words"), [(0, "almost black"), (255, "almost white"), (120, "frames; wanted")]
)
def test_no_face_error_names_the_light_where_it_is_the_cause(level, words):
    frames = [ArrayFrame(i / 30, np.full((60, 80, 3), level, np.uint8)) for i in range(60)]
    with pytest.raises(NoFaceError, match=words):
        extract(frames, NoFace(None, (0.0, 99.0)))


def test_one_frame_is_too_short():
    frame = ArrayFrame(0.0, np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ClipTooShortError, match="1 frame"):
        extract([frame], None, region="whole")


def test_whole_picture_is_skin_when_asked():
    rng = np.random.default_rng(0)
    times_s = np.arange(180) / 30
    pulse = 0.02 * np.sin(2 * np.pi * 1.3 * times_s)
    frames = [
        ArrayFrame(t, np.clip(150 * (1 - p) + rng.normal(0, 1, (40, 60, 3)), 0, 255).astype(np.uint8))
        for t, p in zip(times_s, pulse, strict=True)
    ]
    clip = extract(frames, None, region="whole")
    assert clip.background is None
    assert waveform_r(pulse, -clip.roi("skin")[:, 1], 30) > 0.99


def test_the_same_frames_give_the_same_clip_twice():
    video = simulate_video(SimulationSettings(seconds=5.0, seed=9))
    first, second = (extract(video.frames, video.tracker) for _ in range(2))
    np.testing.assert_array_equal(first.rgb, second.rgb)


def test_progress_says_how_far_and_how_much_face():
    video, seen = simulate_video(SimulationSettings(seconds=5.0)), []
    extract(
        video.frames, video.tracker, progress=lambda stage, part: seen.append((stage, part)), expected_s=5.0
    )
    assert "face found in 100%" in seen[-1][0]
    assert 0.8 < seen[-1][1] <= 1
