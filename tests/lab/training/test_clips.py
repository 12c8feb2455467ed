from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lab.training.tiny_net import tiny

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.clip_file import load_clip, save_clip
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training import clips
from rppg_core.lab.training.clips import ClipSource, clip_files, mirrored, render_clips
from rppg_core.lab.training.mixture import describe_data, shares_from_recipe
from rppg_core.lab.training.sources import even_truth
from rppg_core.types import FaceClip, Truth, marked_rows
from rppg_core.video.prepare import resample
from tests.clip_factory import LaterClip, full_clip


def even_clip(**settings) -> tuple[FaceClip, Truth]:
    clip, truth = simulate_traces(SimulationSettings(seconds=6, **settings))
    even = resample(clip)
    return even, even_truth(truth, even.times_s)


def rates(clip: FaceClip) -> dict[str, np.ndarray]:
    return {"first": clip.times_s[:1], "cheeks": clip.rgb[0, 2:, 1]}


@pytest.fixture
def folder(tmp_path):
    """Nine clips whose heart rate tells which one it is."""
    clip_files.cache_clear()
    for k in range(9):
        save_clip(tmp_path / f"{k:05d}.npz", *even_clip(hr_bpm=60 + 10 * k, rsa=0, seed=k))
    return tmp_path


def source(folder: Path, **changes) -> ClipSource:
    return ClipSource(**{"folder": folder, "seed": 0, "prepare": rates, "n_frames": 64, **changes})


def test_file_without_a_truth_is_a_clip_without_labels(tmp_path):
    clip, _ = even_clip()
    for k in range(2):
        np.savez(
            tmp_path / f"{k}.npz", times_s=clip.times_s, valid=clip.valid, rgb=clip.rgb, truth_rr_brpm=12.0
        )
    assert source(tmp_path).sample(0, 1.0).targets == {"rr": 12.0}


def test_windows_start_anywhere_and_keep_to_their_truth(folder):
    found = [source(folder).sample(k, 1.0) for k in range(40)]
    assert len({float(sample.inputs["first"][0]) for sample in found}) > 20
    assert {len(sample.targets["bvp"]) for sample in found} == {64}
    again = source(folder).sample(3, 1.0)
    np.testing.assert_array_equal(again.targets["bvp"], found[3].targets["bvp"])


def test_held_out_clips_are_never_trained_on(folder):
    def rates_of(held_out: bool) -> set[int]:
        drawn = source(folder, held_out=held_out)
        return {round(drawn.sample(k, 1.0).targets["hr"] / 10) for k in range(60)}

    assert rates_of(True) == {10}  # the fifth of nine
    assert rates_of(False) == {6, 7, 8, 9, 11, 12, 13, 14}


def test_easy_steps_see_only_the_easy_clips(folder):
    drawn = {round(source(folder).sample(k, 0.0).targets["hr"] / 10) for k in range(40)}
    assert drawn == {6}


def test_window_avoids_gaps(tmp_path):
    clip, truth = even_clip()
    clip.valid[70:80] = False
    for k in range(2):
        save_clip(tmp_path / f"{k}.npz", clip, truth)
    starts = {round(float(source(tmp_path).sample(k, 1.0).inputs["first"][0] * 30)) for k in range(60)}
    assert min(starts) < 7
    assert all(start <= 6 or start >= 80 for start in starts)


def test_clip_without_a_long_enough_piece_is_refused(tmp_path):
    for k in range(2):
        save_clip(tmp_path / f"{k}.npz", *even_clip())
    with pytest.raises(UsageError, match="no 600 frames without a gap"):
        source(tmp_path, n_frames=600).sample(0, 1.0)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="0 stored clips"):
        source(tmp_path).sample(0, 1.0)


