"""In lessons 01 and 02 the student acts early and in every part, and nothing is cut from what a figure says."""

from __future__ import annotations

import pytest

pytest.importorskip("nbformat")

from notebooks import render
from tests.course.lesson_cells import END, cells_of, printed_by, sections_of

LESSONS = ("01_pulse_from_colour", "02_signal_toolkit")


@pytest.mark.parametrize("name", LESSONS)
def test_every_part_has_a_line_of_the_students_own(name):
    parts = dict(sections_of(name))
    assert len(parts) > len(END)
    assert not [title for title, code in parts.items() if title not in END and "mine = None" not in code]


@pytest.mark.parametrize("name", LESSONS)
def test_student_writes_within_the_first_quarter(name):
    first = next(k for k, cell in enumerate(cells_of(name)) if "mine = None" in cell.source)
    assert first < len(cells_of(name)) / 4


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_stays_under_100_cells(name):
    assert len(cells_of(name)) < 100


@pytest.mark.parametrize("name", LESSONS)
def test_description_of_a_figure_is_whole(name):
    outputs = [output for cell in cells_of(name) for output in cell.get("outputs", [])]
    figures = [
        output["data"][render.PLOTLY_MIME] for output in outputs if "image/png" in output.get("data", {})
    ]
    assert figures
    for figure in figures:
        words = render.find_alt(figure)
        assert "…" not in words
        assert "..." not in words
        assert words.endswith(".")


def test_errors_stand_beside_a_constant():
    for name, constants in {
        "01_pulse_from_colour": ("always saying 70", "constant 73"),
        "02_signal_toolkit": ("always 70", "always 73", "always 15", "always 84"),
    }.items():
        assert not [words for words in constants if words not in printed_by(name)]


def test_low_heart_of_lesson_02_is_refused_and_not_shown_as_its_double():
    assert "the rate may lie below 39 bpm (72 looks like the second harmonic of 36)" in printed_by(LESSONS[1])
