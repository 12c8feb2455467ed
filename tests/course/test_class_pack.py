"""`make class-pack`: the zip holds the whole course, its bytes follow from its inputs, and stale pages stop it."""

from __future__ import annotations

import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("nbformat")
pytest.importorskip("nbconvert")
pytest.importorskip("latex2mathml")

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from notebooks import class_pack, render
from rppg_core.errors import UsageError
from tests.fresh_environment import require_index

ROOT = Path(__file__).parents[2]
NAMES = ("98_early", "99_late")
ASKS = 'ask("rate_of_a_wall")'


def lesson(name: str) -> nbformat.NotebookNode:
    shown = new_output("display_data", {"text/plain": "a question"})
    cells = [new_markdown_cell(f"# {name[:2]} · A lesson"), new_code_cell(ASKS, outputs=[shown])]
    notebook = new_notebook(cells=cells)
    render.settle(notebook)
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A folder with `notebooks/`, their `pages/`, and a wheel."""
    folder = tmp_path_factory.mktemp("course")
    notebooks, pages = folder / "notebooks", folder / "pages"
    (notebooks / "solutions").mkdir(parents=True)
    (notebooks / "README.md").write_text("# The course\n\n[98](98_early.ipynb)\n")
    (notebooks / "TEACHING.md").write_text("# Teaching\n")
    (notebooks / "render.py").write_text("")
    for name in NAMES:
        nbformat.write(lesson(name), notebooks / f"{name}.ipynb")
        (notebooks / "solutions" / f"{name}.md").write_text(f"# {name}\n")
    for name, source in class_pack.sources_of_pages(notebooks).items():
        render.write_page(name, source, pages)
    render.write_scripts(pages)
    (folder / "rppg_lab-9-py3-none-any.whl").write_bytes(b"wheel")
    return folder


@pytest.fixture
def copied(course, tmp_path) -> Path:
    """The same folder, for a test that changes it."""
    return Path(shutil.copytree(course, tmp_path / "course"))


def pack(folder: Path, name: str = "class-pack.zip") -> Path:
    (wheel,) = folder.glob("*.whl")
    return class_pack.write_pack(folder / name, wheel, notebooks=folder / "notebooks", pages=folder / "pages")


def test_pack_holds_everything_and_nothing_else(course):
    texts = ["README", *(f"solutions/{name}" for name in NAMES)]
    assert set(zipfile.ZipFile(pack(course)).namelist()) == {
        f"class-pack/{name}"
        for name in (
            "README.txt",
            "wheels.txt",
            "wheels/rppg_lab-9-py3-none-any.whl",
            "notebooks/TEACHING.md",
            *(f"notebooks/{name}.md" for name in texts),
            *(f"notebooks/{name}.ipynb" for name in NAMES),
            *(f"pages/{name}.html" for name in (*texts, *NAMES)),
            "pages/lessons.js",
            "pages/plotly.min.js",
        )
    }


def test_real_course_is_packed_whole():
    names = {str(path.relative_to(render.NOTEBOOKS)) for path in class_pack.list_course(render.NOTEBOOKS)}
    lessons = [path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")]
    assert {"README.md", "TEACHING.md"} < names
    assert {f"{name}.ipynb" for name in lessons} | {f"solutions/{name}.md" for name in lessons} < names
    pages = set(class_pack.sources_of_pages(render.NOTEBOOKS))
    assert pages == {"README", *lessons, *(f"solutions/{name}" for name in lessons)}


def test_pack_has_no_path_of_this_machine(course):
    with zipfile.ZipFile(pack(course)) as packed:
        for name in packed.namelist():
            assert not name.startswith("/") and ".." not in name
            if not name.endswith("plotly.min.js"):
                text = packed.read(name).decode()
                assert not [place for place in (course, ROOT, Path.home()) if f"{place}/" in text], name
    for path in class_pack.list_course(render.NOTEBOOKS):
        assert f"{ROOT}/" not in path.read_text(encoding="utf-8"), path.name


def test_same_inputs_give_the_same_bytes(copied):
    before = pack(copied, "one.zip").read_bytes()
    for path in [path for path in copied.rglob("*") if path.is_file()]:
        path.touch(mode=0o755)
        path.chmod(0o600)
    assert pack(copied, "two.zip").read_bytes() == before


def change_a_text(folder: Path) -> str:
    (folder / "notebooks" / "README.md").write_text("# Another course\n")
    return "out of date: README.html"


def change_an_output(folder: Path) -> str:
    path = folder / "notebooks" / f"{NAMES[0]}.ipynb"
    path.write_text(path.read_text().replace("a question", "another"))
    return f"out of date: {NAMES[0]}.html"


def lose_a_page(folder: Path) -> str:
    (folder / "pages" / "solutions" / f"{NAMES[1]}.html").unlink()
    return f"missing: solutions/{NAMES[1]}.html"


def lose_the_script(folder: Path) -> str:
    (folder / "pages" / "plotly.min.js").unlink()
    return "missing: plotly.min.js"


def keep_an_old_script(folder: Path) -> str:
    (folder / "pages" / "lessons.js").write_text("old")
    return "out of date: lessons.js"


@pytest.mark.parametrize(
    "change", [change_a_text, change_an_output, lose_a_page, lose_the_script, keep_an_old_script]
)
def test_pages_that_are_missing_or_out_of_date_stop_the_pack_and_say_what_to_run(copied, change):
    said = change(copied)
    with pytest.raises(UsageError) as error:
        pack(copied, "stopped.zip")
    assert said in str(error.value)
    assert "run make render-notebooks" in str(error.value)
    assert not (copied / "stopped.zip").exists()


def test_page_is_out_of_date_when_a_reply_of_the_package_changes(copied, monkeypatch):
    monkeypatch.setattr(render, "question_html", lambda key, replies: "another reply")
    with pytest.raises(UsageError, match=r"out of date: 98_early\.html, 99_late\.html;"):
        pack(copied)


def test_list_of_wheels_pins_all_that_the_course_needs_in_the_tested_versions():
    pins = dict(line.split("==") for line in class_pack.list_wheels())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {canonicalize_name(Requirement(text).name)
             for text in project["dependencies"] + extras["neural"] + extras["notebooks"]}  # fmt: skip
    assert asked < set(pins), "and what these need"
    assert {"ipython", "sympy", "tornado"} < set(pins)
    assert not {"gradio", "pytest", canonicalize_name(project["name"])} & set(pins)
    tested = dict(re.findall(r"^([\w.-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.M))
    tested = {canonicalize_name(name): version for name, version in tested.items()}
    assert {name: version for name, version in pins.items() if tested.get(name, version) != version} == {}


def test_readme_of_the_pack_names_what_is_there(course):
    with zipfile.ZipFile(pack(course)) as packed:
        text, names = packed.read("class-pack/README.txt").decode(), packed.namelist()
        pins = packed.read("class-pack/wheels.txt").decode().splitlines()
    for name in re.findall(r"[\w./-]+\.(?:html|ipynb|md|txt|whl)\b", text):
        there = any(entry.endswith(f"/{name}") for entry in names)
        assert there or (ROOT / name).is_file(), name
    assert "pip download -r wheels.txt -d wheels" in text
    assert '--no-index --find-links wheels "rppg-lab[neural,notebooks]"' in text
    assert re.search(r"torch==\S+", text)[0] in pins


def test_make_renders_only_where_there_is_no_page_yet():
    text = (ROOT / "Makefile").read_text()
    assert re.search(r"^class-pack: \.venv/installed out/notebooks/README\.html  ##", text, re.M)
    assert re.search(r"^out/notebooks/README\.html:\n\t.*render-notebooks$", text, re.M)


@pytest.mark.installs
@pytest.mark.timeout(600)
def test_wheel_of_the_pack_is_that_of_this_checkout(tmp_path):
    require_index(tmp_path / "reached", "hatchling")
    wheel = class_pack.build_wheel(tmp_path)
    assert "rppg_core/course/teach.py" in zipfile.ZipFile(wheel).namelist()
    again = tmp_path / "again"
    again.mkdir()
    assert class_pack.build_wheel(again).read_bytes() == wheel.read_bytes()
