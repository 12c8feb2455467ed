"""One word pairs everything about a network: file, key, test, recipe, weights."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("accelerate")

from rppg_core.roster import METHODS, MODELS
from rppg_core.training.loop import settled
from rppg_core.training.recipes import RECIPES, recipe_hash
from rppg_core.weights import card_text, checkpoint_path, load_card

ROOT = Path(__file__).parents[1]
LESSONS = {path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
MODEL_FILES = {path.stem for path in (ROOT / "rppg_core" / "models").glob("*.py")} - {"__init__", "base"}


def test_every_model_file_is_a_key_of_the_roster():
    assert set(MODELS) == MODEL_FILES
    assert set(METHODS) >= MODEL_FILES


@pytest.mark.parametrize("name", sorted(MODEL_FILES))
def test_network_has_its_test_recipe_and_weights(name):
    assert (ROOT / "tests" / "models" / f"test_{name}.py").is_file()
    assert name in RECIPES
    assert checkpoint_path(name).is_file()


@pytest.mark.parametrize("name", sorted(MODEL_FILES))
def test_weights_were_trained_by_the_committed_recipe(name):
    card = load_card(name)
    assert card.recipe_hash == recipe_hash(settled(RECIPES[name]))
    assert card.steps == RECIPES[name].steps


@pytest.mark.parametrize("name", sorted(MODEL_FILES))
def test_card_beside_the_weights_is_the_one_inside(name):
    """To renew it: python -c "from rppg_core.weights import *; print(card_text(load_card('tracenet')), end='')"."""
    assert checkpoint_path(name).with_suffix(".md").read_text(encoding="utf-8") == card_text(load_card(name))


@pytest.mark.parametrize("lesson", sorted(LESSONS))
def test_lesson_has_its_answers_and_solutions(lesson):
    assert (ROOT / "rppg_core" / "answers" / f"{lesson[3:]}.py").is_file()
    assert (ROOT / "notebooks" / "solutions" / f"{lesson}.md").is_file()


def test_no_answers_or_solutions_are_left_without_a_lesson():
    tables = {path.stem for path in (ROOT / "rppg_core" / "answers").glob("*.py")} - {"__init__"}
    solved = {path.stem for path in (ROOT / "notebooks" / "solutions").glob("*.md")}
    assert tables == {lesson[3:] for lesson in LESSONS}
    assert solved == LESSONS
