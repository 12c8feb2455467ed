"""The pages of all lessons in a real browser: on a phone and on a desk, in the light and in the dark.

They are made from the committed outputs. One page per lesson stays open; it is resized and repainted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.course.test_jupyterlab import chromium, drag_to_the_left_end
from tests.demo.browser import ROOT, no_foreign_requests, require_browser, snapshot, watched
from tests.demo.test_browser_access import axe, serious

pytest.importorskip("nbformat")

import nbformat

from notebooks import render
from rppg_core.course.network_figures import ON_CELLS
from rppg_core.course.teach import PLOTLY_MIME

__all__ = ["axe", "chromium"]  # also fixtures

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
TEXTS = ["README", *(f"solutions/{name}" for name in LESSONS)]
LOOKS = [(400, "light"), (400, "dark"), (1280, "light"), (1280, "dark")]
JUDGED = LOOKS[::3]  # by axe, which takes its time: both widths and both schemes
DRAWN = """() => [...document.querySelectorAll('figure')].every(figure => figure.querySelector('.main-svg')
    && Math.abs(figure.querySelector('.main-svg').clientWidth - figure.clientWidth) < 2)"""
# text of figures and captions that reaches beyond its figure, one pixel of rounding apart
BEYOND = """() => [...document.querySelectorAll('figure')].flatMap(figure => {
  const room = figure.getBoundingClientRect();
  return [...figure.querySelectorAll('svg text, figcaption')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.width && (box.left < room.left - 1 || box.right > room.right + 1 || box.top < room.top - 1
      || box.bottom > room.bottom + 1);
  }).map(text => text.textContent);
})"""
# names below bars and above cells that lie on each other
OVER_EACH_OTHER = """() => [...document.querySelectorAll('.xaxislayer-above')].flatMap(axis => {
  const boxes = [...axis.querySelectorAll('text')].map(text => [text.getBoundingClientRect(), text.textContent]);
  return boxes.flatMap(([one, name], k) => boxes.slice(k + 1).filter(([other]) => one.left + 1 < other.right
    && other.left + 1 < one.right && one.top + 1 < other.bottom && other.top + 1 < one.bottom)
    .map(([, next]) => `${name} / ${next}`));
})"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
INKS = """() => [...new Set([...document.querySelectorAll('.on-cells .heatmap-label text')]
    .map(text => getComputedStyle(text).fill))]"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """All pages of the course."""
    require_browser()
    made = tmp_path_factory.mktemp("course")
    render.write_scripts(made)
    render.write_text_pages(made)
    for name in LESSONS:
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        render.write_page(name, notebook, made)
    return made


@pytest.fixture(scope="module")
def opened(chromium, folder):
    """Opens a page of the course, each only once."""
    pages = {}

    def open_page(name: str):
        if name not in pages:
            pages[name] = page = watched(chromium, folder.as_uri(), width=400)
            page.goto((folder / f"{name}.html").as_uri())
        return pages[name]

    return open_page


def look(page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(300)  # a figure that was just drawn again


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("name", LESSONS)
def test_nothing_of_a_lesson_is_cut_off_and_nobody_is_shut_out(opened, axe, name, width, scheme):
    page = opened(name)
    look(page, width, scheme)
    snapshot(page, f"page-{name}-{width}-{scheme}")
    assert page.evaluate(WIDER) <= 0, "the page does not scroll sideways"
    assert page.evaluate(BEYOND) == []
    assert page.evaluate(OVER_EACH_OTHER) == []
    assert page.locator(".gtitle").count() == 0, "titles are captions, which wrap"
    assert (width, scheme) not in JUDGED or serious(page, axe) == []
    assert page.failed == []
    no_foreign_requests(page)


@pytest.mark.parametrize("name", TEXTS)
def test_text_pages_fit_a_phone_and_shut_nobody_out(opened, axe, name):
    page = opened(name)
    assert page.evaluate(WIDER) <= 0
    assert serious(page, axe) == []
    assert page.failed == []


@pytest.mark.parametrize("name", LESSONS)
def test_numbers_on_coloured_cells_keep_their_ink_in_the_dark(opened, name):
    page = opened(name)
    look(page, 400, "dark")
    red, green, blue = (int(ON_CELLS[k : k + 2], 16) for k in (1, 3, 5))
    cells = page.locator(".on-cells .heatmap-label text").count()
    assert page.evaluate(INKS) == ([f"rgb({red}, {green}, {blue})"] if cells else [])


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("name", LESSONS)
def test_every_slider_moves_by_mouse_and_by_keys(opened, name, width):
    page = opened(name)
    look(page, width, "light")
    plots = page.locator("figure [role=slider]").all()
    assert len(plots) == count_sliders(name)
    for plot in plots:
        move_by_keys(plot)
        move_by_mouse(plot)


def count_sliders(name: str) -> int:
    """Figures of a notebook that have a slider."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    figures = [output["data"][PLOTLY_MIME] for output in render.list_figures(notebook)]
    return sum(bool(figure["layout"].get("sliders")) for figure in figures)


def said_by(plot) -> tuple[str, str]:
    """The stop and the finding as a screen reader reads them, and the caption that is seen."""
    shown = plot.locator("xpath=preceding-sibling::figcaption").locator(".now").inner_text()
    return plot.get_attribute("aria-valuetext") or "", " ".join(shown.split())


def wait_for_stop(plot, at: int) -> None:
    plot.page.wait_for_function(
        "([plot, at]) => plot.getAttribute('aria-valuenow') === at", arg=[plot.element_handle(), str(at)]
    )
    heard, seen = said_by(plot)
    assert heard.endswith(seen)
    label = plot.locator(".slider-label").first.text_content() or ""
    assert heard.startswith(label), "the picture, the caption and the voice agree"


def move_by_keys(plot) -> None:
    last = int(plot.get_attribute("aria-valuemax") or 0)
    drawn = {}
    plot.focus()
    for key, stop in (("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("ArrowLeft", 0), ("End", last)):
        plot.press(key)
        wait_for_stop(plot, stop)
        drawn[key] = plot.evaluate("plot => plot.querySelector('.cartesianlayer').innerHTML")
    assert drawn["Home"] != drawn["End"], "the curves move as well"


def move_by_mouse(plot) -> None:
    """From the last stop to the first."""
    plot.scroll_into_view_if_needed()
    drag_to_the_left_end(plot)
    wait_for_stop(plot, 0)


def test_a_page_that_becomes_narrow_keeps_the_stop_of_its_slider(opened):
    page = opened("03_faces_to_maps")
    look(page, 1280, "light")
    plot = page.locator("figure [role=slider]").first
    plot.focus()
    plot.press("Home")
    plot.press("ArrowRight")
    wait_for_stop(plot, 1)
    drawn = plot.evaluate("plot => plot.clientWidth")
    look(page, 400, "light")
    wait_for_stop(plot, 1)
    assert plot.evaluate("plot => plot.clientWidth") < drawn
    assert plot.get_attribute("aria-valuenow") == "1"
