"""The course keeps its promises: lessons are built alike, exercises can be solved, complaints lead to a section.

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
from html import unescape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

pytest.importorskip("nbformat")

import nbformat

from notebooks import render
from rppg_core.course.answers import Question, all_answers, all_questions
from rppg_core.course.teach import PLOTLY_MIME, WIDGET_MIME

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
NAMES = [path.stem for path in LESSONS]
README = (FOLDER / "README.md").read_text(encoding="utf-8")
HOMES = dict(re.findall(r"^\| `(\w+)` \| (\d\d_\w+) \|$", README, re.M))
LAST = ("Break it", "Summary", "More exercises", "Glossary", "References", "Next")
OPTIONAL = {"More exercises"}  # most exercises stand in the section that they belong to
UNTIMED = {"Glossary", "References", "Next"}  # for looking things up
UNASKED = {*LAST[1:], "The map of the course"}  # sections without a question, besides the first
METHODS = [name for name in NAMES if name >= "10"]  # lessons on one method
MINUTES = dict(re.findall(r"^\| \[.+?\]\((\d\d_\w+)\.ipynb\).*\| (\d+) min \|", README, re.M))


@cache
def read(name: str):
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_of(name: str) -> list[str]:
    """The code of the lesson, without the cell that all lessons share, which is IPython and not Python."""
    cells = [cell.source for cell in read(name).cells if cell.cell_type == "code"]
    return [source for source in cells if source != render.INSTALL_CELL]


def prose_of(name: str) -> str:
    return "\n\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")


def outputs_of(name: str) -> list:
    return [output for cell in read(name).cells for output in cell.get("outputs", [])]


def names_in(tree: ast.AST, function: str) -> list[str]:
    """First arguments of the calls of `function`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        node.args[0].value
        for node in calls
        if isinstance(node.func, ast.Name)
        and node.func.id == function
        and isinstance(node.args[0], ast.Constant)
    ]


def called_in(name: str, function: str) -> list[str]:
    """The keys that a lesson's cells hand to `ask` or `check`, in their order."""
    return [found for cell in code_of(name) for found in names_in(ast.parse(cell), function)]


def questions_of(name: str) -> dict[str, Question]:
    return import_module(f"rppg_core.course.answers.{name[3:]}").QUESTIONS


def sections_of(name: str) -> list[tuple[str, str]]:
    """Title, without its minutes, and code of each `##` section."""
    sections: list[tuple[str, str]] = []
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            sections += [(title, "") for title, _ in render.SECTION.findall(cell.source)]
        elif sections:
            sections[-1] = sections[-1][0], sections[-1][1] + "\n" + cell.source
    return sections


def prose_by_section(name: str) -> dict[str, str]:
    """Title, without its minutes, and text of each `##` section."""
    found = re.split(render.SECTION, prose_of(name))[1:]  # title, minutes, text, title, ...
    return dict(zip(found[::3], found[2::3], strict=True))


@cache
def public_names() -> set[str]:
    """Functions and classes of the package."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "rppg_core").rglob("*.py")]
    kinds = ast.FunctionDef, ast.ClassDef
    return {node.name for tree in trees for node in tree.body if isinstance(node, kinds)}


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
    assert said == ([] if there else [("pip", 'install --quiet "rppg-lab[neural]" anywidget')])


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
def test_code_cells_are_short(name):
    lines = [len(code.splitlines()) for code in code_of(name)]
    assert max(lines) <= 30
    assert statistics.median(lines) <= 8


@pytest.mark.parametrize("name", NAMES)
def test_lesson_is_short_enough_to_be_read(name):
    shared = (render.INSTALL_CELL, render.LAST_CELL)
    n_cells = sum(cell.source not in shared for cell in read(name).cells)
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


@pytest.mark.parametrize("name", NAMES)
def test_cell_that_asks_or_checks_holds_no_answer(name):
    """Neither the right choice nor the known answer may stand in the cell that asks for it, or be shown by it."""
    for cell in read(name).cells:
        if cell.cell_type == "code" and "check(" in cell.source and "mine = None" in cell.source:
            assert re.search(r'^mine = None\ncheck\("\w+", mine\)$', cell.source.strip(), re.M), cell.source
            assert {output.output_type for output in cell.outputs} == {"stream"}, (
                "only the check itself prints"
            )


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
    prose = prose_of(name)
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", prose):
        planned = target.endswith(".ipynb") and f"]({target})" in README
        assert planned or (FOLDER / target).is_file(), target
    assert re.search(r"https://doi\.org/10\.\d+/", prose.split("## References")[1])


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
