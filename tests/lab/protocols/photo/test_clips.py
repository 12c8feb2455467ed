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
from rppg_core.lab.protocols.photo import clips as photo_clips
from rppg_core.lab.protocols.photo.clips import N_CLIPS, indices, place_from_number, stream_clips
from rppg_core.lab.protocols.photo.clips import photo_clips as read_clips
from rppg_core.lab.protocols.photo.versions import PHOTO_V1
from rppg_core.lab.simulate.faces import simulate_clip
from rppg_core.video.prepare import resample
from rppg_core.video.stmap import plain_cells


def test_every_amplitude_has_every_tone_ten_times_beside_forty_long_clips():
    places = [place_from_number(index) for index in indices()]
    kinds = Counter((p.breath, p.amplitude_percent, p.tone) for p in places)
    assert all(kinds[False, amplitude, tone] == 10 for amplitude in (0.2, 0.35, 0.7) for tone in range(6))
    assert sum(n for (breath, _, _), n in kinds.items() if breath) == 40
    assert len(places) == N_CLIPS == 220
    for wrong in (-1, N_CLIPS):
        with pytest.raises(UsageError, match="0 to 219"):
            place_from_number(wrong)


def test_fewer_seeds_are_the_first_part_of_every_cell_and_more_than_ten_are_refused():
    kinds = Counter((p.breath, p.amplitude_percent) for p in map(place_from_number, indices(1)))
    assert (kinds[False, 0.2], kinds[False, 0.35], kinds[False, 0.7]) == (6, 6, 6)
    assert kinds[True, 0.35] + kinds[True, 0.7] == 4
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

    def render(version, number, needs):
        rendered.append(number)
        return simulate_clip(easy(number, seconds=1.5), needs)

    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(photo_clips, "_render", render)
    seen = []
    first = read_clips(PHOTO_V1, lambda stage, part: seen.append(part), tmp_path, wanted=[2, 5], workers=1)
    again = read_clips(PHOTO_V1, None, tmp_path, wanted=[2, 5], workers=1)
    assert rendered == [2, 5] and seen == [0.5, 1.0]
    assert np.array_equal(first[1][0].rgb, again[1][0].rgb)
    noisier = replace(PHOTO_V1, draw=lambda draw, place: {**PHOTO_V1.draw(draw, place), "noise": 9.0})
    read_clips(noisier, None, tmp_path, wanted=[5], workers=1)
    assert rendered == [2, 5, 5]
    assert len(list((tmp_path / "photo-v1").iterdir())) == 2  # the older file is gone


def test_broken_file_in_the_folder_is_rendered_again(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(
        photo_clips, "_render", lambda version, number, needs: simulate_clip(easy(number, 1.5), needs)
    )
    read_clips(PHOTO_V1, None, tmp_path, wanted=[2], workers=1)
    (path,) = (tmp_path / "photo-v1").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert len(read_clips(PHOTO_V1, None, tmp_path, wanted=[2], workers=1)) == 1


def test_method_that_needs_crops_gets_them_and_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(photo_clips, "WorkerPool", ThreadPoolExecutor)
    monkeypatch.setattr(
        photo_clips, "_render", lambda version, number, needs: simulate_clip(easy(number, 1.5), needs)
    )
    (clip, _), *_ = stream_clips(PHOTO_V1, [2], frozenset({"rgb", "crop36"}), tmp_path, workers=1)
    assert clip.crop36 is not None
    assert not list(tmp_path.iterdir())
