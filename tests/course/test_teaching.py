"""TEACHING.md: every notebook has a route of 90 minutes, and what the route cites is in the notebook.

In a section of TEACHING.md italics cite headings, whole or in part, and `ask` and `check` are followed by keys.
"""

from __future__ import annotations

import re

import pytest

pytest.importorskip("nbformat")

from notebooks import render
from tests.course.lesson_cells import FOLDER, NAMES, called_in, read

TEACHING = (FOLDER / "TEACHING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\d\d_\w+)\n(.*?)(?=^## |\Z)", TEACHING, re.M | re.S))
MINUTES = 90
HEAD = {"Before class", "Faces, licences, privacy", "What goes wrong in every class"}


def section_of(name: str) -> str:
    assert name in SECTIONS, f"TEACHING.md has no section {name}"
    return SECTIONS[name]


def route_of(name: str) -> list[tuple[int, str, str]]:
    """Minutes, place and task of every row."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", section_of(name), re.M)
    return [(int(minutes), where, what) for minutes, where, what in rows]


def cited_in(text: str) -> list[str]:
    """What stands in italics, joined again where a line was broken."""
    found = re.findall(r"(?<![*\w])\*(?!\*)([^*\n]+(?:\n[^*\n]+)?)\*(?!\*)", text)
    return [" ".join(words.split()) for words in found]


def is_in(words: str, headings: list[str]) -> bool:
    """Whether it is one heading, or a part of exactly one."""
    lowered = [heading.lower() for heading in headings]
    return words.lower() in lowered or sum(words.lower() in heading for heading in lowered) == 1


def test_head_says_what_holds_for_all_classes():
    assert set(re.findall(r"^## (.+)$", TEACHING, re.M)) == HEAD | set(SECTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_every_notebook_has_a_route_of_90_minutes(name):
    minutes = [row[0] for row in route_of(name)]
    assert sum(minutes) == MINUTES, f"{name}: {' + '.join(map(str, minutes))} = {sum(minutes)}"


def test_sections_are_about_notebooks_that_exist():
    ahead = sorted(set(SECTIONS) - set(NAMES))
    assert not [name for name in ahead if sum(row[0] for row in route_of(name)) != MINUTES]
    if ahead:
        pytest.skip(f"NOT RUN: headings of {', '.join(ahead)}, which do not exist yet, cannot be compared")


@pytest.mark.parametrize("name", NAMES)
def test_headings_that_are_cited_exist_in_the_notebook(name):
    headings, cited = list(render.find_minutes(read(name))), cited_in(section_of(name))
    assert len(cited) >= len(route_of(name)) - 2, "most rows of a route cite a heading"
    assert [words for words in cited if not is_in(words, headings)] == [], headings


@pytest.mark.parametrize("name", NAMES)
def test_route_follows_the_order_of_the_notebook(name):
    headings = [title.lower() for title in render.find_minutes(read(name))]
    cited = [cited_in(where)[0].lower() for _, where, _ in route_of(name) if cited_in(where)]
    places = [next((k for k, title in enumerate(headings) if words in title), -1) for words in cited]
    assert places == sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_keys_that_are_cited_are_asked_and_checked_in_the_notebook(name):
    text = section_of(name)
    for function in ("ask", "check"):
        keys = re.findall(rf"\b{function} `(\w+)`", text, re.I)
        assert set(keys) <= set(called_in(name, function)), function
    fixes = re.findall(r"^- `(\w+)`", text.partition("**Goes wrong here**")[2], re.M)
    assert set(fixes) <= set(called_in(name, "check"))


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_two_exam_questions_say_what_a_good_answer_holds(name):
    exam, wrong = section_of(name).partition("**Exam**")[2].split("**Goes wrong here**")
    questions = re.split(r"^\d\. ", exam, flags=re.M)[1:]
    assert len(questions) == 2
    assert all("?" in text.partition("Good answer:")[0] and "Good answer:" in text for text in questions)
    assert wrong.count("\n- ") >= 2


@pytest.mark.parametrize(
    ("words", "found"),
    [("Break it", True), ("`Router`", True), ("break", True), ("it", False), ("the seesaw", False)],
)
def test_citation_is_a_heading_or_a_part_of_one(words, found):
    assert is_in(words, ["Who speaks for whom: `Router`", "Break it", "Turn it off"]) == found


def test_messages_that_the_page_quotes_are_those_of_the_checks(capsys):
    from rppg_core.course.questions import check

    check("lowest_rate", "39")
    check("lowest_rate", (71, 8))
    printed = capsys.readouterr().out
    text = " ".join(TEACHING.split())
    for said in ("not yet: got '39', wanted a number (bpm)", "an array of shape (2,)"):
        assert said in printed
        assert f"*{said}*" in text
