"""Every part of a lesson asks, every exercise can be solved, and no answer stands in the notebook."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from importlib import import_module

import pytest

pytest.importorskip("nbformat")

from notebooks import render
from rppg_core.course.answers import Question, all_answers, all_questions
from tests.course.lesson_cells import FOLDER, NAMES, called_in, read, sections_of

# sections without a question, besides the first
UNASKED = {"Summary", "More exercises", "Glossary", "References", "Next", "The map of the course"}


def questions_of(name: str) -> dict[str, Question]:
    return import_module(f"rppg_core.course.answers.{name[3:]}").QUESTIONS


@pytest.mark.parametrize("name", NAMES)
def test_every_section_with_code_asks_before_it_answers(name):
    for title, code in sections_of(name)[1:]:
        if code and title not in UNASKED:
            assert "\nask(" in code, f"{title!r} asks nothing"
            assert code.index("\nask(") + 1 < code.rindex("\n"), f"{title!r} answers nothing"


@pytest.mark.parametrize("name", NAMES)
def test_every_question_of_the_lesson_is_asked_once_by_a_cell_that_names_its_key(name):
    asked = [key for cell in read(name).cells if (key := render.find_key(cell))]
    assert asked == called_in(name, "ask"), "a cell that asks does nothing else"
    assert sorted(asked) == sorted(questions_of(name))


def test_every_question_and_every_answer_of_the_package_has_its_lesson():
    assert sorted(key for name in NAMES for key in called_in(name, "ask")) == sorted(all_questions())
    assert {key for name in NAMES for key in called_in(name, "check")} == set(all_answers())


@pytest.mark.parametrize("name", NAMES)
def test_no_reply_or_hint_stands_in_the_notebook(name):
    """Sources and outputs are public before anybody has made a choice."""
    cells = [json.dumps(cell, ensure_ascii=False).replace("\\", "") for cell in read(name).cells]
    said = unescape(" ".join(cells))
    for key, question in questions_of(name).items():
        for words in (question.because, *question.wrong.values()):
            assert words not in said, key
    for key in called_in(name, "check"):
        assert all_answers()[key].hint not in said, key


@pytest.mark.parametrize("name", NAMES)
def test_questions_are_shown_with_their_choices(name):
    for cell in read(name).cells:
        if key := render.find_key(cell):
            (output,) = cell.outputs
            assert set(output.data) == {"text/html", "text/plain"}
            question = all_questions()[key]
            assert all(
                choice in output.data["text/plain"] for choice in (question.asks, *question.choices(key))
            )


@pytest.mark.parametrize("name", NAMES)
def test_cell_that_asks_or_checks_holds_no_answer(name):
    """Neither the right choice nor the known answer may stand in the cell that asks for it, or be shown by it."""
    for cell in read(name).cells:
        if cell.cell_type == "code" and "check(" in cell.source and "mine = None" in cell.source:
            assert re.search(r'^mine = None\ncheck\("\w+", mine\)$', cell.source.strip(), re.M), cell.source
            assert {output.output_type for output in cell.outputs} == {"stream"}, (
                "only the check itself prints"
            )


@pytest.mark.parametrize("name", NAMES)
def test_every_check_has_an_answer_of_its_lesson(name):
    own = import_module(f"rppg_core.course.answers.{name[3:]}").ANSWERS
    assert own
    assert sorted(called_in(name, "check")) == sorted(own)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_solutions_solve_every_exercise(name):
    text = (FOLDER / "solutions" / f"{name}.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "not yet" not in run.stdout
    assert {key for key in called_in(name, "check") if f"{key}: matches" not in run.stdout} == set()
    assert re.findall(r"^## `(\w+)`$", text, re.M) == called_in(name, "check"), "in the order of the lesson"
