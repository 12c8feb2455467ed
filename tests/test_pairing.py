"""One word pairs everything about a network: file or folder, key, test, recipe, weights, lesson, panel."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("accelerate")

from rppg_core.lab.training.loop import settled
from rppg_core.models.recipe import get_recipe, recipe_hash
from rppg_core.models.weights import card_text, checkpoint_path, load_card
from rppg_core.roster import get_network, list_networks, list_trained_networks

ROOT = Path(__file__).parents[1]
LESSONS = {path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
MODELS_FOLDER = ROOT / "rppg_core" / "models"
MODEL_FILES = {path.parent.name for path in MODELS_FOLDER.glob("*/__init__.py")}
READY = [name for name in list_networks() if get_network(name).ready]  # their weights come with the package
RESEARCH = sorted({*READY} - {"tracenet"})  # methods of papers; tracenet is what they are held against


def sources_of(name: str) -> list[Path]:
    """The files of a network."""
    return sorted((MODELS_FOLDER / name).glob("*.py"))


def parts_of(name: str) -> set[str]:
    """Public classes of a network: what it is made of. Configs and records, which hold numbers only, are no parts."""
    found = [
        node
        for path in sources_of(name)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    parts = {
        node.name for node in found if not any("dataclass" in ast.unparse(d) for d in node.decorator_list)
    }
    return parts | get_network(name).shared_parts


def lesson_of(name: str) -> Path:
    """The notebook about a network."""
    lessons = sorted((ROOT / "notebooks").glob(f"[0-9][0-9]_{name}.ipynb"))
    assert len(lessons) == 1, f"one notebook NN_{name}.ipynb is wanted, {len(lessons)} are there"
    return lessons[0]


def headings_of(lesson: Path) -> list[str]:
    """Titles of all depths, in order."""
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return [title for text in prose for title in re.findall(r"^#+ (.+)$", text, re.M)]


def test_every_model_file_is_a_key_of_the_roster():
    assert set(list_networks()) == MODEL_FILES


@pytest.mark.parametrize("name", sorted(MODEL_FILES))
def test_network_has_its_test(name):
    assert (ROOT / "tests" / "models" / f"test_{name}.py").is_file()


def test_all_networks_but_physnet_are_trained_here():
    assert set(list_trained_networks()) == MODEL_FILES - {"physnet"}
    assert all(get_recipe(name).method == name for name in list_trained_networks())


def test_weights_come_with_the_networks_that_are_ready_and_no_others():
    assert {name for name in MODEL_FILES if checkpoint_path(name).is_file()} == set(READY)


@pytest.mark.parametrize("name", READY)
def test_weights_were_trained_by_the_committed_recipe(name):
    card = load_card(name)
    assert card.recipe_hash == recipe_hash(settled(get_recipe(name)))
    assert card.steps == get_recipe(name).steps


@pytest.mark.parametrize("name", READY)
def test_card_beside_the_weights_is_the_one_inside(name):
    """To renew it:

    python -c "from rppg_core.models.weights import *; print(card_text(load_card('tracenet')), end='')"
    """
    assert checkpoint_path(name).with_suffix(".md").read_text(encoding="utf-8") == card_text(load_card(name))


@pytest.mark.parametrize("name", RESEARCH)
def test_research_method_has_its_lesson_and_its_panel(name):
    pytest.importorskip("gradio")
    from demo.panels.methods import method_panels

    assert lesson_of(name).is_file()
    assert name in {method.name for method in method_panels()}


@pytest.mark.parametrize("name", RESEARCH)
def test_headings_of_its_lesson_name_exactly_the_parts_of_the_method(name):
    """Code-formatted, as in "How loud is an expert? The `Router`"; a part has a class's name, a capital first."""
    named = {word for title in headings_of(lesson_of(name)) for word in re.findall(r"`([A-Z]\w+)`", title)}
    assert named == parts_of(name)


@pytest.mark.parametrize("name", RESEARCH)
def test_its_lesson_begins_with_the_papers_problem_and_says_what_differs(name):
    titles = [title.lower() for title in headings_of(lesson_of(name))]
    for wanted in ("the problem the paper saw", "what differs from the paper"):
        assert any(wanted in title for title in titles), wanted


@pytest.mark.parametrize("lesson", sorted(LESSONS))
def test_lesson_has_its_answers_and_solutions(lesson):
    assert (ROOT / "rppg_core" / "course" / "answers" / f"{lesson[3:]}.py").is_file()
    assert (ROOT / "notebooks" / "solutions" / f"{lesson}.md").is_file()


def test_no_answers_or_solutions_are_left_without_a_lesson():
    tables = {path.stem for path in (ROOT / "rppg_core" / "course" / "answers").glob("*.py")} - {"__init__"}
    solved = {path.stem for path in (ROOT / "notebooks" / "solutions").glob("*.md")}
    assert tables == {lesson[3:] for lesson in LESSONS}
    assert solved == LESSONS
