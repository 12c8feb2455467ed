"""Lessons are built alike, short enough to be read, and complete: text, figures, links and outputs.

That the notebooks run is checked by `make notebooks`; here their text and their committed outputs are read.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import shlex
import statistics
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

pytest.importorskip("nbformat")


from notebooks import render
from rppg_core.course.teach import PLOTLY_MIME, WIDGET_MIME
from tests.course.lesson_cells import (
    FOLDER,
    NAMES,
    README,
    ROOT,
    cells_of,
    code_of,
    outputs_of,
    read,
    sections_of,
)

LAST = ("Break it", "Summary", "More exercises", "Glossary", "References", "Next")
OPTIONAL = {"More exercises"}  # most exercises stand in the section that they belong to
UNTIMED = {"Glossary", "References", "Next"}  # for looking things up
METHODS = [name for name in NAMES if name >= "10"]  # lessons on one method
MINUTES = dict(re.findall(r"^\| \[.+?\]\((\d\d_\w+)\.ipynb\).*\| (\d+) min \|", README, re.M))


def text_of(name: str) -> str:
    return "\n\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")


def prose_by_section(name: str) -> dict[str, str]:
    """Title, without its minutes, and text of each `##` section."""
    found = re.split(render.SECTION, text_of(name))[1:]  # title, minutes, text, title, ...
    return dict(zip(found[::3], found[2::3], strict=True))


@cache
def public_names() -> set[str]:
    """Functions and classes of the package."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "rppg_core").rglob("*.py")]
    kinds = ast.FunctionDef, ast.ClassDef
    return {node.name for tree in trees for node in tree.body if isinstance(node, kinds)}


def test_there_is_a_course():
    assert "00_start_here" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_first_cell_says_what_for_whom_and_how_long(name):
    first = read(name).cells[0].source
    assert re.match(rf"# {name[:2]} · \S", first)
    for badge in ("mybinder.org/v2/gh/", "colab.research.google.com/github/"):
        assert re.search(re.escape(badge) + rf"\S+notebooks/{name}\.ipynb", first), badge
    for part in ("**You will be able to**", "**Needs**"):
        assert part in first
    assert re.search(r"\*\*Time\*\*: \d+ minutes with the exercises, \d+ seconds to run", first)


@pytest.mark.parametrize("name", NAMES)
def test_last_sections_come_in_their_order(name):
    titles = [title for title, _ in sections_of(name) if title in LAST]
    assert titles == [title for title in LAST if title in titles or title not in OPTIONAL]


@pytest.mark.parametrize("name", NAMES)
def test_minutes_of_the_sections_add_up_to_the_time_that_is_promised(name):
    minutes = render.find_minutes(read(name))
    assert {title for title, said in minutes.items() if said is None} == UNTIMED
    promised = re.search(r"\*\*Time\*\*: (\d+) minutes", read(name).cells[0].source)
    assert promised
    assert sum(said for said in minutes.values() if said) == int(promised[1]) == int(MINUTES[name])


@pytest.mark.parametrize("name", NAMES)
def test_last_cell_asks_to_shut_the_kernel_down(name):
    said = [cell.source for cell in read(name).cells if cell.source.startswith(render.SHUT_DOWN)]
    assert said == [render.LAST_CELL], "render it: python notebooks/render.py"
    assert read(name).cells[-1].source == render.LAST_CELL


@pytest.mark.parametrize("name", NAMES)
def test_second_cell_installs_the_package_where_it_is_missing(name):
    said = [k for k, cell in enumerate(read(name).cells) if cell.source == render.INSTALL_CELL]
    assert said == [1], "render it: python notebooks/render.py"
    assert render.HIDDEN in read(name).cells[1].metadata["tags"]
    assert not read(name).cells[1].outputs


@pytest.mark.parametrize("name", NAMES)
def test_colab_badge_says_that_it_needs_a_release(name):
    first = read(name).cells[0].source
    assert render.COLAB.search(first)
    assert f"notebooks/{name}.ipynb) {render.NOT_YET}" in first, "render it: python notebooks/render.py"


def test_install_cell_names_this_project_and_extras_that_it_has():
    (line,) = re.findall(r"^    %pip install --quiet (.+)$", render.INSTALL_CELL, re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours, *others = [Requirement(word) for word in shlex.split(line)]
    assert ours.name == project["name"]
    assert ours.extras and ours.extras <= set(project["optional-dependencies"])
    known = [Requirement(text).name for text in project["optional-dependencies"]["notebooks"]]
    assert {other.name for other in others} <= set(known)


@pytest.mark.parametrize("there", [True, False])
def test_install_cell_installs_only_where_the_package_is_missing(there, monkeypatch):
    from IPython.core.inputtransformer2 import TransformerManager

    code = TransformerManager().transform_cell(render.INSTALL_CELL)
    said = []
    shell = SimpleNamespace(run_line_magic=lambda name, words: said.append((name, words)))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: there or None)
    exec(code, {"get_ipython": lambda: shell})
    assert said == ([] if there else [("pip", 'install --quiet "rppg-lab[language]" anywidget')])