def test_hidden_files_beside_clips_are_no_clips(folder):
    before = clip_files(folder, False), clip_files(folder, True)
    for path in folder.glob("*.npz"):
        path.with_name("._" + path.name).write_bytes(b"\x00\x05\x16\x07")
    clip_files.cache_clear()
    assert (clip_files(folder, False), clip_files(folder, True)) == before


def test_mirror_exchanges_left_and_right():
    clip, _ = even_clip()
    turned = mirrored(clip)
    grid, other = (c.stmap.reshape(-1, 6, 6, 3) for c in (clip, turned))
    np.testing.assert_array_equal(other[:, 2, 1], grid[:, 2, 4])
    np.testing.assert_array_equal(turned.roi("left cheek"), clip.roi("right cheek"))
    np.testing.assert_array_equal(turned.roi("forehead"), clip.roi("forehead"))
    np.testing.assert_array_equal(mirrored(turned).stmap_weight, clip.stmap_weight)


@pytest.mark.parametrize(
    "name", [name for name, rows in marked_rows(LaterClip, "frame").items() if rows.is_crop]
)
def test_mirror_turns_every_crop(name):
    clip = full_clip(LaterClip, n=3)
    crop, other = getattr(clip, name), getattr(mirrored(clip), name)
    np.testing.assert_array_equal(other[:, 4, 7], crop[:, 4, -8])


def test_half_of_the_windows_are_mirrored(folder):
    clip, _ = load_clip(folder / "00000.npz")
    only = {"prepare": lambda c: {"cheeks": c.rgb[:, 2] - c.rgb[:, 3]}}
    signs = [np.sign(source(folder, **only).sample(k, 0.0).inputs["cheeks"].mean()) for k in range(40)]
    assert np.sign((clip.rgb[:, 2] - clip.rgb[:, 3]).mean()) in signs
    assert 8 < signs.count(1.0) < 32


def test_rendering_goes_on_with_what_is_missing(tmp_path):
    recipe = tiny(n_clips=2, clip_s=3.0, clip_px=128)
    told = []
    place = render_clips(
        recipe, frozenset({"rgb", "stmap"}), tmp_path, progress=lambda *said: told.append(said[0])
    )
    files = sorted(place.iterdir())
    assert [path.name for path in files] == ["00000.npz", "00001.npz"]
    assert told == ["rendering clip 1 of 2", "rendering clip 2 of 2"]
    before = files[0].read_bytes()
    files[0].unlink()
    assert render_clips(recipe, frozenset({"rgb", "stmap"}), tmp_path) == place
    assert files[0].read_bytes() == before
    clip, truth = load_clip(files[1])
    assert clip.stmap.shape[1:] == (36, 3) and 88 <= len(clip.stmap) <= 90  # at any frame rate
    assert (clip.still, clip.still_outlines) == (None, {})  # read at every step, and never looked at
    assert np.isfinite(truth.bvp).all()


def test_rendered_clip_keeps_everything_that_was_asked_for_and_its_beats(tmp_path):
    needs = frozenset({"rgb", "stmap", "landmarks", "scene"})
    (path, *_) = sorted(render_clips(tiny(n_clips=1, clip_s=4.0, clip_px=96), needs, tmp_path).iterdir())
    clip, truth = load_clip(path)
    assert clip.landmarks.shape == (120, 468, 2) and np.isfinite(clip.landmarks).all()
    assert {len(numbers) for numbers in clip.scene.values()} == {4}
    assert len(truth.beats_s) >= 2 and len(truth.rr_track_brpm) == 120


@pytest.mark.parametrize(
    "other", [{"motion": False}, {"skin_weight": False}, {"clip_s": 7.0}, {"clip_px": 200}]
)
def test_clips_of_another_kind_get_another_folder(tmp_path, other):
    needs = frozenset({"rgb"})  # with n_clips=0 nothing is rendered
    place = render_clips(tiny(n_clips=0), needs, tmp_path)
    assert render_clips(tiny(n_clips=0, **other), needs, tmp_path) != place
    assert render_clips(tiny(n_clips=0), needs | {"crop36"}, tmp_path) != place


