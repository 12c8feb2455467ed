import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rppg_core.classical import chrom, pbv, pos
from rppg_core.errors import UsageError
from rppg_core.signals.filters import standardise
from rppg_core.types import ROIS, FaceClip, RgbTrace, STMap, marked_rows
from rppg_core.video.prepare import (
    CELL_SIGNATURE,
    PROJECTION_S,
    PROJECTIONS,
    cut,
    overlap_add,
    overlapping_windows,
    projections,
    resample,
    stmap_band,
)
from tests.clip_factory import LaterClip, full_clip


def clip_at(times_s, wave, valid=None):
    valid = np.ones(len(times_s), bool) if valid is None else valid
    rgb = np.repeat(wave[:, None, None], 3, axis=2).repeat(len(ROIS), axis=1)
    rgb[~valid] = np.nan
    return FaceClip(times_s=times_s, valid=valid, rgb=rgb)


def test_resample_recovers_a_pulse_from_uneven_times():
    rng = np.random.default_rng(0)
    times_s = np.cumsum(rng.uniform(0.02, 0.05, 400))
    even = resample(clip_at(times_s, 100 + np.sin(2 * np.pi * 1.2 * times_s)), 30)
    expected = 100 + np.sin(2 * np.pi * 1.2 * even.times_s)
    assert even.fs == 30
    assert np.abs(even.roi("skin")[:, 1] - expected).max() < 0.03  # cubic: far below a tenth of the wave


@pytest.mark.parametrize("fps", [15, 24, 25, 29.97, 60])
def test_resample_keeps_time_at_any_frame_rate(fps):
    times_s = np.arange(int(10 * fps)) / fps
    even = resample(clip_at(times_s, np.sin(2 * np.pi * 1.5 * times_s)), 30)
    assert even.times_s[-1] == pytest.approx(times_s[-1], abs=1 / 30 + 1e-9)
    phase = np.corrcoef(even.roi("skin")[:, 0], np.sin(2 * np.pi * 1.5 * even.times_s))[0, 1]
    assert phase > 0.995


@pytest.mark.parametrize("fps", [10, 15, 24, 25, 30, 45, 60])
@pytest.mark.parametrize("digits", [3, 6], ids=["mkv", "mp4"])  # what the container keeps of a frame time
def test_five_seconds_are_five_seconds_at_any_frame_rate(fps, digits):
    times_s = np.round(np.arange(5 * fps) / fps, digits)
    even = resample(clip_at(times_s, np.sin(2 * np.pi * 1.5 * times_s)), 30)
    assert len(even.times_s) == 150
    assert even.valid.all() and np.isfinite(even.rgb).all()


@pytest.mark.parametrize("fps", [60, 90, 120])
def test_the_mean_over_frames_of_a_fast_camera_is_not_late(fps):
    times_s = np.arange(0, 10, 1 / fps)
    even = resample(clip_at(times_s, np.sin(2 * np.pi * 1.3 * times_s)), 30)
    found, inside = even.roi("skin")[:, 1], slice(30, 260)  # nearly ten whole beats
    turns = np.exp(-2j * np.pi * 1.3 * even.times_s)[inside]
    delay_s = -(np.angle((found[inside] * turns).sum()) + np.pi / 2) / (2 * np.pi * 1.3)
    assert abs(delay_s) < 5e-4


def test_short_gap_is_bridged_and_long_gap_splits():
    times_s = np.arange(300) / 30
    valid = np.ones(300, bool)
    valid[50:56] = False  # 0.23 s between good frames
    valid[100:160] = False  # 2 s
    even = resample(clip_at(times_s, np.ones(300), valid), 30)
    assert even.valid[45:60].all()
    assert not even.valid[105:155].any()
    assert np.isnan(even.roi("skin")[120]).all()


