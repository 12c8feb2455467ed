"""One clip in one file: every field comes back, old files are read, damaged ones are named."""

from __future__ import annotations

import stat
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.datasets import clip_file
from rppg_core.lab.datasets.clip_file import load_clip, read_about, readable, save_clip
from rppg_core.lab.datasets.label_times import truth_at
from rppg_core.lab.simulate.faces import simulate_clip
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.types import FaceClip, Truth
from rppg_core.video.prepare import resample
from tests.clip_factory import LaterClip, full_clip, full_truth

SINGLE = np.finfo(np.float32).eps  # traces are stored in single precision
EXACT = {"times_s", "scene", "still_outlines", "weather"}


def assert_same(got, wanted, name: str = "") -> None:
    """Equal values of equal kinds; floating-point traces to single precision."""
    if isinstance(wanted, np.ndarray):
        assert got.dtype == wanted.dtype, name
        exact = name in EXACT or name.startswith("truth") or wanted.dtype != float
        np.testing.assert_allclose(got, wanted, rtol=0 if exact else SINGLE, err_msg=name)
    elif isinstance(wanted, dict) and any(isinstance(value, np.ndarray) for value in wanted.values()):
        assert list(got) == list(wanted), name
        for key in wanted:
            assert_same(got[key], wanted[key], name)
    else:
        assert got == wanted, name


@pytest.fixture
def stored(tmp_path):
    """A full clip, its truth and its file."""
    clip = full_clip(n=45)
    truth = full_truth(clip.times_s)
    save_clip(tmp_path / "a.npz", clip, truth)
    return clip, truth, tmp_path / "a.npz"


@pytest.mark.parametrize("name", [f.name for f in fields(FaceClip)])
def test_every_field_of_a_clip_comes_back(stored, name):
    clip, _, path = stored
    assert getattr(clip, name) is not None
    assert_same(getattr(load_clip(path)[0], name), getattr(clip, name), name)


@pytest.mark.parametrize("name", [f.name for f in fields(Truth)])
def test_every_field_of_the_truth_comes_back_exactly(stored, name):
    _, truth, path = stored
    assert_same(getattr(load_clip(path)[1], name), getattr(truth, name), f"truth {name}")


@pytest.mark.parametrize("at_30_hz", [False, True])
def test_simulated_clip_keeps_its_scene_landmarks_and_beats(tmp_path, at_30_hz):
    settings = SimulationSettings(seconds=4.0, size=96, face="drawn", fps=25.0, dropped=0.05)
    clip, truth = simulate_clip(settings, frozenset({"rgb", "stmap", "landmarks", "scene"}))
    if at_30_hz:
        clip = resample(clip)
        truth = truth_at(truth, clip.times_s)
    save_clip(tmp_path / "a.npz", clip, truth)
    got, known = load_clip(tmp_path / "a.npz")
    assert {name for name, value in vars(got).items() if value is None} == {
        name for name, value in vars(clip).items() if value is None
    }
    assert got.landmarks.shape == (len(clip.times_s), 468, 2)
    assert np.abs(got.landmarks - clip.landmarks).max() < 1e-4  # pixels
    assert_same(got.scene, clip.scene, "scene")
    assert len(got.scene["light"]) == 4 and np.isfinite(got.scene["light"]).all()
    assert len(known.beats_s) >= 3
    for name in (f.name for f in fields(Truth)):
        assert_same(getattr(known, name), getattr(truth, name), f"truth {name}")


def test_field_that_is_added_to_the_clip_is_stored_without_being_named(tmp_path, monkeypatch):
    monkeypatch.setattr(clip_file, "FaceClip", LaterClip)
    clip = full_clip(LaterClip, n=45)
    save_clip(tmp_path / "a.npz", clip, full_truth(clip.times_s))
    got, _ = load_clip(tmp_path / "a.npz")
    for name in (f.name for f in fields(LaterClip)):
        assert_same(getattr(got, name), getattr(clip, name), name)


def test_what_was_not_asked_for_stays_away(tmp_path):
    clip = full_clip(n=45)
    small = FaceClip(times_s=clip.times_s, valid=clip.valid, rgb=clip.rgb)
    save_clip(tmp_path / "a.npz", small, replace(full_truth(clip.times_s), spo2=None, rr_brpm=float("nan")))
    got, truth = load_clip(tmp_path / "a.npz")
    assert {name for name, value in vars(got).items() if value is None} == {
        name for name, value in vars(small).items() if value is None
    }
    assert truth.spo2 is None and np.isnan(truth.rr_brpm)