def test_seeds_share_their_clips(tmp_path):
    needs = frozenset({"rgb"})
    places = {render_clips(tiny(n_clips=0, seed=seed), needs, tmp_path) for seed in (0, 1)}
    assert len(places) == 1


def test_clips_are_drawn_faces_through_a_codec():
    found = [clips._settings(tiny(clip_s=9.0), k, 1.0) for k in range(12)]
    assert {settings.face for settings in found} == {"drawn"}
    assert {settings.codec for settings in found} == {"h264", "mpeg4"}
    assert {settings.seconds for settings in found} == {9.0}


def test_a_fifth_of_a_batch_are_clips(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("rppg_core.lab.training.mixture.render_clips", lambda *args, **options: folder)
    shares = shares_from_recipe(tiny(traces=12, clips=3), ["simulated"], clips=tmp_path)
    assert [(share.source.name, share.size) for share in shares] == [
        ("simulated traces", 12),
        ("windows of 8 rendered clips", 3),
    ]


def test_folders_share_the_batch_with_the_simulator(folder):
    shares = shares_from_recipe(tiny(traces=5), ["simulated", str(folder)], clips=folder)
    assert [share.size for share in shares] == [3, 2]


def test_card_says_what_the_data_were(folder):
    recipe = tiny(traces=4, steps=100)
    words = describe_data(recipe, shares_from_recipe(recipe, ["simulated", str(folder)], clips=folder))
    assert words == "100 steps of 2 simulated traces and 2 windows of 8 stored clips"


@pytest.mark.parametrize("names", [["simulated"], ["folder"], ["simulated", "folder"]])
def test_people_without_a_pulse_come_on_top_of_every_source(folder, tmp_path, names):
    given = [str(folder) if name == "folder" else name for name in names]
    recipe = tiny(traces=4, clips=0, pulse_free=2)
    shares = shares_from_recipe(recipe, given, clips=tmp_path)
    assert sum(share.size for share in shares) == 6 and shares[-1].size == 2
    assert not np.any(shares[-1].source.sample(0, 1.0).targets["bvp"])
    assert "traces without a pulse" in describe_data(recipe, shares)
    assert sum(share.size for share in shares_from_recipe(recipe, given, clips=tmp_path, held_out=True)) == 4


def test_a_share_of_the_maps_are_those_of_tables_but_not_in_validation(tmp_path):
    recipe = tiny(traces=4, pulse_free=2, flat_maps=0.5)
    trained, free = (share.source for share in shares_from_recipe(recipe, ["simulated"], clips=tmp_path))
    (held,) = shares_from_recipe(recipe, ["simulated"], clips=tmp_path, held_out=True)
    assert trained.flat_maps == free.flat_maps == 0.5 and held.source.flat_maps == 0.0


def test_validation_keeps_the_labels_of_everyone(tmp_path):
    recipe = tiny(traces=4, labelled=0.25)
    trained, held = (
        shares_from_recipe(recipe, ["simulated"], clips=tmp_path, held_out=held)[0].source
        for held in (False, True)
    )
    assert 3 <= sum(bool(trained.sample(k, 0.0).targets) for k in range(40)) <= 18
    assert all(held.sample(k, 0.0).targets for k in range(4))


def test_partial_pulses_are_asked_of_traces_with_a_pulse_only_and_not_in_validation(tmp_path):
    recipe = tiny(traces=4, pulse_free=2, partial_pulse=0.5)
    shares = shares_from_recipe(recipe, ["simulated"], clips=tmp_path)
    assert {share.source.pulsed: share.source.partial_pulse for share in shares} == {True: 0.5, False: 0.0}
    held = shares_from_recipe(recipe, ["simulated"], clips=tmp_path, held_out=True)
    assert [share.source.partial_pulse for share in held] == [0.0]
