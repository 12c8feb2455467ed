"""What `mssdg` trains: how long, how often, for which domain, and what its parts are judged by."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

pytest.importorskip("accelerate")

from lab.protocols.held_out.in_this_process import InThisProcess
from lab.protocols.held_out.stored_clips import unlabelled
from lab.protocols.held_out.trace_records import TraceClip, TraceDomain, clips_of_three, extract_here
from lab.training import tiny_net
from lab.training.tiny_net import PLACE, TINY

from rppg_core import roster
from rppg_core.lab.datasets.extracted import read_manifest
from rppg_core.lab.datasets.label_times import truth_at
from rppg_core.lab.datasets.simulated import DOMAINS
from rppg_core.lab.protocols.held_out import mssdg, parts, split_training
from rppg_core.lab.protocols.held_out import numbers as dataset_numbers
from rppg_core.lab.protocols.held_out import run as dataset_run
from rppg_core.lab.protocols.held_out.mssdg import TruthfulClip, make_plan, run_mssdg
from rppg_core.lab.protocols.held_out.run import Options
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.split_training import (
    is_finished,
    list_tasks,
    shortened_steps,
    train_one,
)
from rppg_core.lab.protocols.held_out.splits import leave_one_domain_out
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training import loop
from rppg_core.models import weights
from rppg_core.models.recipe import Ablation, get_ablations, get_recipe

ALONE = {task: f"only-{task}" for task in ("bvp", "hr", "rr", "spo2")}
VARIANTS = {"narrow": Ablation({"config": {"channels": 4}})}
VARIANTS |= {name: Ablation({"labels": (task,)}, task=task) for task, name in ALONE.items()}
ERRORS = {"a": 4.0, "b": 1.0, "c": 9.0}  # of POS


@pytest.fixture(scope="module", autouse=True)
def monkeypatched():
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_tiny_known(monkeypatch)
        yield


def make_tiny_known(monkeypatch):
    monkeypatch.setitem(roster.METHODS, "tiny", PLACE)
    monkeypatch.setattr(tiny_net, "RECIPE", replace(TINY, steps=9))
    monkeypatch.setattr(tiny_net, "ABLATIONS", VARIANTS)
    monkeypatch.setattr(dataset_numbers, "N_RESAMPLES", 5)
    monkeypatch.setattr(mssdg, "extract_dataset", extract_here)


@dataclass(frozen=True)
class KnowingClip(TraceClip):
    """A clip that labels heart rates alone, from a simulator that knows more."""

    def __call__(self, needs):
        clip, truth = super().__call__(needs)
        return clip, unlabelled(truth, "bvp", "resp", "rr_brpm", "spo2_percent")

    def truth_at(self, times_s):
        return truth_at(simulate_traces(self.settings)[1], times_s)


class KnowingDomain(TraceDomain):
    def records(self, n, *, seconds=20.0, seed=0):
        for record in super().records(n, seconds=seconds, seed=seed):
            yield replace(record, face_clip=KnowingClip(**vars(record.face_clip)))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return clips_of_three(tmp_path_factory.mktemp("domains"), 2, seconds=6.0)


def marked_rows(errors: dict[str, float]) -> list[StretchRow]:
    return [
        StretchRow(
            method="pos",
            seed=0,
            split=name,
            dataset=name,
            subject="s1",
            clip="1",
            unit="window",
            start_s=0.0,
            seconds=10.0,
            hr_true_bpm=70.0,
            hr_from="hr label",
            hr_bpm=70.0 + error,
        )
        for name, error in errors.items()
    ]


def planned(clips, tmp_path, **options):
    given = Options(methods="tiny", runs=tmp_path, **options)
    return make_plan(leave_one_domain_out(clips), given, marked_rows(ERRORS), {})


def test_every_domain_has_one_seed_and_the_easiest_and_hardest_two_more(clips, tmp_path):
    seeds = {
        name: [t.recipe.seed for t in planned(clips, tmp_path).networks if t.split == name] for name in "abc"
    }
    assert seeds == {"a": [0], "b": [0, 1, 2], "c": [0, 1, 2]}


def test_seeds_that_are_given_hold_on_every_domain_and_for_every_part(clips, tmp_path):
    plan = planned(clips, tmp_path, seeds=2)
    assert sorted((t.split, t.recipe.seed) for t in plan.networks) == [
        (n, s) for n in "abc" for s in range(2)
    ]
    assert {t.recipe.seed for t in plan.parts} == {0, 1}


def test_steps_are_a_third_of_the_recipes_unless_they_are_given(clips, tmp_path):
    assert {t.recipe.steps for t in planned(clips, tmp_path).networks} == {3}
    assert {t.recipe.steps for t in planned(clips, tmp_path, steps=5).networks} == {5}
    assert shortened_steps("tracenet") == get_recipe("tracenet").steps // 3


def test_parts_are_trained_alike_for_the_hardest_domain_alone(clips, tmp_path):
    plan = planned(clips, tmp_path)
    assert {task.split for task in plan.parts} == {"c"}
    assert {task.recipe.steps for task in plan.parts} == {parts.PART_STEPS}
    found = [(task.recipe.variant, task.recipe.seed) for task in plan.parts]
    assert found == [(v, seed) for v in ("", "narrow", *ALONE.values()) for seed in range(3)]
    assert not planned(clips, tmp_path, parts=False).parts
    longer = planned(clips, tmp_path, seeds=1, part_steps=7, part_seeds=2)
    assert {(task.recipe.steps, task.recipe.seed) for task in longer.parts} == {(7, 0), (7, 1)}
    assert {task.recipe.seed for task in longer.networks} == {0}


def test_variants_that_are_asked_for_exist():
    for network in roster.list_networks():
        assert set(parts.list_variants(network)) <= {"", *get_ablations(network)}


def test_domain_where_pos_gives_nothing_is_the_hardest(clips, tmp_path):
    rows = marked_rows(ERRORS | {"a": np.nan})
    plan = make_plan(leave_one_domain_out(clips), Options(methods="tiny", runs=tmp_path), rows, {})
    assert {task.split for task in plan.parts} == {"a"}


@pytest.mark.parametrize(
    "domain", [d for d in DOMAINS if d.name in ("ubfc-like", "v4v-like")], ids=lambda d: d.name
)
def test_simulators_truth_agrees_with_the_labels_and_knows_the_rest(domain):
    (record,) = domain.records(1, seconds=8.0)
    times_s = np.arange(240) / 30
    labels, truth = record.face_clip.labels_at(times_s), record.face_clip.truth_at(times_s)
    # the finger clip of one of them averages 4 s, is 2 s late and rounds
    assert np.nanmean(labels.hr_bpm) == pytest.approx(np.mean(truth.hr_bpm), abs=1.5)
    assert np.isfinite(truth.bvp).all() and truth.bvp.std() == pytest.approx(1.0, abs=0.1)
    assert np.isfinite([truth.rr_brpm, truth.spo2_percent]).all()


def test_labels_stay_and_the_simulator_fills_what_is_missing(tmp_path):
    (record,) = KnowingDomain("a", 1).records(1, seconds=6.0)
    extract_here([record], tmp_path, needs=frozenset({"rgb", "stmap"}))
    (stored,) = read_manifest(tmp_path)
    _, labels = stored.load()
    face, filled = TruthfulClip.from_clip(stored, record.face_clip).load()
    np.testing.assert_array_equal(filled.hr_bpm, labels.hr_bpm)
    assert stored.labels == ("hr",)
    np.testing.assert_allclose(filled.bvp, record.face_clip.truth_at(face.times_s).bvp)
    whole = record.face_clip.truth_at(face.times_s)
    assert filled.rr_brpm == whole.rr_brpm
    np.testing.assert_array_equal(filled.rr_track_brpm, whole.rr_track_brpm)
    _, bare = TruthfulClip.from_clip(stored, None).load()
    assert np.isnan(bare.bvp).all()


def run_briefly(runs):
    """The whole protocol on two domains, with two seeds; what it prints before it trains."""
    announced = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mssdg, "SEEDS", 2)
        patch.setattr(split_training, "BATCH", 2)
        patch.setattr(split_training, "WATCHED", 4)
        patch.setattr(dataset_run, "WorkerPool", InThisProcess)
        patch.setattr(dataset_run, "train_all", lambda tasks, **_: list(map(train_one, tasks)))
        patch.setattr(mssdg, "PART_STEPS", 2)
        patch.setattr(
            weights, "checkpoint_path", lambda name: pytest.fail(f"the checkpoint of {name} was asked for")
        )
        found = run_mssdg(
            Options(methods="tiny", runs=runs, announce=announced.append),
            n_clips=2,
            clip_s=6.0,
            domains=[KnowingDomain("calm", 1, noise=0.5), KnowingDomain("noisy", 2, noise=14.0)],
        )
    return found, announced


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def result(runs):
    return run_briefly(runs)


def test_one_command_gives_parts_seesaw_seeds_and_what_they_cost(result):
    found, announced = result
    text = found.text()
    assert announced == [
        "16 trainings: 4 of tiny of 3 steps, 12 of tiny of 2 steps; 36 steps in all; 0 of them are already finished"
    ]
    assert {(t.variant, t.steps) for t in found.trained} == {("", 3)} | {(v, 2) for v in ("", *VARIANTS)}
    (shown,) = found.parts
    hard = max(mssdg._errors(found.rows).items(), key=lambda item: item[1])[0]
    assert (shown.network, shown.target) == ("tiny", hard)
    assert [entry["variant"] for entry in shown.ablations] == ["whole", "narrow"]
    assert shown.ablations[1]["n_parameters"] < shown.ablations[0]["n_parameters"]
    assert [entry["task"] for entry in shown.seesaw] == ["bvp", "bvp", "hr", "rr", "spo2"]
    truths = {entry["number"]: entry["truth"] for entry in shown.seesaw}
    assert truths["direct_hr"] == "label" and truths["r"] == truths["direct_spo2"] == "simulator"
    assert {entry["target"] for entry in found.seeds} == {"calm", "noisy"}
    total = sum(t.cpu_s for t in found.trained)
    assert f"Cost: {total / 60:.1f} CPU-minutes of training" in text
    assert "16 trainings" in text and "tiny only-spo2" in text
    json.dumps(found.to_dict(), allow_nan=False)


def test_longer_and_shorter_trainings_of_a_network_are_distinguished(result):
    found, _ = result
    assert {row.steps for row in found.rows if row.method == "tiny"} == {3}
    assert {row.steps for row in found.parts[0].rows if row.method == "tiny"} == {2}
    assert all(np.isnan(row.r) for row in found.rows)  # no wave is labelled
    assert any(np.isfinite(row.r) for row in found.parts[0].rows)


def test_same_command_again_trains_nothing_and_ends_alike(result, runs, monkeypatch):
    found, _ = result
    monkeypatch.setattr(loop, "train", lambda *args, **kwargs: pytest.fail("trained again"))
    again, announced = run_briefly(runs)
    assert announced[0].endswith("16 of them are already finished")
    assert again.trained == found.trained
    assert json.dumps(again.to_dict()["parts"]) == json.dumps(found.to_dict()["parts"])


def test_variants_have_folders_and_names_of_their_own(clips, tmp_path):
    split = leave_one_domain_out(clips)[0]
    whole, narrow = (
        list_tasks(split, "tiny", steps=2, seeds=[0], runs=tmp_path, variant=variant)[0]
        for variant in ("", "narrow")
    )
    assert whole.folder != narrow.folder and narrow.folder.name == "tiny-narrow-seed0"
    assert not is_finished(narrow)
    assert (narrow.scored_method.title, narrow.scored_method.steps) == ("tiny narrow", 2)
