from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate")

from lab.protocols.held_out.in_this_process import InThisProcess
from lab.protocols.held_out.trace_records import clips_of_three
from lab.training import tiny_net
from lab.training.tiny_net import PLACE, TINY, train_tiny

from rppg_core import roster
from rppg_core.errors import UsageError
from rppg_core.lab.datasets import extracted
from rppg_core.lab.protocols.held_out import numbers as dataset_numbers
from rppg_core.lab.protocols.held_out import run as dataset_run
from rppg_core.lab.protocols.held_out import split_training
from rppg_core.lab.protocols.held_out.run import Options, evaluate_splits
from rppg_core.lab.protocols.held_out.split_training import (
    StoppedError,
    fingerprint,
    is_finished,
    list_tasks,
    split_recipe,
    steps_done,
    train_all,
    train_one,
)
from rppg_core.lab.protocols.held_out.splits import leave_one_domain_out
from rppg_core.lab.training import clips as clips_module
from rppg_core.lab.training import loop
from rppg_core.lab.training.mixture import shares_of_clips
from rppg_core.models import weights
from rppg_core.models.weights import load_card, load_model

STEPS = 4


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(roster.METHODS, "tiny", PLACE)
    monkeypatch.setattr(dataset_numbers, "N_RESAMPLES", 5)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two people a domain, with two clips each."""
    return clips_of_three(tmp_path_factory.mktemp("domains"), 4, seconds=10.0)


def every_task(clips, runs, *, seeds: int = 1, variant: str = ""):
    """The trainings of the tiny network on every split."""
    return [
        task
        for split in leave_one_domain_out(clips)
        for task in list_tasks(split, "tiny", steps=STEPS, seeds=range(seeds), runs=runs, variant=variant)
    ]


@pytest.fixture
def tasks(clips, tmp_path):
    return every_task(clips, tmp_path)


@pytest.fixture
def spy(monkeypatch, tmp_path):
    """Names of the clip files that are read, in this process and in those that it starts."""
    log, real = tmp_path / "read.log", extracted.load_clip

    def load_clip(path):
        with log.open("a") as file:
            file.write(f"{path}\n")
        return real(path)

    for module in (extracted, clips_module):
        monkeypatch.setattr(module, "load_clip", load_clip)
    return lambda: {Path(line) for line in log.read_text().splitlines()}


def test_training_never_reads_a_clip_of_the_target(tasks, clips, spy):
    target = next(task for task in tasks if task.split == "b")
    train_one(target)
    assert spy()
    assert not spy() & {clip.path for clip in clips if clip.dataset == "b"}


def test_shipped_checkpoint_is_never_read(clips, tmp_path, monkeypatch):
    def forbidden(name: str):
        raise AssertionError(f"the checkpoint of {name} was asked for")

    monkeypatch.setattr(weights, "checkpoint_path", forbidden)
    for module in (dataset_run, split_training):
        monkeypatch.setattr(module, "WorkerPool", InThisProcess)
    splits = leave_one_domain_out(clips)
    options = Options(methods="tiny", steps=STEPS, runs=tmp_path)
    result = evaluate_splits(splits, options, protocol="mssdg", about="")
    assert result.methods == ["pos", "tiny"]
    assert {(row.split, row.dataset) for row in result.rows} == {(name, name) for name in "abc"}
    assert [(t.split, t.steps, t.n_clips) for t in result.trained] == [(name, STEPS, 8) for name in "abc"]
    assert all(t.cpu_s > 0 for t in result.trained)
    assert all(np.isfinite(row.hr_bpm) for row in result.rows if row.method == "tiny")


def test_every_source_has_the_same_share_of_a_batch(tasks):
    recipe = tasks[0].recipe
    assert (recipe.traces, recipe.clips) == (0, split_training.BATCH)
    shares = shares_of_clips(recipe, tasks[0].groups, held_out=False)
    assert [share.size for share in shares] == [5, 5]
    assert split_recipe("tiny", steps=5, seed=0, n_groups=14).clips == 14  # at least one each


def test_shorter_training_averages_its_weights_over_the_same_share_of_its_steps():
    whole = tiny_net.RECIPE
    short = split_recipe("tiny", steps=whole.steps // 3, seed=0, n_groups=2)
    assert short.ema_decay**short.steps == pytest.approx(whole.ema_decay**whole.steps)
    longer = split_recipe("tiny", steps=2 * whole.steps, seed=0, n_groups=2)
    assert longer.ema_decay == whole.ema_decay


def test_stored_clips_alone_are_trained_on_whatever_the_recipe_simulates(monkeypatch):
    monkeypatch.setattr(tiny_net, "RECIPE", replace(TINY, domains=True, traces=6))
    recipe = split_recipe("tiny", steps=4, seed=0, n_groups=2)
    assert (recipe.domains, recipe.traces) == (False, 0)


def test_changed_recipe_gets_a_folder_of_its_own(clips, tmp_path, monkeypatch):
    before = {task.folder for task in every_task(clips, tmp_path)}
    monkeypatch.setattr(tiny_net, "RECIPE", replace(TINY, lr=0.5))
    assert not before & {task.folder for task in every_task(clips, tmp_path)}


def test_each_seed_and_split_has_a_folder_of_its_own(clips, tmp_path):
    tasks = every_task(clips, tmp_path, seeds=2)
    assert len({task.folder for task in tasks}) == 6
    other = every_task(clips[1:], tmp_path, seeds=2)
    assert not {task.folder for task in other if task.split != "a"} & {task.folder for task in tasks}


def test_fingerprint_changes_with_what_a_clip_holds(clips, tmp_path):
    assert fingerprint(clips) == fingerprint(list(clips))
    assert fingerprint(clips) != fingerprint(clips[:-1])


def test_trainings_of_all_splits_run_in_processes_and_tell_how_far_they_are(tasks, monkeypatch):
    monkeypatch.setattr(split_training, "train_one", train_tiny)
    told = []
    trained = train_all(tasks[:2], workers=2, progress=lambda stage, fraction: told.append((stage, fraction)))
    assert [t.split for t in trained] == ["a", "b"]
    assert told[-1] == (f"training: step {2 * STEPS} of {2 * STEPS}, 2 of 2 networks", 1.0)
    assert load_card("tiny", tasks[0].weights).steps == STEPS


@contextmanager
def stop_at_once():
    asked = threading.Event()
    asked.set()
    yield asked


def test_stopped_training_goes_on_and_ends_as_if_nobody_had_stopped_it(tasks, clips, tmp_path, monkeypatch):
    whole, *_ = every_task(clips, tmp_path / "whole")
    train_one(whole)
    task = tasks[0]
    with monkeypatch.context() as patch:
        patch.setattr(loop, "stop_on_signal", stop_at_once)
        with pytest.raises(StoppedError, match=r"stopped at step 1.*same command again"):
            train_one(task)
    assert steps_done(task) == 1
    assert not is_finished(task)
    assert train_one(task).steps == STEPS
    again, once = (load_model("tiny", t.weights).state_dict() for t in (task, whole))
    assert all(torch.equal(again[name], once[name]) for name in once)


def test_finished_training_is_kept(tasks, monkeypatch):
    first = train_one(tasks[0])
    monkeypatch.setattr(loop, "train", lambda *args, **kwargs: pytest.fail("trained again"))
    assert train_one(tasks[0]) == first


def test_log_that_was_cut_off_still_says_how_far_a_training_is(tasks):
    assert steps_done(tasks[0]) == 0
    tasks[0].folder.mkdir(parents=True)
    rows = "".join(json.dumps({"step": k, "loss": 1.0}) + "\n" for k in range(1, 200))
    (tasks[0].folder / "log.jsonl").write_text(rows + '{"step": 200, "lo')
    assert steps_done(tasks[0]) == 199


def test_network_without_a_recipe_is_refused(clips, tmp_path, monkeypatch):
    monkeypatch.setitem(roster.METHODS, "tiny", roster.METHODS["pos"])
    with pytest.raises(UsageError, match="no recipe for 'tiny'"):
        every_task(clips, tmp_path)
