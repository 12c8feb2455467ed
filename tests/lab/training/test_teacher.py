"""A student learns from a teacher's answers, and the teacher learns nothing."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from lab.training.tiny_net import TinyConfig, tiny

from rppg_core.command import cli
from rppg_core.errors import ModelFileError, UsageError
from rppg_core.lab.training.batches import StepDataset, map_batch
from rppg_core.lab.training.loop import RunOptions, Training, settled, train
from rppg_core.lab.training.mixture import shares_from_recipe
from rppg_core.lab.training.record import RunFolder
from rppg_core.lab.training.teacher import PREFIX, Teacher, teacher_needs
from rppg_core.models.base import ModelCard
from rppg_core.models.physvlm import PhysVLMConfig
from rppg_core.models.physvlm.teacher import TeacherConfig
from rppg_core.models.recipe import get_recipe
from rppg_core.models.weights import create_model, load_card, load_model, save_model

CPU = torch.device("cpu")
TEACHER_ALONE = {"waveform": 0.0, "breath": 0.0, "rate": 0.0}


def options(folder, **changes) -> RunOptions:
    return RunOptions(**{"runs": folder, "device": "cpu", "workers": 0, "save_every": 3, **changes})


@pytest.fixture
def teacher_file(tmp_path) -> str:
    """A network of the student's kind with other weights."""
    torch.manual_seed(5)
    card = ModelCard(method="tiny", paper="none", inputs=("stmap",), weights="trained on stored clips")
    return str(save_model(tmp_path / "teacher.safetensors", create_model("tiny", TinyConfig()), card))


def batch_of(recipe, tmp_path):
    recipe = settled(recipe)
    return StepDataset(recipe, shares_from_recipe(recipe, ["simulated"], clips=tmp_path)).mixed(0)


def test_student_that_only_hears_its_teacher_comes_to_answer_as_it_does(teacher_file, tmp_path):
    recipe = tiny(
        teacher=teacher_file, loss_weights=TEACHER_ALONE, steps=80, seed=1, ema_decay=0.9, validate_every=80
    )
    folder = RunFolder(tmp_path / "run")
    folder.start(recipe, ["simulated"], resume=False)
    shares = [
        shares_from_recipe(recipe, ["simulated"], clips=tmp_path, held_out=held_out)
        for held_out in (False, True)
    ]
    training = Training(recipe, folder, *shares, Accelerator(cpu=True))
    known = {name: x.clone() for name, x in training.teacher.network.state_dict().items()}
    batch = batch_of(tiny(seed=9, traces=8), tmp_path)  # samples that the student has not seen
    told = load_model("tiny", teacher_file)(batch.inputs)["bvp"]

    def error() -> float:
        with torch.no_grad():
            return float((training.average.eval()(batch.inputs)["bvp"] - told).square().mean())

    before = error()
    training.run(options(tmp_path), tell=lambda *_: None)
    assert error() < 0.2 * before
    assert all(torch.equal(x, known[name]) for name, x in training.teacher.network.state_dict().items())
    assert not training.teacher.network.training


def test_teacher_answers_without_gradient_and_the_student_gets_its_own_inputs(teacher_file, tmp_path):
    batch = batch_of(tiny(teacher=teacher_file), tmp_path)
    assert set(batch.inputs) == {"stmap"}  # both read the same
    taught = Teacher(teacher_file, CPU).teach(batch)
    expected = load_model("tiny", teacher_file)(batch.inputs)
    assert set(taught.teacher) == {"bvp", "resp", "hr"}
    assert all(
        torch.equal(taught.teacher[name], x) and not taught.teacher[name].requires_grad
        for name, x in expected.items()
    )
    assert taught.inputs == batch.inputs and batch.teacher is None


def test_teacher_that_reads_something_else_gets_it(tmp_path):
    batch = batch_of(tiny(teacher="tracenet"), tmp_path)
    tracenet = load_model("tracenet")
    for_teacher = {
        name.removeprefix(PREFIX): x for name, x in batch.inputs.items() if name.startswith(PREFIX)
    }
    assert set(for_teacher) == {"stmap", "weight"}
    taught = Teacher("tracenet", CPU).teach(batch)
    assert set(taught.inputs) == {"stmap"}
    with torch.no_grad():
        assert torch.equal(taught.teacher["bvp"], tracenet(for_teacher)["bvp"])


