"""Extracted datasets as a source of training: whose clips, which labels, how many of each."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from lab.datasets.labelled import LABELLED
from lab.training.tiny_net import tiny

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.clip_file import save_clip
from rppg_core.lab.datasets.extracted import ExtractedClip, write_manifest
from rppg_core.lab.datasets.label_times import known_labels
from rppg_core.lab.datasets.simulated import DOMAINS
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training import mixture
from rppg_core.lab.training.batches import StepDataset
from rppg_core.lab.training.dataset_clips import ExtractedSource, clips_for, on_our_cells
from rppg_core.lab.training.loop import RunOptions, train
from rppg_core.lab.training.mixture import describe_data, shares_from_recipe, shares_of_clips
from rppg_core.lab.training.sources import even_truth
from rppg_core.models.base import TASKS
from rppg_core.models.neural_method import neural_method
from rppg_core.models.weights import load_card
from rppg_core.types import FaceClip, Truth
from rppg_core.video.prepare import resample

CLIPS_EACH = 2  # of a person


def even_clip(**settings) -> tuple[FaceClip, Truth]:
    clip, truth = simulate_traces(SimulationSettings(seconds=5, **settings))
    even = resample(clip)
    return even, even_truth(truth, even.times_s)


def stored(folder: Path, dataset: str, k: int, *, gone: tuple[str, ...] = ()) -> ExtractedClip:
    """A clip whose heart rate tells which one it is."""
    clip, truth = even_clip(hr_bpm=60 + 4 * k, rsa=0, seed=k)
    nothing = np.full(len(truth.times_s), np.nan)
    truth = replace(truth, **{name: np.nan if name == "rr_brpm" else nothing for name in gone})
    path = folder / f"{dataset}-{k}.npz"
    save_clip(path, clip, truth)
    person, labels = f"person{k // CLIPS_EACH}", known_labels(truth)
    return ExtractedClip(dataset, person, f"clip{k:02d}", {}, path, labels, 5.0, True, 5.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty clips of ten people, the second ten without a breath."""
    place = tmp_path_factory.mktemp("extracted")
    clips = [stored(place, "made", k, gone=("resp", "rr_brpm") if k >= 10 else ()) for k in range(20)]
    write_manifest(place, frozenset({"rgb", "stmap"}), clips, [])
    return place, clips


def drawn_from(source, n=80, difficulty=1.0) -> set[int]:
    """Numbers of the clips that samples came from: their rates are 4 bpm apart and vary by 1."""
    return {round((source.sample(k, difficulty).targets["hr"] - 60) / 4) for k in range(n)}


def hr_only(clip: FaceClip) -> dict[str, np.ndarray]:
    return {"first": clip.times_s[:1]}


def source_of(clips, **changes) -> ExtractedSource:
    return ExtractedSource(
        **{"clips": tuple(clips), "group": "made", "seed": 0, "prepare": hr_only, "n_frames": 64, **changes}
    )


def test_nobody_is_trained_on_and_watched(folder):
    _, clips = folder
    trained, watched = (clips_for(clips, 64, "made", held_out=held_out) for held_out in (False, True))
    assert {clip.subject for clip in watched} == {"person4"}
    assert {clip.subject for clip in trained} == {f"person{k}" for k in range(10)} - {"person4"}
    assert len(trained) + len(watched) == 20


def test_clips_of_one_person_are_split_by_clip(folder):
    clips = [replace(clip, subject="me") for clip in folder[1]]
    watched = clips_for(clips, 64, "made", held_out=True)
    assert [clip.clip for clip in watched] == ["clip04", "clip12"]


def test_people_of_two_datasets_with_one_name_are_two_people(folder):
    clips = [replace(clip, subject="s1", dataset=f"set{k % 2}") for k, clip in enumerate(folder[1])]
    watched = clips_for(clips, 64, "both", held_out=True)
    assert {clip.dataset for clip in watched} == {"set1"}


def test_every_clip_is_drawn_at_every_difficulty(folder):
    _, clips = folder
    for difficulty in (0.0, 1.0):
        assert drawn_from(source_of(clips), 160, difficulty) == set(range(20))


def test_sample_is_a_function_of_seed_and_number(folder):
    _, clips = folder
    first, again, other = (source_of(clips, seed=seed).sample(5, 1.0) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.targets["bvp"], again.targets["bvp"])
    assert first.targets["hr"] != other.targets["hr"]


def test_a_clip_of_one_rate_teaches_many_where_the_recipe_has_speeds(folder):
    def rates(**changes) -> list[float]:
        source = source_of(folder[1][10:11], **changes)
        return [source.sample(k, 1.0).targets["hr"] for k in range(60)]

    assert np.ptp(rates()) < 8
    wide = rates(speeds=(0.6, 1.5))
    assert min(wide) < 0.7 * np.mean(rates()) and max(wide) > 1.3 * np.mean(rates())
    assert wide == rates(speeds=(0.6, 1.5))


