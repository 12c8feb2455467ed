"""Every complaint of the program leads to a section of the course that explains it."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

pytest.importorskip("nbformat")

from tests.course.lesson_cells import NAMES, README, ROOT, read

HOMES = dict(re.findall(r"^\| `(\w+)` \| (\d\d_\w+) \|$", README, re.M))


@cache
def lesson_keys() -> set[str]:
    """Every key that an error, a finding or a refusal of the package carries."""
    found = set()
    for path in (ROOT / "rppg_core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found |= _keys_of_call(node)
            if isinstance(node, ast.Tuple) and path.name == "verdict.py" and len(node.elts) == 4:
                found |= {node.elts[3].value} if isinstance(node.elts[3], ast.Constant) else set()
    return found - {""}


def _keys_of_call(call: ast.Call) -> set[str]:
    """`lesson=` of any call; the last positional of the calls that take it there."""
    said = [word.value for word in call.keywords if word.arg == "lesson"]
    takes = {"Finding": 5, "_graded": 5, "Cause": 3}.get(getattr(call.func, "id", ""), 99)
    said += call.args[takes - 1 : takes]
    return {
        word.value
        for node in said
        for word in ast.walk(node)
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    }


def test_every_complaint_of_the_program_has_its_place_in_the_course():
    assert {"motion", "no_face", "compression", "quality", "frame_times"} <= lesson_keys(), (
        "the search finds keys"
    )
    assert set(HOMES) == lesson_keys()
    assert set(HOMES.values()) <= set(re.findall(r"\((\d\d_\w+)\.ipynb\)", README))


@pytest.mark.parametrize("key", [key for key, home in HOMES.items() if home in NAMES])
def test_complaint_leads_to_a_section_that_exists(key):
    from rppg_core.video.inspect import lesson_link

    places = [cell.source for cell in read(HOMES[key]).cells if f'<a id="{key}"></a>' in cell.source]
    assert len(places) == 1
    assert re.search(rf'<a id="{key}"></a>\s*\n+#+ \S', places[0]), "the anchor stands above a heading"
    lesson_link.cache_clear()
    assert lesson_link(key) == f"notebooks/{HOMES[key]}.ipynb#{key}"