@pytest.mark.parametrize("name", marked_rows(LaterClip, "frame"))
@pytest.mark.parametrize("mask", [False, True], ids=["slice", "mask"])
def test_cut_takes_the_same_rows_of_every_field_that_is_marked(name, mask):
    clip = full_clip(LaterClip)
    part = np.arange(150) % 3 == 1 if mask else slice(40, 100)
    np.testing.assert_array_equal(getattr(cut(clip, part), name), getattr(clip, name)[part])


@pytest.mark.parametrize("name", marked_rows(LaterClip, "second"))
@pytest.mark.parametrize(
    ("part", "seconds"),
    [
        (slice(0, 150), slice(0, 6)),  # 3.5 s to 8.47 s: seconds 3 to 8 of the clock
        (slice(15, 45), slice(1, 2)),  # 4.0 s to 4.97 s
        (slice(14, 46), slice(0, 3)),  # 3.97 s to 5.0 s
        (slice(100, 150), slice(3, 6)),  # 6.83 s to 8.47 s
        (slice(20, 20), slice(0, 0)),
    ],
)
def test_cut_keeps_the_seconds_that_the_stretch_covers(name, part, seconds):
    clip = full_clip(LaterClip)
    kept = getattr(cut(clip, part), name)
    for word, numbers in getattr(clip, name).items():
        np.testing.assert_array_equal(kept[word], numbers[seconds])


def test_a_cut_of_a_cut_keeps_to_its_seconds():
    clip = full_clip()  # from 3.5 s on
    twice = cut(cut(clip, slice(60, 150)), slice(20, 50))  # 5.5 s on, then 6.17 s to 7.13 s
    np.testing.assert_array_equal(twice.scene["light"], clip.scene["light"][3:5])


def test_cut_leaves_what_has_no_rows():
    clip = full_clip()
    part = cut(clip, slice(40, 100))
    for name in ("stmap_weight", "still", "still_outlines", "video", "face", "notes", "rois", "region", "fs"):
        assert getattr(part, name) is getattr(clip, name)


@pytest.mark.parametrize("name", sorted(marked_rows(LaterClip, "frame").keys() - {"times_s", "valid"}))
def test_resample_makes_every_marked_field_even(name):
    clip = full_clip(LaterClip, fps=25.0)
    even = resample(clip, 30)
    values, source = getattr(even, name), getattr(clip, name)
    assert len(values) == len(even.times_s) == 180
    assert values.dtype == source.dtype  # crops stay whole numbers
    # 30 Hz and 25 Hz meet every sixth and fifth sample
    np.testing.assert_allclose(values[:-6:6], source[:-5:5], rtol=1e-4)


def test_scene_stays_as_it_is_on_even_times():
    clip = full_clip(fps=25.0)
    assert resample(clip, 30).scene is clip.scene


def test_stmap_bands_separate_pulse_and_breathing():
    times_s = np.arange(900) / 30
    pulse, breath = np.sin(2 * np.pi * 1.2 * times_s), np.sin(2 * np.pi * 0.15 * times_s)
    cells = 100 + (0.5 * pulse + breath)[:, None, None] * np.ones((1, 4, 3))
    stmap = STMap(cells, 30.0, np.ones(4))
    fast = standardise(stmap_band(stmap, "pulse")[:, 0, 1])
    slow = standardise(stmap_band(stmap, "slow")[:, 0, 1])
    assert np.mean(fast * standardise(pulse)) > 0.9
    assert np.mean(slow * standardise(breath)) > 0.98


def test_stmap_band_keeps_relative_strength_of_cells():
    times_s = np.arange(600) / 30
    pulse = np.sin(2 * np.pi * 1.2 * times_s)
    cells = 100 + np.stack([pulse, 2 * pulse], axis=1)[:, :, None] * np.ones(3)
    band = stmap_band(STMap(cells, 30.0, np.ones(2)), "pulse")
    assert band[:, 1].std() / band[:, 0].std() == pytest.approx(2, rel=0.01)  # never a z-score per cell


