from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from lab.training.tiny_net import TinyConfig, tiny

from rppg_core.errors import UsageError
from rppg_core.lab.training.loop import settled
from rppg_core.models.recipe import (
    Recipe,
    Stage,
    difficulty,
    get_ablations,
    get_recipe,
    lr_factor,
    recipe_dict,
    recipe_hash,
    with_steps,
)
from rppg_core.models.weights import create_model
from rppg_core.roster import list_trained_networks


def test_difficulty_is_nothing_then_a_ramp_then_all():
    recipe = tiny(steps=1000, easy=0.2, hard=0.5)
    found = [difficulty(recipe, step) for step in (0, 199, 200, 350, 500, 999)]
    assert found == pytest.approx([0, 0, 0, 0.5, 1, 1])


def test_rate_rises_in_the_warm_up_and_falls_as_a_cosine():
    recipe = tiny(steps=1050, warmup=50)
    factors = [lr_factor(recipe, step) for step in range(1051)]
    assert all(a < b for a, b in pairwise(factors[:51]))
    assert all(a > b for a, b in pairwise(factors[50:]))
    assert factors[50] == 1
    assert factors[550] == pytest.approx(0.5)
    assert factors[-1] == pytest.approx(0, abs=1e-9)


def test_rate_starts_anew_in_every_stage_and_difficulty_does_not():
    stages = (Stage(name="one", steps=10), Stage(name="two", steps=30))
    recipe, plain = tiny(steps=40, warmup=5, stages=stages), tiny(steps=40, warmup=5)
    factors = [lr_factor(recipe, step) for step in range(41)]
    alone = [[lr_factor(tiny(steps=n, warmup=5), step) for step in range(n)] for n in (10, 30)]
    assert factors[:40] == [*alone[0], *alone[1]]
    assert factors[40] == pytest.approx(0, abs=1e-9)
    assert [difficulty(recipe, step) for step in range(41)] == [difficulty(plain, step) for step in range(41)]


def test_short_run_warms_up_for_half_of_it_at_most():
    assert max(lr_factor(tiny(steps=10, warmup=50), step) for step in range(10)) == 1


def test_hash_differs_for_any_number_but_the_seed():
    recipe = tiny()
    assert recipe_hash(replace(recipe, lr=1e-4)) != recipe_hash(recipe)
    assert recipe_hash(replace(recipe, config=TinyConfig(channels=9))) != recipe_hash(recipe)
    assert recipe_hash(replace(recipe, seed=5)) == recipe_hash(recipe)


def test_recipe_of_plain_traces_keeps_the_hash_that_it_had_before_there_were_domains():
    """Cards of weights that were trained then hold it."""
    plain = Recipe(method="tiny")
    assert recipe_hash(plain) == "0b5cb4442963"
    assert recipe_hash(replace(plain, domains=True)) != recipe_hash(plain)


def test_recipe_without_stages_or_teacher_reads_as_before_there_were_any():
    plain = tiny()
    assert not {"stages", "teacher"} & set(recipe_dict(plain))
    staged = replace(plain, stages=(Stage(name="one", steps=plain.steps, train=("first",)),))
    hashes = {recipe_hash(plain), recipe_hash(staged), recipe_hash(replace(plain, teacher="tracenet"))}
    assert len(hashes) == 3
    assert recipe_dict(staged)["stages"] == [
        {"name": "one", "steps": 12, "train": ["first"], "start": "", "loss_weights": {}}
    ]


def test_other_number_of_steps_leaves_each_stage_its_share():
    recipe = tiny(steps=100, stages=(Stage(name="one", steps=30), Stage(name="two", steps=70)))
    assert [stage.steps for stage in with_steps(recipe, 10).stages] == [3, 7]
    assert [stage.steps for stage in with_steps(recipe, 1001).stages] == [300, 701]
    assert with_steps(recipe, 100) == recipe
    assert with_steps(tiny(steps=100), 7) == tiny(steps=7)
    with pytest.raises(UsageError, match="'one' of 0 steps"):
        with_steps(recipe, 1)


ONE, TWO = Stage(name="one", steps=6), Stage(name="two", steps=6)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ((ONE,), "stages of 6 steps in a recipe of 12"),
        ((ONE, replace(TWO, name="one")), "stage 'one'"),
        ((ONE, replace(TWO, name="")), "stage ''"),
        ((replace(ONE, steps=0), replace(TWO, steps=12)), "0 steps"),
    ],
)
def test_stages_that_cannot_be_are_refused(stages, words):
    with pytest.raises(UsageError, match=words):
        tiny(steps=12, stages=stages)


@pytest.mark.parametrize(
    ("method", "variant"), [(m, v) for m in list_trained_networks() for v in get_ablations(m)]
)
def test_every_ablation_is_another_recipe_that_can_be_built(method, variant):
    recipe = get_recipe(method, variant)
    assert recipe_hash(settled(recipe)) != recipe_hash(settled(get_recipe(method)))
    assert create_model(method, settled(recipe).config) is not None


def test_recipe_is_plain_json():
    plain = recipe_dict(tiny(loss_weights={"rate": 0.25}))
    assert json.loads(json.dumps(plain)) == plain
    assert plain["config"] == {"window": 64, "channels": 8, "sizes": [5, 5]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"traces": 0},
        {"traces": -1},
        {"labels": ("pulse",)},
        {"n_frames": 1},
        {"partial_pulse": 1.5},
        {"labelled": 0.0},
        {"labelled": 1.5},
        {"partial_pulse": -0.1},
        {"flat_maps": 1.1},
    ],
)
def test_recipe_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError):
        tiny(**wrong)


def test_unknown_method_error_lists_recipes():
    with pytest.raises(UsageError, match="tracenet"):
        get_recipe("nope")


def test_every_recipe_is_of_a_known_network():
    networks = list_trained_networks()
    assert [get_recipe(name).method for name in networks] == networks
