from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from lab.training.tiny_net import N_FRAMES, Tiny, TinyConfig
from scipy.ndimage import label

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.settings import PULSE_FREE, SimulationSettings, random_settings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training import sources
from rppg_core.lab.training.sources import (
    Sample,
    TraceSource,
    collate,
    even_truth,
    harder,
    part_of_face,
    targets_from_truth,
    without_motion,
)
from rppg_core.metrics import waveform_r
from rppg_core.models.base import COURSES, TASKS

PREPARE = partial(Tiny.inputs_from_clip, config=TinyConfig())


def trace_source(**changes) -> TraceSource:
    return TraceSource(**{"seed": 0, "prepare": PREPARE, "n_frames": N_FRAMES, **changes})


def sample(**targets) -> Sample:
    return Sample({"x": np.ones((2, 3))}, targets)


def test_collate_keeps_every_task_and_says_what_is_known():
    batch = collate([sample(bvp=np.arange(4.0), hr=70.0), sample(rr=15.0)], 4)
    assert set(batch.targets) == set(batch.mask) == {*TASKS, *COURSES}
    assert {task: mask.tolist() for task, mask in batch.mask.items()} == {
        "spo2_course": [False, False],
        "bvp": [True, False],
        "resp": [False, False],
        "hr": [True, False],
        "rr": [False, True],
        "spo2": [False, False],
    }
    assert batch.targets["bvp"].tolist() == [[0, 1, 2, 3], [0, 0, 0, 0]]
    assert batch.targets["hr"].tolist() == [70, 0]
    assert batch.targets["resp"].shape == (2, 4)


def test_collate_gives_single_precision():
    batch = collate([sample(hr=70.0)], 4)
    kinds = {t.dtype for part in (batch.inputs, batch.targets) for t in part.values()}
    assert kinds == {torch.float32}
    assert {m.dtype for m in batch.mask.values()} == {torch.bool}


def test_collate_refuses_different_inputs_in_one_batch():
    with pytest.raises(UsageError, match=r"\['y'\] beside \['x'\]"):
        collate([sample(), Sample({"y": np.ones(3)}, {})], 4)


def test_sample_is_a_function_of_seed_index_and_difficulty():
    one, again = trace_source().sample(7, 0.5), trace_source().sample(7, 0.5)
    np.testing.assert_array_equal(one.inputs["stmap"], again.inputs["stmap"])
    np.testing.assert_array_equal(one.targets["bvp"], again.targets["bvp"])
    assert one.targets["hr"] == again.targets["hr"]


@pytest.mark.parametrize(
    "other", [{"index": 8}, {"difficulty": 1.0}, {"seed": 1}, {"held_out": True}, {"stream": 1}]
)
def test_each_of_them_changes_the_sample(other):
    one = trace_source().sample(7, 0.0).inputs["stmap"]
    where = {"index": 7, "difficulty": 0.0, **other}
    source = trace_source(**{k: v for k, v in other.items() if k in ("seed", "held_out", "stream")})
    assert not np.array_equal(source.sample(where["index"], where["difficulty"]).inputs["stmap"], one)


def test_streams_of_one_batch_draw_different_people_and_the_first_draws_those_it_always_drew():
    rates = {stream: trace_source(stream=stream).sample(7, 0.0).targets["hr"] for stream in range(4)}
    assert len(set(rates.values())) == 4
    people = np.random.default_rng([0, 7, False])  # before there were streams
    always = random_settings(people, pulsed=True, seconds=N_FRAMES / 30 + sources.MARGIN_S, difficulty=0.0)
    assert rates[0] == pytest.approx(always.hr_bpm, rel=0.15)  # a short window's mean against the person's
    assert trace_source(stream=3).sample(7, 0.0).targets["hr"] == rates[3]


def test_sample_has_the_length_that_is_asked_for():
    for index in range(12):  # of every frame rate and with lost frames
        found = trace_source().sample(index, 1.0)
        assert found.inputs["stmap"].shape == (N_FRAMES, 36, 3)
        assert len(found.targets["bvp"]) == len(found.targets["resp"]) == N_FRAMES


def test_truth_keeps_to_the_map():
    """Where the pulse is strong and the face still, minus the green of the map is the truth."""
    easy = SimulationSettings(
        seconds=6, amplitude_percent=3, motion="none", fps=25, illumination=0, riiv=0, noise=0.3
    )
    clip, truth = simulate_traces(easy)
    even = sources.resample(clip, 30.0)
    wave = -even.stmap[:150].mean(axis=1)[:, 1]
    assert waveform_r(even_truth(truth, even.times_s).bvp[:150], wave, 30.0) > 0.98


def test_truth_at_other_times_keeps_its_courses_and_their_absence():
    _, truth = simulate_traces(SimulationSettings(seconds=10, fps=25, rr_brpm=20.0, spo2_swing=3.0))
    times_s = np.arange(280) / 30
    even = even_truth(truth, times_s)
    for name in ("hr_bpm", "spo2", "rr_track_brpm"):
        at_25 = np.interp(times_s, truth.times_s, getattr(truth, name))
        # a slow course bends little between two frames; that of the heart rate bends at beats
        np.testing.assert_allclose(getattr(even, name), at_25, rtol=0.01, err_msg=name)
    bare = even_truth(sources.replace(truth, spo2=None, rr_track_brpm=None), times_s)
    assert bare.spo2 is bare.rr_track_brpm is None