def lit_cells(light=0.03, n_cells=3, seconds=20):
    """Cells with a pulse of 0.5 % under light that is ten times larger, and the pulse."""
    rng = np.random.default_rng(3)
    times_s = np.arange(30 * seconds) / 30
    pulse = np.sin(2 * np.pi * 1.2 * times_s)
    shine = light * np.convolve(rng.standard_normal(len(times_s)), np.hanning(9) / 4, "same")
    colour = rng.uniform(80, 160, (n_cells, 3))
    cells = colour * (1 + shine[:, None, None] - 0.005 * pulse[:, None, None] * np.array(CELL_SIGNATURE))
    return STMap(cells + 0.02 * rng.standard_normal(cells.shape), 30.0, np.ones(n_cells)), pulse


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_of_one_cell_is_the_classical_method_on_it(name, monkeypatch):
    monkeypatch.setattr("rppg_core.classical.PBV_WINDOW_S", PROJECTION_S)
    stmap, _ = lit_cells(n_cells=1)
    trace = RgbTrace(stmap.samples[:, 0], 30.0)
    by_name = {"pos": pos, "chrom": chrom, "pbv": lambda trace: pbv(trace, signature=CELL_SIGNATURE)}
    wanted, found = by_name[name](trace), projections(stmap, names=(name,))[:, 0, 0]
    inside = slice(30, -30)
    # windows lie at other places, a line is removed in each, and dark colours count less
    assert np.corrcoef(wanted[inside], found[inside])[0, 1] > 0.97


def test_light_cancels_in_the_projections_and_not_in_the_band():
    stmap, pulse = lit_cells()
    assert abs(np.corrcoef(stmap_band(stmap, "pulse")[:, 0, 1], pulse)[0, 1]) < 0.4
    for found in projections(stmap)[:, 0].T:
        assert np.corrcoef(found, pulse)[0, 1] > 0.8


def test_each_projection_has_one_scale_over_the_cells_and_rises_with_blood():
    stmap, pulse = lit_cells(light=0.0)
    weak = STMap(stmap.samples[:, [0, 0]], 30.0, np.array([1.0, 0.0]))
    found = projections(weak)
    np.testing.assert_allclose(np.sqrt((found[:, 0] ** 2).mean(axis=0)), 1, rtol=0.02)
    assert found.shape == (600, 2, len(PROJECTIONS)) and (pulse @ found[:, 0] > 0).all()


def test_projections_of_a_still_black_or_short_map_are_finite():
    for cells in (np.full((90, 2, 3), 100.0), np.zeros((90, 2, 3)), np.full((5, 2, 3), 50.0)):
        assert (projections(STMap(cells, 30.0, np.ones(2))) == 0).all()


@pytest.mark.parametrize("names", [("ica",), (), "pos", ["pos", "x"]])
def test_unknown_projections_are_named(names):
    with pytest.raises(UsageError, match="pos, chrom, pbv"):
        projections(lit_cells()[0], names=names)


@settings(max_examples=30)
@given(n=st.integers(10, 500), length=st.integers(10, 120))
def test_overlap_add_of_windows_of_a_wave_gives_the_wave(n, length):
    wave = np.sin(np.arange(n) / 7)
    windows = overlapping_windows(n, length)
    joined = overlap_add([wave[w] for w in windows], windows, n)
    np.testing.assert_allclose(joined, wave, atol=1e-9)


@pytest.mark.parametrize("apart_s", [1e-12, 1e-6, 1e-4])
def test_two_frames_at_nearly_one_time_do_not_spoil_the_rest(apart_s):
    times_s = np.arange(250) / 25
    wave = 100 + np.sin(2 * np.pi * times_s)
    twice_s = np.insert(times_s, 100, times_s[100] - apart_s)
    found = resample(clip_at(twice_s, np.insert(wave, 100, wave[100] + 0.5)))
    np.testing.assert_allclose(
        found.rgb, resample(clip_at(times_s, wave)).rgb, atol=0.55
    )  # the other picture's
