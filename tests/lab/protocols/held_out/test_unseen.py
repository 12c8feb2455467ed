"""A training for a split builds on no weights that may know the clips on which it is tested."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("accelerate")

from lab.training import tiny_net
from lab.training.tiny_net import TinyConfig, tiny

from rppg_core import roster
from rppg_core.errors import UsageError
from rppg_core.lab.datasets.extracted import ExtractedClip
from rppg_core.lab.protocols.held_out.split_training import list_tasks
from rppg_core.lab.protocols.held_out.splits import Split
from rppg_core.lab.protocols.held_out.unseen import require_unseen
from rppg_core.models.base import SIMULATED, ModelCard
from rppg_core.models.recipe import Stage
from rppg_core.models.weights import create_model, save_model

RECORDED, TRACES = "trained on stored clips", {"domains": False}
PEOPLE, DOMAIN = ("recorded", "person 1"), ("pure-like", "s01")


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(roster.METHODS, "tiny", tiny_net.PLACE)


def split(dataset: str, subject: str) -> Split:
    return Split("fold 1", (), (SimpleNamespace(dataset=dataset, subject=subject),))


def weights_file(folder, origin: str, recipe: dict) -> str:
    card = ModelCard(method="tiny", paper="none", inputs=("stmap",), weights=origin, recipe=recipe)
    return str(save_model(folder / "weights.safetensors", create_model("tiny", TinyConfig()), card))


def recipes(path: str) -> list:
    """One that learns from these weights as from a teacher, and one that starts from them."""
    return [
        tiny(teacher=path, steps=4),
        tiny(steps=4, stages=(Stage(name="all", steps=4, start=path),)),
    ]


@pytest.mark.parametrize(
    "origin, card_recipe, tested, words",
    [
        (RECORDED, TRACES, PEOPLE, "stored clips"),
        (RECORDED, TRACES, DOMAIN, "stored clips"),
        (SIMULATED, {"domains": True}, DOMAIN, "simulated domains, possibly pure-like"),
        (SIMULATED, {"teacher": "physmle"}, DOMAIN, "simulated domains"),
        (SIMULATED, {}, DOMAIN, "simulated domains"),
    ],
)
def test_weights_that_may_have_seen_the_test_clips_are_refused(tmp_path, origin, card_recipe, tested, words):
    path = weights_file(tmp_path, origin, card_recipe)
    for recipe in recipes(path):
        with pytest.raises(UsageError, match=words) as refused:
            require_unseen(recipe, split(*tested))
        assert path in refused.value.got and "fold 1" in refused.value.got


@pytest.fixture
def tasks(monkeypatch, tmp_path):
    """The trainings that are listed for a recipe and what it is tested on."""

    def listed(recipe, tested):
        monkeypatch.setattr(tiny_net, "RECIPE", recipe)
        monkeypatch.setattr("rppg_core.lab.protocols.held_out.split_training.fingerprint", lambda clips: "0")
        source = ExtractedClip("other", "person 2", "clip", {}, tmp_path / "clip.npz", ("bvp",), 30.0, True)
        fold = Split("fold 1", (source,), split(*tested).test)
        return list_tasks(fold, "tiny", steps=4, seeds=[0], runs=tmp_path)

    return listed


@pytest.mark.parametrize(
    "card_recipe, tested", [({"domains": True}, PEOPLE), (TRACES, PEOPLE), (TRACES, DOMAIN)]
)
def test_weights_that_cannot_have_seen_them_are_trained_with(tasks, tmp_path, card_recipe, tested):
    for recipe in recipes(weights_file(tmp_path, SIMULATED, card_recipe)):
        (task,) = tasks(recipe, tested)
        assert (task.recipe.teacher, task.recipe.stages) == (recipe.teacher, recipe.stages)


def test_recipe_without_other_weights_is_trained(tasks):
    (task,) = tasks(tiny(steps=4), DOMAIN)
    assert task.recipe.teacher == ""


def test_split_is_refused_before_any_training(tasks, tmp_path):
    with pytest.raises(UsageError, match="stored clips"):
        tasks(recipes(weights_file(tmp_path, RECORDED, TRACES))[0], PEOPLE)