def test_labels_that_are_unknown_come_back_unknown(tmp_path):
    clip = full_clip(n=45)
    nothing = np.full(len(clip.times_s), np.nan)
    known = replace(full_truth(clip.times_s), bvp=nothing, spo2=nothing, spo2_percent=float("nan"))
    known = replace(known, rr_track_brpm=nothing)
    save_clip(tmp_path / "a.npz", clip, known)
    _, truth = load_clip(tmp_path / "a.npz")
    assert np.isnan(truth.bvp).all() and np.isnan(truth.spo2_percent)
    assert truth.spo2 is truth.rr_track_brpm is None  # courses of which nothing is known


def test_file_of_an_earlier_extraction_is_read(tmp_path):
    clip = full_clip(n=45)
    truth = full_truth(clip.times_s)
    np.savez(  # what `rppg dataset extract` and the renderer of training wrote until now
        tmp_path / "a.npz",
        times_s=clip.times_s,
        valid=clip.valid,
        rgb=clip.rgb.astype(np.float32),
        stmap=clip.stmap.astype(np.float32),
        stmap_weight=clip.stmap_weight.astype(np.float32),
        crop36=clip.crop36,
        truth_bvp=truth.bvp,
        truth_resp=truth.resp * np.nan,
        truth_hr_bpm=truth.hr_bpm,
        truth_rr_brpm=np.asarray(12.5),
        truth_spo2_percent=np.asarray(np.nan),
        about=np.asarray("made of this"),
    )
    got, known = load_clip(tmp_path / "a.npz")
    assert (got.fs, got.region, got.rois, got.scene) == (30.0, "face", clip.rois, None)
    for name in ("times_s", "valid", "rgb", "stmap", "stmap_weight", "crop36"):
        assert_same(getattr(got, name), getattr(clip, name), name)
    assert_same(known.bvp, truth.bvp, "truth bvp")
    assert np.isnan(known.resp).all() and np.isnan(known.spo2_percent)
    assert (known.rr_brpm, known.pulsed, len(known.beats_s)) == (12.5, True, 0)
    assert known.spo2 is known.rr_track_brpm is None
    assert read_about(tmp_path / "a.npz") == "made of this"


def test_cells_without_skin_weight_take_the_place_of_the_map(stored, tmp_path):
    clip, truth, _ = stored
    cells = np.arange(clip.stmap.size, dtype=float).reshape(clip.stmap.shape)
    save_clip(tmp_path / "b.npz", clip, truth, cells)
    got, _ = load_clip(tmp_path / "b.npz", skin_weight=False)
    np.testing.assert_array_equal(got.stmap, cells)
    np.testing.assert_array_equal(got.stmap_weight, np.ones(36))
    assert_same(load_clip(tmp_path / "b.npz")[0].stmap, clip.stmap, "stmap")


def test_cells_that_were_not_stored_are_not_made_up(stored):
    with pytest.raises(UsageError, match=r"a\.npz"):
        load_clip(stored[2], skin_weight=False)


def test_same_content_gives_the_same_bytes_without_a_date(stored, tmp_path):
    clip, truth, path = stored
    save_clip(tmp_path / "b.npz", clip, truth)
    assert path.read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(path) as members:
        assert {member.date_time for member in members.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_text_of_the_writer_comes_back(stored, tmp_path):
    clip, truth, path = stored
    save_clip(tmp_path / "b.npz", clip, truth, about="a key – and notes")
    assert read_about(tmp_path / "b.npz") == "a key – and notes"
    assert read_about(path) == read_about(tmp_path / "none.npz") == ""


def test_writing_that_fails_leaves_the_old_file_and_no_other(stored, monkeypatch):
    clip, truth, path = stored
    before = path.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(clip_file.np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_clip(path, clip, truth)
    assert path.read_bytes() == before
    assert [found.name for found in path.parent.iterdir()] == ["a.npz"]


def test_file_is_as_readable_for_others_as_any_new_file(stored):
    path = stored[2]
    (path.parent / "plain").write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((path.parent / "plain").stat().st_mode)


@pytest.mark.parametrize("content", [b"", b"no clip", b"PK\x03\x04 cut off", None])
def test_damaged_file_is_named_and_not_readable(tmp_path, content):
    path = tmp_path / "a.npz"
    if content is not None:
        path.write_bytes(content)
    assert not readable(path)
    with pytest.raises(UsageError, match=r"a\.npz"):
        load_clip(path)


def test_file_in_another_layout_is_not_readable(stored, tmp_path):
    _, _, path = stored
    assert readable(path)
    np.savez(
        tmp_path / "b.npz", **{"words": "{}", "clip.times_s": np.zeros(3)}
    )  # of the protocols, until now
    assert not readable(tmp_path / "b.npz")