def test_rendered_clips_keep_what_the_teacher_reads(teacher_file):
    assert teacher_needs("") == frozenset()
    assert teacher_needs(teacher_file) == {"rgb", "stmap"}


def test_moved_batch_takes_the_answers_along(teacher_file, tmp_path):
    taught = Teacher(teacher_file, CPU).teach(batch_of(tiny(teacher=teacher_file), tmp_path))
    moved = map_batch(taught, lambda tensor: tensor + 1)
    assert torch.equal(moved.teacher["bvp"], taught.teacher["bvp"] + 1)


def test_stopped_run_with_a_teacher_ends_with_the_same_weights(teacher_file, tmp_path):
    recipe = tiny(teacher=teacher_file, steps=6)

    def interrupt(stage: str, fraction: float) -> None:
        if fraction == 2 / 6:
            signal.raise_signal(signal.SIGINT)

    whole = train(recipe, options(tmp_path / "whole"))
    assert train(recipe, options(tmp_path / "part"), progress=interrupt).weights is None
    resumed = train(recipe, options(tmp_path / "part", resume=True))
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert "taught_bvp" in RunFolder(whole.folder).rows()[0]["terms"]


def test_card_names_the_teacher_and_what_it_was_trained_on(teacher_file, tmp_path):
    card = load_card("tiny", train(tiny(teacher=teacher_file, steps=1), options(tmp_path)).weights)
    assert card.recipe["teacher"] == teacher_file and f"taught by {teacher_file}" in card.data
    assert card.weights == "trained on stored clips"  # what the teacher learned there reaches the student


def test_teacher_that_is_neither_network_nor_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"'nobody' is neither.*tracenet"):
        train(tiny(teacher="nobody", steps=1), options(tmp_path))


@pytest.fixture
def ignorant(tmp_path) -> str:
    """A teacher of physvlm with random weights."""
    torch.manual_seed(0)
    network = create_model("physvlm_teacher", TeacherConfig.tiny())
    card = ModelCard(method="physvlm_teacher", paper="none", inputs=("stmap",))
    return str(save_model(tmp_path / "ignorant.safetensors", network, card))


def test_a_teacher_that_knows_nothing_is_refused_before_the_first_step(ignorant, tmp_path):
    recipe = replace(
        get_recipe("physvlm"), config=PhysVLMConfig.tiny(), teacher=ignorant, steps=4, traces=6, clips=0,
        n_frames=128, domains=False, validation_samples=12,
    )  # fmt: skip
    with pytest.raises(UsageError, match="heart rate by a line from its embedding"):
        train(recipe, options(tmp_path / "runs"))
    assert not list((tmp_path / "runs").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["tracenet", "--teacher", "x"], "tracenet has no teacher"),
        (["physvlm", "--teacher", "missing.safetensors"], "missing.safetensors"),
    ],
)
def test_a_teacher_that_cannot_teach_is_said_in_one_line(argv, said, tmp_path, capsys):
    assert cli.main(["train", *argv, "--steps", "2", "--runs", str(tmp_path / "runs")]) in (2, 3)
    found = capsys.readouterr().err
    assert said in found and found.count("\n") == 1


def test_student_gets_the_width_of_the_teacher_that_it_is_given(tmp_path, monkeypatch):
    network = create_model("physvlm_teacher", replace(TeacherConfig.tiny(), embedding=24))
    card = ModelCard(method="physvlm_teacher", paper="none", inputs=("stmap",))
    path = save_model(tmp_path / "wide.safetensors", network, card)
    seen = []

    def stop(recipe, *_args, **_more):
        seen.append(settled(recipe))
        raise UsageError("enough", wanted="nothing", do="stop")

    monkeypatch.setattr("rppg_core.lab.training.loop.train", stop)
    assert cli.main(["train", "physvlm", "--teacher", str(path), "--runs", str(tmp_path)]) == 2
    assert seen[0].config.embedding == 24 and seen[0].teacher == str(path)