@pytest.mark.parametrize("kind", PULSE_FREE)
def test_truth_of_a_clip_without_a_pulse_labels_nothing_at_other_times_either(kind):
    clip, truth = simulate_traces(SimulationSettings(kind=kind, seconds=5, fps=25))
    even = even_truth(truth, sources.resample(clip).times_s)
    assert len(even.hr_bpm) == len(even.bvp) == 150
    assert targets_from_truth(even, slice(0, 150), frozenset(TASKS)) == {}


def test_source_labels_only_what_it_may():
    found = trace_source(labels=frozenset({"bvp", "rr"})).sample(0, 1.0)
    assert set(found.targets) == {"bvp", "rr"}


def test_people_without_a_pulse_have_a_flat_waveform_for_a_label_and_a_saturation_that_nobody_sees():
    without, usual = trace_source(pulsed=False).sample(0, 1.0), trace_source().sample(0, 1.0)
    assert set(without.targets) == {"bvp", "spo2"} and not np.any(without.targets["bvp"])
    assert 60 < without.targets["spo2"] <= 100
    assert np.std(usual.targets["bvp"]) > 0
    assert not np.array_equal(without.inputs["stmap"], usual.inputs["stmap"])


def test_rate_is_that_of_the_window():
    _, truth = simulate_traces(SimulationSettings(seconds=20, hr_bpm=80, rsa=0.07))
    part = slice(30, 120)
    targets = targets_from_truth(truth, part, frozenset(TASKS))
    assert targets["hr"] == pytest.approx(truth.hr_bpm[part].mean())
    assert targets["hr"] != pytest.approx(truth.hr_bpm.mean(), abs=1e-3)


def test_clip_without_pulse_labels_nothing():
    _, truth = simulate_traces(SimulationSettings(seconds=5))
    nothing = np.zeros(len(truth.bvp))
    unknown = sources.replace(
        truth,
        bvp=nothing,
        resp=nothing,
        hr_bpm=nothing * np.nan,
        rr_brpm=np.nan,
        rr_track_brpm=None,
        spo2_percent=np.nan,
        spo2=None,
    )
    assert targets_from_truth(unknown, slice(0, 100), frozenset(TASKS)) == {}


def test_ablation_without_motion_leaves_the_rest():
    moving = SimulationSettings(motion="large", breath_motion=0.5, beat_motion=0.1, talking=0.5, hr_bpm=91)
    still = without_motion(moving)
    assert (still.motion, still.breath_motion, still.beat_motion, still.talking) == ("none", 0, 0, 0)
    assert still.hr_bpm == 91


def test_source_without_motion_gives_stiller_maps():
    spread = {}
    for motion in (True, False):
        source = TraceSource(
            seed=0, prepare=lambda clip: {"boxes": clip.boxes}, n_frames=N_FRAMES, motion=motion
        )
        spread[motion] = np.mean([source.sample(k, 0.0).inputs["boxes"].std(axis=0).mean() for k in range(8)])
    assert spread[False] < 0.3 * spread[True]


def test_pulse_reaches_a_part_of_the_face_in_the_share_that_is_asked_for():
    def swing(partial):
        """Swing of every cell of twelve samples."""
        source = TraceSource(
            seed=0,
            prepare=lambda clip: {"stmap": clip.stmap[..., 1] / clip.stmap[..., 1].mean(axis=0)},
            n_frames=N_FRAMES,
            motion=False,
            partial_pulse=partial,
        )
        return [np.ptp(source.sample(k, 0.0).inputs["stmap"], axis=0) for k in range(12)]

    whole, some, every = swing(0.0), swing(0.5), swing(1.0)
    changed = [not np.allclose(a, b) for a, b in zip(whole, some, strict=True)]
    assert 2 <= sum(changed) <= 10
    assert all(np.mean(a) < np.mean(b) for a, b in zip(every, whole, strict=True))


def test_flat_maps_repeat_skin_or_regions_and_change_nothing_else():
    def cells(share):
        """Number of different cells of sixteen samples, and their heart rates."""
        source = TraceSource(
            seed=0, prepare=lambda clip: {"stmap": clip.stmap}, n_frames=N_FRAMES, flat_maps=share
        )
        found = [source.sample(k, 0.0) for k in range(16)]
        return (
            [len(np.unique(one.inputs["stmap"][5, :, 1])) for one in found],
            [one.targets["hr"] for one in found],
        )

    (maps, rates), (some, same), (flat, _) = cells(0.0), cells(0.5), cells(1.0)
    assert min(maps) > 20 and {*flat} == {1, 4}
    assert {1, 4} & {*some} and max(some) > 20 and rates == same


@pytest.mark.parametrize("seed", range(5))
def test_part_of_a_face_is_in_one_piece(seed):
    inside = part_of_face(np.random.default_rng(seed))
    assert 6 <= inside.sum() <= 30
    assert label(inside.reshape(6, 6), np.ones((3, 3)))[1] == 1


def test_harder_draws_move_and_rustle_more_and_the_person_stays_the_same():
    rng = np.random.default_rng(0)
    everyday = [random_settings(np.random.default_rng(k), pulsed=True) for k in range(200)]
    worse = [harder(settings, rng, 4.0) for settings in everyday]
    assert [s.hr_bpm for s in worse] == [s.hr_bpm for s in everyday]
    assert np.mean([s.noise for s in worse]) > 1.5 * np.mean([s.noise for s in everyday])
    assert max(s.motion_scale for s in worse) <= 10 and max(s.noise for s in worse) <= 30
    assert sum(s.motion == "large" for s in worse) > 2 * sum(s.motion == "large" for s in everyday)
    assert "glances" not in {s.motion for s in worse}  # the benchmark keeps that family
    assert harder(everyday[0], rng, 1.0) is everyday[0]
