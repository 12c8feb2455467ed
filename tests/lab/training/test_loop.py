from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from lab.training.tiny_net import PLACE, Tiny, TinyConfig, tiny

from rppg_core import roster
from rppg_core.errors import UsageError
from rppg_core.lab.training import loop
from rppg_core.lab.training.batches import Share
from rppg_core.lab.training.loop import RunOptions, TimeLeft, TrainingError, settled, train
from rppg_core.lab.training.record import RunFolder
from rppg_core.lab.training.sources import Sample
from rppg_core.models import weights

STEPS, SAVE_EVERY = 24, 3


def options(folder, **changes) -> RunOptions:
    return RunOptions(**{"runs": folder, "device": "cpu", "workers": 0, "save_every": SAVE_EVERY, **changes})


def losses(folder: Path) -> dict[int, float]:
    return {row["step"]: row["loss"] for row in RunFolder(folder).rows() if "loss" in row}


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run that nobody disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(roster.METHODS, "tiny", PLACE)
        torch.set_num_threads(1)
        return train(tiny(steps=STEPS), options(tmp_path_factory.mktemp("whole"), workers=1))


def test_run_ends_with_weights_that_load(whole_run):
    model = weights.load_model("tiny", whole_run.weights)
    assert isinstance(model, Tiny)
    assert model.config == TinyConfig()
    card = weights.load_card("tiny", whole_run.weights)
    assert (card.steps, card.seed, card.method) == (STEPS, 0, "tiny")
    assert card.recipe["traces"] == 2
    assert card.metrics["held-out bvp_r"] == pytest.approx(whole_run.validation["bvp_r"], abs=1e-3)
    assert card.weights == "trained on simulated physiology" and "simulated faces only" in card.limits


class Same:
    """The same sample again and again: the pulse to give is a quarter of a beat ahead of the colours."""

    name = "same"

    def __init__(self):
        angle = 2 * np.pi * 2 * np.arange(64) / 30
        stmap = np.random.default_rng(0).normal(0, 0.1, (64, 36, 3)) + np.sin(angle)[:, None, None]
        self.only = Sample({"stmap": stmap}, {"bvp": np.cos(angle)})

    def sample(self, index: int, difficulty: float) -> Sample:
        return self.only


def in_memory(tmp_path, **changes) -> loop.Training:
    recipe = settled(tiny(**changes))
    folder = RunFolder(tmp_path / "run")
    folder.start(recipe, ["same"], resume=False)
    shares = [Share(Same(), 2)]
    return loop.Training(recipe, folder, shares, shares, Accelerator(cpu=True))


def test_network_learns(tmp_path):
    training = in_memory(tmp_path, steps=60, ema_decay=0.8, validate_every=60)
    training.run(options(tmp_path), tell=lambda *_: None)
    values = losses(training.folder.path)
    assert values[60] < 0.3 * values[1]
    assert training.validation["bvp_r"] > 0.98


def test_curves_are_drawn_at_every_checkpoint(tmp_path):
    seen = []

    def page(rows) -> str:
        seen.append([row["step"] for row in rows if "loss" in row])
        return f"{len(seen)} pages"

    result = train(tiny(steps=5), options(tmp_path, save_every=2), page=page)
    assert seen == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert (result.folder / "curve.html").read_text() == "3 pages"


@pytest.mark.timeout(400)  # starts a process of its own, on a machine that may be busy
def test_killed_run_ends_as_if_it_had_not_been(whole_run, tmp_path):
    """SIGKILL at a random moment, resume, and compare with the run that nobody disturbed."""
    chance = random.Random()
    kill_after, delay_s = chance.randrange(3, 12), chance.uniform(0, 0.1)
    tests = Path(__file__).parents[2]
    run = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("run_tiny.py")),
            str(tmp_path),
            str(STEPS),
            str(SAVE_EVERY),
        ],
        env={**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}", "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )
    folder = RunFolder(tmp_path / "tiny-seed0")
    try:
        until_s = time.monotonic() + 180
        while folder.step() < kill_after and run.poll() is None and time.monotonic() < until_s:
            time.sleep(0.01)
        time.sleep(delay_s)
    finally:
        run.kill()
    said = run.communicate()[1].decode()
    assert run.returncode == -signal.SIGKILL, said
    assert kill_after <= folder.step() < STEPS

    resumed = train(tiny(steps=STEPS), options(tmp_path, resume=True))
    assert resumed.loss == pytest.approx(whole_run.loss, abs=1e-6), f"killed after {kill_after} + {delay_s} s"
    assert losses(folder.path) == pytest.approx(losses(whole_run.folder), abs=1e-6)
    assert resumed.validation == pytest.approx(whole_run.validation, abs=1e-6)
    assert resumed.weights.read_bytes() == whole_run.weights.read_bytes()