@pytest.mark.parametrize("name", NAMES)
def test_code_cells_are_short(name):
    lines = [len(code.splitlines()) for code in code_of(name)]
    assert max(lines) <= 30
    assert statistics.median(lines) <= 8


@pytest.mark.parametrize("name", NAMES)
def test_lesson_is_short_enough_to_be_read(name):
    n_cells = len(cells_of(name))
    assert 60 <= n_cells <= 80 if name in METHODS else n_cells < 100


@pytest.mark.parametrize("name", NAMES)
def test_text_stands_between_code(name):
    """Three code cells in a row are too many where a method is taught; older lessons have up to four."""
    kinds = "".join("c" if cell.cell_type == "code" else "t" for cell in read(name).cells)
    assert ("ccc" if name in METHODS else "ccccc") not in kinds


@pytest.mark.parametrize("name", METHODS)
def test_code_cells_of_a_method_are_shorter_still(name):
    assert statistics.median(len(code.splitlines()) for code in code_of(name)) <= 6


@pytest.mark.parametrize("name", METHODS)
def test_student_writes_in_every_part_and_within_the_first_quarter(name):
    """A part is a section whose heading names a class or a function of the method."""
    parts = {title: code for title, code in sections_of(name) if "`" in title}
    assert len(parts) >= 3
    assert not [title for title, code in parts.items() if "mine = None" not in code]
    cells = read(name).cells
    assert next(k for k, cell in enumerate(cells) if "mine = None" in cell.source) < len(cells) / 4


@pytest.mark.parametrize("name", METHODS)
def test_every_part_says_what_is_of_the_paper_what_of_the_released_code_and_what_is_ours(name):
    for title, text in prose_by_section(name).items():
        if "`" in title:
            places = [
                text.find(words) for words in ("*In the paper*: ", "*In the released code*: ", "*Ours*: ")
            ]
            assert -1 < places[0] < places[1] < places[2], title


@pytest.mark.parametrize("name", METHODS)
def test_ablations_stand_beside_a_constant(name):
    """A cell that compares a network with itself less a part also has a constant, in its figure or its table."""
    recipe = import_module(f"rppg_core.models.{name[3:]}.recipe")
    words = [f'"{variant.replace("-", " ")}"' for variant in recipe.ABLATIONS] + ['"alone"']
    ablations = [code for code in code_of(name) if any(word in code for word in words)]
    assert ablations
    assert not [code.splitlines()[0] for code in ablations if "constant" not in code]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_package_is_defined_again(name):
    tree = ast.parse("\n".join(code_of(name)))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert not defined & (public_names() | set(dir(builtins)))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module or "").startswith("rppg_core")
    }
    assigned = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert not imported & assigned, "an import is overwritten"


@pytest.mark.parametrize("name", NAMES)
def test_every_toy_is_shown_equal_to_the_real_one(name):
    cells = code_of(name)
    toys = {found for code in cells for found in re.findall(r"^(?:def|class) (toy_\w+)", code, re.M)}
    compared = "\n".join(
        code for code in cells if "assert_allclose(" in code or "assert_array_equal(" in code
    )
    assert {toy for toy in toys if not re.search(rf"\b{toy}\b", compared)} == set()


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_skipped_or_expected_to_fail(name):
    for cell in read(name).cells:
        assert not {"raises-exception", "skip-execution"} & set(cell.metadata.get("tags", []))
        shared = cell.source == render.INSTALL_CELL
        assert shared or not any(words in cell.source for words in ("!pip", "%pip", "sys.path"))
    assert "allow_errors" not in json.dumps(read(name).metadata)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_committed_without_errors_and_stay_small(name):
    outputs = outputs_of(name)
    assert outputs, "render it: python notebooks/render.py"
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not [output for output in outputs if WIDGET_MIME in output.get("data", {})]
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 1.5e6


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_picture_and_words(name):
    figures = [output for output in outputs_of(name) if PLOTLY_MIME in output.get("data", {})]
    assert figures
    for output in figures:
        layout = output["data"][PLOTLY_MIME]["layout"]
        assert "image/png" in output["data"]
        assert output["metadata"]["image/png"]["alt"] == layout["meta"]["alt"] == output["data"]["text/plain"]
        assert layout["title"]["text"].startswith("<b>")
        assert layout["paper_bgcolor"] == "rgba(0,0,0,0)", "a white figure hurts on a dark page"


@pytest.mark.parametrize("name", NAMES)
def test_links_to_files_and_doi_hold(name):
    prose = text_of(name)
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", prose):
        planned = target.endswith(".ipynb") and f"]({target})" in README
        assert planned or (FOLDER / target).is_file(), target
    assert re.search(r"https://doi\.org/10\.\d+/", prose.split("## References")[1])


def test_readme_lists_the_lessons_that_there_are():
    assert set(NAMES) <= set(re.findall(r"\((\d\d_\w+)\.ipynb\)", README))


def test_prose_is_spelled_right(tmp_path):
    for name in NAMES:
        text = "\n".join(cell.source for cell in read(name).cells)
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "codespell_lib", "--toml", str(ROOT / "pyproject.toml"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