def test_what_a_clip_does_not_label_is_masked(folder):
    _, clips = folder
    assert set(source_of(clips[:2]).sample(0, 1.0).targets) == {"bvp", "resp", "hr", "rr", "spo2"}
    assert set(source_of(clips[10:12]).sample(0, 1.0).targets) == {"bvp", "hr", "spo2"}


@pytest.mark.parametrize(("share", "people"), [(1.0, 10), (0.3, 3), (0.1, 1), (0.01, 1)])
def test_labels_of_a_share_of_the_people_are_used(folder, share, people):
    _, clips = folder
    source = source_of(clips, labelled=share, labels=frozenset({"hr"}))
    samples = [source.sample(k, 1.0) for k in range(80)]
    rates = [sample.targets["hr"] for sample in samples if sample.targets]
    assert len({round((rate - 60) / 4) // CLIPS_EACH for rate in rates}) == people


def test_window_over_a_hole_in_the_labels_has_no_such_label(tmp_path):
    clip, truth = even_clip()
    truth.bvp[60:80] = np.nan
    save_clip(tmp_path / "a.npz", clip, truth)
    made = ExtractedClip("made", "s", "a", {}, tmp_path / "a.npz", ("bvp", "hr"), 5.0, True, 5.0)
    source = source_of([made])
    for k in range(40):
        sample = source.sample(k, 1.0)
        start = round(float(sample.inputs["first"][0]) * 30)
        assert ("bvp" in sample.targets) == (start + 64 <= 60 or start >= 80)


def test_short_clips_are_left_out_and_too_few_are_refused(folder):
    _, clips = folder
    short = [replace(clip, longest_s=2.0) for clip in clips[:5]]
    assert len(clips_for([*short, *clips[5:]], 64, "made", held_out=False)) == 13
    with pytest.raises(UsageError, match=r"0 of 20 clips of made have 20\.0 s without a gap"):
        clips_for(clips, 600, "made", held_out=False)


def test_batch_is_dealt_evenly_among_domains(folder):
    _, clips = folder
    groups = {"a": clips[:8], "b": clips[8:14], "c": clips[14:]}
    shares = shares_of_clips(tiny(traces=0, clips=10), groups)
    assert [share.size for share in shares] == [4, 3, 3]
    assert shares[0].source.name == "windows of 6 clips of a"
    own = {"a": range(8), "b": range(8, 14), "c": range(14, 20)}
    for share in shares:
        assert drawn_from(share.source, 30) <= set(own[share.source.group])


def test_recipe_may_leave_labels_of_stored_clips_aside(folder):
    place, clips = folder
    assert set(source_of(clips[:2], labels=frozenset({"hr", "rr"})).sample(0, 1.0).targets) == {"hr", "rr"}
    assert set(source_of(clips[10:12], labels=frozenset({"rr"})).sample(0, 1.0).targets) == set()
    (share,) = shares_from_recipe(tiny(labels=("hr",)), [str(place)], clips=place)
    assert set(share.source.sample(0, 1.0).targets) == {"hr"}


# Simulated domains -----------------------------------------------------------------------------------------------


def domain_recipe(**changes):
    return tiny(**{"domains": True, "traces": 12, "clips": 0, **changes})


def test_traces_of_each_domain_are_labelled_as_its_original_is(tmp_path):
    shares = shares_from_recipe(domain_recipe(), ["simulated"], clips=tmp_path)
    assert [share.size for share in shares] == [2] * 6
    mask = StepDataset(domain_recipe(), shares).mixed(3).mask
    found = [{task for task in TASKS if mask[task][row]} for row in range(12)]
    assert found == [labels for labels in LABELLED.values() for _ in range(2)]
    assert [share.source.name.split()[-1] for share in shares] == list(LABELLED)


def test_traces_of_the_domains_are_of_different_people(tmp_path):
    shares = shares_from_recipe(domain_recipe(), ["simulated"], clips=tmp_path)
    rates = StepDataset(domain_recipe(), shares).mixed(0).targets["hr"].tolist()
    assert len(set(rates)) == 12


def test_network_of_one_task_gets_that_label_only_from_the_domains_that_have_it(tmp_path):
    recipe = domain_recipe(labels=("rr",))
    mask = StepDataset(recipe, shares_from_recipe(recipe, ["simulated"], clips=tmp_path)).mixed(0).mask
    assert mask["rr"].tolist() == [False] * 8 + [True] * 4
    assert not any(mask[task].any() for task in TASKS if task != "rr")


def test_clips_of_the_domains_are_rendered_once_of_people_that_no_benchmark_has(
    folder, tmp_path, monkeypatch
):
    asked = []

    def extract(records, place, *, needs, workers, progress):
        asked.append((list(records), place, needs))
        place.mkdir(exist_ok=True)
        write_manifest(place, needs, folder[1], [])

    monkeypatch.setattr(mixture, "extract_dataset", extract)
    recipe = domain_recipe(clips=4, n_clips=18, clip_s=10.0)
    shares = shares_from_recipe(recipe, ["simulated"], clips=tmp_path)
    assert [share.size for share in shares] == [2] * 6 + [4]
    assert shares[-1].source.name == "windows of 18 clips of six simulated domains"
    ((records, place, needs),) = asked
    assert [record.dataset for record in records] == [name for name in LABELLED for _ in range(3)]
    assert place.parent == tmp_path and needs == {"rgb", "stmap"}
    judged = {record.face_clip.settings.seed for domain in DOMAINS for record in domain.records(100)}
    assert not judged & {record.face_clip.settings.seed for record in records}
    assert {record.face_clip.settings.seconds for record in records} == {10.0}


def test_people_of_the_domains_that_are_watched_are_not_trained_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(
        mixture,
        "extract_dataset",
        lambda records, place, **options: (
            place.mkdir(exist_ok=True),
            write_manifest(place, options["needs"], folder[1], []),
        ),
    )
    recipe = domain_recipe(clips=4)
    trained, watched = (
        shares_from_recipe(recipe, ["simulated"], clips=tmp_path, held_out=out) for out in (False, True)
    )
    people = [{clip.subject for clip in shares[-1].source.clips} for shares in (trained, watched)]
    assert people[0] and people[1] and not people[0] & people[1]
    assert trained[0].source.sample(0, 1.0).targets["hr"] != watched[0].source.sample(0, 1.0).targets["hr"]


def test_more_domains_than_samples_are_refused(folder):
    with pytest.raises(UsageError, match="3 sources for a batch of 2"):
        shares_of_clips(tiny(traces=2), dict.fromkeys("abc", folder[1]))


def test_folder_with_a_manifest_is_a_source_beside_the_simulator(folder):
    place, _ = folder
    recipe = tiny(traces=5)
    shares = shares_from_recipe(recipe, ["simulated", str(place)], clips=place)
    assert describe_data(recipe, shares) == "12 steps of 3 simulated traces and 2 windows of 18 clips of made"


def test_network_trains_on_a_folder_with_a_manifest(folder, tmp_path):
    options = RunOptions(runs=tmp_path, device="cpu", workers=0)
    result = train(tiny(steps=3), options, sources=[str(folder[0])])
    assert load_card("tiny", result.weights).weights == "trained on stored clips"
    assert neural_method("tiny", result.weights).weights == "trained on stored clips"
    assert result.step == 3
    assert result.validation["hr_mae_bpm"] > 0


def test_network_trains_on_the_shares_it_is_given(folder, tmp_path):
    options = RunOptions(runs=tmp_path, device="cpu", workers=0)
    seen = []

    def shares(recipe, *, held_out):
        seen.append(held_out)
        return shares_of_clips(recipe, {"a": folder[1][:10], "b": folder[1][10:]}, held_out=held_out)

    result = train(tiny(steps=3), options, sources=["a", "b"], shares=shares)
    assert (result.step, seen) == (3, [False, True])
    assert partial(shares_of_clips, groups={"a": folder[1]})(tiny(), held_out=True)[0].size == 2


def test_map_of_five_by_five_cells_becomes_six_by_six():
    """A map that rises from left to right does so on the finer grid, and an empty cell is not mixed in."""
    clip, _ = even_clip()
    n = len(clip.times_s)
    level = np.tile((np.arange(5) + 0.5) / 5, 5)  # (25,) by column
    cells = np.repeat(np.repeat(100 * level[None, :, None], n, 0), 3, 2)
    weight = np.ones(25)
    cells[:, 12], weight[12] = 1e6, 0.0
    ours = on_our_cells(replace(clip, stmap=cells, stmap_weight=weight))
    grid = ours.stmap[0, :, 0].reshape(6, 6)
    np.testing.assert_allclose(grid[0, 1:5], 100 * (np.arange(1, 5) + 0.5) / 6)
    assert grid.max() < 101
    assert (ours.stmap_weight.reshape(6, 6)[0] == 1).all()
    assert on_our_cells(clip) is clip


def test_map_that_is_no_square_is_refused():
    clip, _ = even_clip()
    with pytest.raises(UsageError, match="a map of 24 cells"):
        on_our_cells(replace(clip, stmap=clip.stmap[:, :24], stmap_weight=clip.stmap_weight[:24]))
