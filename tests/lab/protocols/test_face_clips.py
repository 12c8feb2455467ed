"""Files of a user's folder become clips; stretches and motion follow from their times and boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.errors import RppgError, UsageError
from rppg_core.lab.datasets.clip_file import save_clip
from rppg_core.lab.protocols.face_clips import clip_files, motion_percent, read_clip, stretches
from rppg_core.types import ROIS
from tests.lab.protocols.trace_folder import easy_clip, write_traces

RGB = frozenset({"rgb"})
PLAIN = ("times_s", "valid", "rgb", "boxes", "background", "stmap", "stmap_weight")


def write_plain(path, clip, leave_out=()):
    arrays = {name: getattr(clip, name) for name in PLAIN if name not in leave_out}
    np.savez(path, rois=np.array(clip.rois), **arrays)
    return path


def test_traces_give_the_colours_of_their_regions_and_a_map_of_them(tmp_path):
    clip, _ = easy_clip(seconds=6)
    read = read_clip(write_traces(tmp_path / "a.csv", clip), RGB | {"stmap"})
    assert read.rois == ROIS
    assert read.times_s == pytest.approx(clip.times_s, abs=1e-4)
    assert read.rgb[:, :3] == pytest.approx(clip.rgb[:, :3], abs=1e-4)
    assert (read.rgb[:, 2] == read.rgb[:, 3]).all()  # both cheeks
    assert read.stmap.shape == (len(clip.times_s), 36, 3)
    # a cell has the colour of the region that it lies in, or of the skin
    places = np.abs(read.stmap[:, :, None] - read.rgb[:, None]).max(axis=(0, 3)).argmin(axis=1)
    assert set(places) == {0, 1, 2} and (places == 0).sum() > 18
    assert (read.stmap == read.rgb[:, places]).all()
    assert read.face.found == 1


def test_rows_of_zeros_hold_no_face(tmp_path):
    clip, _ = easy_clip(seconds=6)
    read = read_clip(write_traces(tmp_path / "a.csv", clip, lost=slice(10, 40)), RGB)
    assert not read.valid[10:40].any() and read.valid.sum() == len(clip.times_s) - 30
    assert np.isnan(read.rgb[10:40]).all()


def test_stored_clips_of_both_forms_are_read(tmp_path):
    clip, truth = easy_clip(seconds=6)
    save_clip(tmp_path / "ours.npz", clip, truth)
    write_plain(tmp_path / "plain.npz", clip)
    for name in ("ours.npz", "plain.npz"):
        read = read_clip(tmp_path / name, RGB | {"stmap", "still"})
        assert read.rgb == pytest.approx(clip.rgb, rel=1e-6)
        assert read.background == pytest.approx(clip.background, rel=1e-6)
    plain = read_clip(tmp_path / "plain.npz", RGB)
    assert plain.face.width_px == pytest.approx(100, rel=0.05)
    assert plain.video.fps == pytest.approx(30, rel=0.01)


def test_a_clip_without_what_a_method_reads_is_refused(tmp_path):
    clip, _ = easy_clip(seconds=6)
    path = write_plain(tmp_path / "a.npz", clip, leave_out=("stmap", "stmap_weight"))
    assert read_clip(path, RGB).stmap is None
    with pytest.raises(UsageError, match=r"a\.npz holds no stmap"):
        read_clip(path, RGB | {"stmap"})


def test_what_only_describes_a_face_may_be_missing(tmp_path):
    clip, _ = easy_clip(seconds=6)
    read = read_clip(write_plain(tmp_path / "a.npz", clip), RGB | {"stmap", "scene", "landmarks", "still"})
    assert read.scene is None and read.landmarks is None


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    np.savez(tmp_path / "b.npz", times_s=np.arange(5.0))
    (tmp_path / "c.csv").write_text("time_s,red\n0,1\n1,2\n")
    for name in ("a.npz", "b.npz", "c.csv"):
        with pytest.raises(RppgError, match=name.replace(".", r"\.")):
            read_clip(tmp_path / name, RGB)


def test_folders_list_clips_without_references_and_files_of_the_system(tmp_path):
    for name in ("b.csv", "b_hr.csv", "._b.csv", "a.MP4", "c.npz", "README.md"):
        (tmp_path / name).touch()
    (tmp_path / "d.csv").mkdir()
    assert [path.name for path in clip_files(tmp_path, stored=True)] == ["a.MP4", "b.csv", "c.npz"]
    assert [path.name for path in clip_files(tmp_path, stored=False)] == ["a.MP4", "b.csv"]


def test_a_folder_without_clips_is_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match=r"no recording in .*stored clips"):
        clip_files(tmp_path, stored=True)
    with pytest.raises(UsageError, match="no folder"):
        clip_files(tmp_path / "nowhere", stored=False)


@pytest.mark.parametrize(
    ("seconds", "lengths"), [(20.0, [20]), (30.0, [30]), (59.0, [30, 29]), (44.0, [30]), (75.0, [30, 30])]
)
def test_stretches_are_whole_windows_from_the_start(seconds, lengths):
    n = round(25 * seconds)
    clip, _ = easy_clip(seconds=6)
    times_s = np.arange(n) / 25
    rgb = np.full((n, 4, 3), 100.0)
    clip = replace(
        clip, times_s=times_s, valid=np.ones(n, bool), rgb=rgb, background=None, boxes=None, stmap=None
    )
    found = stretches(clip, 30.0)
    assert [len(part.times_s) / 25 for part in found] == pytest.approx(lengths, abs=0.1)
    assert [part.times_s[0] for part in found] == pytest.approx([30.0 * k for k in range(len(found))])


def test_motion_is_the_speed_of_the_boxes():
    clip, _ = easy_clip(seconds=6)
    n = len(clip.times_s)
    boxes = np.column_stack([20.0 * clip.times_s, np.zeros(n), np.full(n, 200.0), np.full(n, 260.0)])
    assert motion_percent(replace(clip, boxes=boxes)) == pytest.approx(10.0)
    assert np.isnan(motion_percent(replace(clip, boxes=None)))
