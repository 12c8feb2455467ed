"""Pages made from notebooks: replies behind the choices, contents with minutes, and the cells that all share."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("nbformat")
pytest.importorskip("nbclient")

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import render
from rppg_core.course.answers import all_questions

KEY = "rate_of_a_wall"
COLAB = "https://colab.research.google.com/github/lab/lab/blob/HEAD/notebooks/99_lesson.ipynb"
TITLES = ("Begin", "What the `Stem` saw & why", "Break it", "Next")


def lesson():
    sections = [f"## {title} · {k + 2} min" if k < 3 else f"## {title}" for k, title in enumerate(TITLES)]
    cells = [new_markdown_cell("# 99 · A lesson"), *(new_markdown_cell(text) for text in sections)]
    asked = new_output("display_data", {"text/html": "<p>question and choices</p>"})
    return new_notebook(cells=[*cells, new_code_cell(f'ask("{KEY}")', outputs=[asked])])


@pytest.fixture
def page(tmp_path) -> str:
    pytest.importorskip("nbconvert")
    pytest.importorskip("latex2mathml")
    return render.write_page("99_lesson", lesson(), tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "key"),
    [
        (f'ask("{KEY}")', KEY),
        (f'ask("{KEY}")\n', KEY),
        (f'ask("{KEY}")\nprint(1)', ""),
        (f'ask("{KEY}", "b")', ""),
        ("1 + 1", ""),
    ],
)
def test_a_cell_asks_if_it_names_a_key_and_nothing_else(source, key):
    assert render.find_key(new_code_cell(source)) == key
    assert render.find_key(new_markdown_cell(source)) == ""


def test_minutes_stand_in_the_headings():
    assert render.find_minutes(lesson()) == dict(zip(TITLES, (2, 3, 4, None), strict=True))


def test_contents_lead_to_every_section_and_say_how_long_it_takes(page):
    contents = re.search(r'<nav class="contents".*?</nav>', page, re.S)
    assert contents
    found = re.findall(r'<a href="#([^"]+)">(.+?)</a>(?: <small>(\d+) min</small>)?</li>', contents[0])
    assert [minutes for *_, minutes in found] == ["2", "3", "4", ""]
    assert found[1][1] == "What the <code>Stem</code> saw &amp; why"
    for anchor, *_ in found:
        assert f'<h2 id="{anchor}">' in page[contents.end() :], "the contents come before the first section"
        assert "min" not in anchor, "a link survives another number of minutes"


def test_a_short_page_has_no_contents(tmp_path):
    pytest.importorskip("nbconvert")
    short = new_notebook(cells=[new_markdown_cell("# Short\n\n## One\n\n## Two")])
    text = render.write_page("short", short, tmp_path).read_text(encoding="utf-8")
    assert "<nav" not in text
    assert '<h2 id="one">One</h2>' in text


def test_a_page_hides_the_replies_behind_the_choices_and_the_code_of_the_question(page):
    question = all_questions()[KEY]
    assert page.count("<details>") == len(question.choices(KEY))
    assert question.because in page
    assert "question and choices" not in page
    assert "ask(" not in page


@pytest.fixture
def settled():
    notebook = lesson()
    notebook.cells[0].source += f"\n\n[![Open in Colab](badge.svg)]({COLAB}) and text"
    render.settle(notebook)
    render.settle(notebook)
    nbformat.validate(notebook)
    return notebook


@pytest.mark.parametrize(("place", "shared"), [(1, render.INSTALL_CELL), (-1, render.LAST_CELL)])
def test_a_settled_notebook_has_each_shared_cell_once_in_its_place(settled, place, shared):
    sources = [cell.source for cell in settled.cells]
    assert sources[place] == shared
    assert sources.count(shared) == 1


def test_settling_keeps_the_lesson_and_puts_the_words_behind_the_badge_once(settled):
    first, *others = [cell.source for cell in settled.cells]
    assert first.endswith(f"({COLAB}) {render.NOT_YET} and text")
    assert others[1:-1] == [cell.source for cell in lesson().cells[1:]]


def test_settling_counts_the_cells_as_a_fresh_kernel_does(settled):
    assert [cell.execution_count for cell in settled.cells if cell.cell_type == "code"] == [1, 2]


def test_settling_keeps_the_words_of_a_picture():
    words = {"image/png": {"alt": "Two curves."}}
    output = new_output("display_data", {"text/plain": "x"}, metadata=words | {"machine": "mine"})
    notebook = new_notebook(cells=[new_markdown_cell("# 99"), new_code_cell("show()", outputs=[output])])
    render.settle(notebook)
    assert notebook.cells[2].outputs[0].metadata == words


def test_a_page_leaves_out_the_cell_that_installs(tmp_path, settled):
    pytest.importorskip("nbconvert")
    text = render.write_page("99_lesson", settled, tmp_path).read_text(encoding="utf-8")
    assert "pip install" not in text
    assert "find_spec" not in text
    assert "once there is a release" in text