def test_ctrl_c_saves_and_a_resumed_run_goes_on(whole_run, tmp_path):
    def interrupt(stage: str, fraction: float) -> None:
        if fraction == 5 / STEPS:
            signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    stopped = train(tiny(steps=STEPS), options(tmp_path), progress=interrupt)
    assert stopped.weights is None
    assert stopped.step == RunFolder(stopped.folder).step() == 6  # asked after step 5, the next one ends
    assert signal.getsignal(signal.SIGINT) is handler
    resumed = train(tiny(steps=STEPS), options(tmp_path, resume=True))
    assert resumed.loss == pytest.approx(whole_run.loss, abs=1e-6)


def test_resuming_a_finished_run_changes_nothing(tmp_path):
    first = train(tiny(steps=3), options(tmp_path))
    before = first.weights.read_bytes(), losses(first.folder)
    again = train(tiny(steps=3), options(tmp_path, resume=True))
    assert (again.weights.read_bytes(), losses(again.folder)) == before
    assert again.loss == first.loss


def test_a_run_is_not_written_over(tmp_path):
    train(tiny(steps=2), options(tmp_path))
    with pytest.raises(UsageError, match="--resume"):
        train(tiny(steps=2), options(tmp_path))


def test_resuming_with_another_recipe_is_refused(tmp_path):
    train(tiny(steps=2), options(tmp_path))
    with pytest.raises(UsageError, match="another lr, steps"):
        train(tiny(steps=3, lr=1.0), options(tmp_path, resume=True))


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no run"):
        train(tiny(), options(tmp_path, resume=True))


def test_other_seed_gives_other_weights_in_another_folder(whole_run, tmp_path):
    other = train(tiny(steps=3, seed=1), options(tmp_path))
    assert other.folder.name == "tiny-seed1"
    assert losses(other.folder)[1] != losses(whole_run.folder)[1]


def test_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(TrainingError, match="the loss of step 1 is inf"):
        train(tiny(steps=3, loss_weights={"waveform": float("inf")}), options(tmp_path))


def test_loss_weights_scale_their_terms(tmp_path):
    result = train(tiny(steps=1, loss_weights={"waveform": 3.0, "rate": 0.0}), options(tmp_path))
    (row,) = [row for row in RunFolder(result.folder).rows() if "loss" in row]
    terms = row["terms"]
    assert row["loss"] == pytest.approx(3 * terms["waveform"] + terms["breath"], rel=1e-5)


def test_average_lags_behind_the_weights(tmp_path):
    training = in_memory(tmp_path, steps=3, ema_decay=0.9)
    start = training.network.first.weight.detach().clone()
    training.run(options(tmp_path), tell=lambda *_: None)
    moved = (training.network.first.weight - start).abs().sum()
    assert 0 < (training.average.first.weight - start).abs().sum() < moved


def test_log_has_a_line_a_step_and_a_line_a_check(whole_run):
    lines = [json.loads(line) for line in (whole_run.folder / "log.jsonl").read_text().splitlines()]
    steps = [row for row in lines if "loss" in row]
    checks = [row for row in lines if "validation" in row]
    assert [row["step"] for row in steps] == list(range(1, STEPS + 1))
    assert [row["step"] for row in checks] == [8, 16, 24]
    assert set(steps[0]) == {"step", "loss", "terms", "lr", "difficulty", "seconds", "cpu_seconds"}
    assert set(steps[0]["terms"]) == {"waveform", "breath", "rate"}
    assert set(checks[0]["validation"]) == {"bvp_r", "bvp_hr_mae_bpm", "resp_r", "hr_mae_bpm"}


def test_time_left_follows_the_pace(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now_s[0])
    left = TimeLeft(100, 1100)
    now_s[0] = 50.0
    assert left.words(200) == "8 min"  # 900 steps at half a second
    now_s[0] = 450.0
    assert left.words(1000) == "50 s"
