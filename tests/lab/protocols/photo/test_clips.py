"""The frozen clips of the benchmark: their settings, and the files that keep them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from lab.protocols.photo.easy_clips import easy

from rppg_core.classical import CLASSICAL
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.clip_file import load_clip, save_clip
from rppg_core.lab.protocols.calibration import draws as calibrate
from rppg_core.lab.protocols.photo import clips as photo_clips
from rppg_core.lab.protocols.photo.clips import (
    N_CLIPS,
    PHOTO_V1_HASH,
    TRACES_V1,
    clip_fields,
    indices,
    printed_traces,
    settings_hash,
    stream_clips,
)
from rppg_core.lab.protocols.photo.clips import photo_clips as read_clips
from rppg_core.lab.simulate.faces import simulate_clip
from rppg_core.video.prepare import resample
from rppg_core.video.stmap import plain_cells

BUMP = "the benchmark moved: if that is meant, it becomes photo-v2, and its figures are measured anew"


def test_settings_of_the_frozen_clips_have_not_moved():
    assert settings_hash() == PHOTO_V1_HASH, BUMP


def test_simulator_still_makes_of_two_frozen_clips_what_it_made():
    assert np.allclose(printed_traces(), TRACES_V1, atol=0.05), BUMP


def test_benchmark_has_the_promised_clips_apart_from_training_and_calibration():
    every = [clip_fields(index) for index in indices()]
    kinds = Counter((f["seconds"], f["amplitude_percent"], f["tone"]) for f in every)
    assert all(kinds[20.0, amplitude, tone] == 10 for amplitude in (0.2, 0.35, 0.7) for tone in range(6))
    assert sum(n for (seconds, _, _), n in kinds.items() if seconds == 40.0) == 40
    assert len(every) == N_CLIPS == 220
    seeds = {f["seed"] for f in every}
    assert len(seeds) == N_CLIPS and min(seeds) >= 200_000 and max(seeds) < 300_000 < calibrate.SEED
    assert {f["motion"] for f in every} == {"glances"}


def test_fewer_seeds_are_the_first_part_of_every_cell_and_more_than_ten_are_refused():
    kinds = Counter((clip_fields(i)["seconds"], clip_fields(i)["amplitude_percent"]) for i in indices(1))
    assert (kinds[20.0, 0.2], kinds[20.0, 0.35], kinds[20.0, 0.7]) == (6, 6, 6)
    assert kinds[40.0, 0.35] + kinds[40.0, 0.7] == 4
    with pytest.raises(UsageError, match="frozen"):
        indices(11)


def test_kept_clip_is_what_the_pass_gave(made, tmp_path):
    clip, truth = made[0]
    save_clip(tmp_path / "a.npz", replace(clip, crop36=None), truth, plain_cells(clip.crop36))
    kept, kept_truth = load_clip(tmp_path / "a.npz")
    assert np.array_equal(kept.times_s, clip.times_s) and np.array_equal(kept.still, clip.still)
    assert np.allclose(kept.stmap, clip.stmap, atol=1e-4) and np.allclose(kept.rgb, clip.rgb, atol=1e-4)
    assert kept.face.n_faces == 1 and kept.face.motion_percent == pytest.approx(
        clip.face.motion_percent, 1e-5
    )
    assert set(kept.scene) == set(clip.scene) and set(kept.still_outlines) == set(clip.still_outlines)
    assert np.allclose(kept_truth.bvp, truth.bvp, atol=1e-5) and kept_truth.settings["tone"] == 1
    before, after = (CLASSICAL["pos"].estimate(resample(c, 30.0)).bvp.samples for c in (clip, kept))
    assert np.corrcoef(before, after)[0, 1] > 0.99999


def test_without_skin_weight_cells_are_plain_means_of_what_lies_in_them(made, tmp_path):
    clip, truth = made[0]
    save_clip(tmp_path / "a.npz", replace(clip, crop36=None), truth, plain_cells(clip.crop36))
    kept, _ = load_clip(tmp_path / "a.npz", skin_weight=False)
    assert kept.stmap[10, 0] == pytest.approx(clip.crop36[10, :6, :6].mean(axis=(0, 1)) / 256, abs=1e-3)
    assert kept.stmap[10, 35] == pytest.approx(clip.crop36[10, 30:, 30:].mean(axis=(0, 1)) / 256, abs=1e-3)
    assert kept.stmap_weight.min() == 1
    corner = np.abs(kept.stmap[:, 0] - clip.stmap[:, 0]).max()  # hair and background, not skin
    assert corner > 5
    assert np.array_equal(kept.rgb, load_clip(tmp_path / "a.npz")[0].rgb)


def test_folder_renders_a_clip_once_and_anew_when_its_settings_change(monkeypatch, tmp_path):
    rendered = []

    def render(number, needs):
        rendered.append(number)
        return simulate_clip(easy(number, seconds=1.5), needs)

    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", render)
    seen = []
    first = read_clips(lambda stage, part: seen.append(part), tmp_path, wanted=[2, 5], workers=1)
    again = read_clips(None, tmp_path, wanted=[2, 5], workers=1)
    assert rendered == [2, 5] and seen == [0.5, 1.0]
    assert np.array_equal(first[1][0].rgb, again[1][0].rgb)
    monkeypatch.setattr(photo_clips, "clip_fields", lambda index: {**clip_fields(index), "noise": 9.0})
    read_clips(None, tmp_path, wanted=[5], workers=1)
    assert rendered == [2, 5, 5]
    assert len(list((tmp_path / "photo-v1").iterdir())) == 2  # the older file is gone


def test_broken_file_in_the_folder_is_rendered_again(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", lambda number, needs: simulate_clip(easy(number, 1.5), needs))
    read_clips(None, tmp_path, wanted=[2], workers=1)
    (path,) = (tmp_path / "photo-v1").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert len(read_clips(None, tmp_path, wanted=[2], workers=1)) == 1


def test_method_that_needs_crops_gets_them_and_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", lambda number, needs: simulate_clip(easy(number, 1.5), needs))
    (clip, _), *_ = stream_clips([2], frozenset({"rgb", "crop36"}), tmp_path, workers=1)
    assert clip.crop36 is not None
    assert not list(tmp_path.iterdir())
