"""The course in JupyterLab as `make lab` opens it, in a real browser, and the links between its pages.

One server on a copy of the course serves all tests, and one run of one lesson; the tree stays as it was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen

import pytest

from tests.demo.browser import ROOT, launched, require_browser, snapshot, watched

pytest.importorskip("nbformat")

import nbformat

from notebooks import render
from rppg_core.course.answers import all_questions

LESSON = "01_pulse_from_colour"
QUESTION = "channel_of_blood"  # one that this lesson asks
WEBGL = (
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # the cube of colours is 3-D
WAIT_S = 240  # what takes 20 s on an idle machine may take ten times that beside a training
RUN_MENU = ("Run", "Run All Cells")
LINES = """plot => [...plot.querySelectorAll('.scatterlayer path.js-line')]
    .map(line => line.getAttribute('d')).join()"""
CONFIG = """
c.ServerApp.port, c.ServerApp.port_retries = {port}, 0
c.ServerApp.allow_root = True
c.ServerApp.browser = "{opener} %s"
c.IdentityProvider.token = ""
"""
NO_NEWS = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}

in_browser = [pytest.mark.browser, pytest.mark.timeout(2 * WAIT_S)]


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs."""

    url: str  # what it opened
    notebooks: Path


@pytest.fixture(scope="module")
def chromium(playwright):
    """One that draws in three dimensions without a graphics card."""
    browser = launched(playwright, *WEBGL)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """`make lab` in a folder with a copy of the course; a script stands where the user's web browser would."""
    require_browser()
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(
        ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns("__pycache__", ".ipynb_*")
    )
    opener, opened = home / "opener", home / "opened"
    opener.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    opener.chmod(0o755)
    (home / "config" / "labconfig").mkdir(parents=True)
    config = CONFIG.format(port=free_port(), opener=opener)
    (home / "config" / "jupyter_server_config.py").write_text(config)
    (home / "config" / "labconfig" / "page_config.json").write_text(json.dumps(NO_NEWS))
    folders = {f"JUPYTER_{kind}_DIR": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "JUPYTER"))
    }
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "make",
                "-f",
                ROOT / "Makefile",
                "-o",
                ".venv/installed",
                f"BIN={Path(sys.executable).parent}",
                "lab",
            ],
            cwd=home,
            env={**inherited, **folders, "IPYTHONDIR": str(home / "ipython")},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            until = monotonic() + WAIT_S
            while not opened.exists() and process.poll() is None and monotonic() < until:
                sleep(0.2)
            assert opened.exists(), (home / "log").read_text()
            yield Lab(led_to(opened.read_text().strip()), home / "notebooks")
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # make and JupyterLab, which ends its kernels
            process.wait(60)


def led_to(redirecting: str) -> str:
    """Where a file that Jupyter hands to the web browser leads."""
    page = urlopen(redirecting).read().decode()
    found = re.search(r'http-equiv="refresh" content="\d+;\s*url=([^"]+)"', page)
    assert found, page
    return found[1]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture(scope="module")
def lesson(lab, chromium):
    """The lesson in JupyterLab after all its cells have run."""
    page = patient(watched(chromium, lab.url, width=1100, height=1400))
    page.goto(lab.url.replace("00_start_here", LESSON) + "?reset")  # without what another page had open
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    for item in RUN_MENU:
        page.get_by_role("menuitem", name=item, exact=True).click()
    page.wait_for_selector(".widget-vbox .js-plotly-plot .main-svg", state="attached")
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    return page


def patient(page):
    page.set_default_timeout(WAIT_S * 1000)
    return page


def wait_until_redrawn(plot, before: str) -> None:
    """Wait until the curves of a plot are others than before; a figure that stays fails the test."""
    plot.page.wait_for_function(
        f"([plot, before]) => ({LINES})(plot) !== before", arg=[plot.element_handle(), before], timeout=60_000
    )


def saved_since(path: Path, mtime_ns: int) -> bool:
    """The notebook was written after that time, and to its end."""
    return path.stat().st_mtime_ns != mtime_ns and path.read_text(encoding="utf-8").endswith("}\n")


class TestLab:
    pytestmark = in_browser

    def test_make_lab_opens_the_first_lesson(self, lab, chromium):
        page = patient(watched(chromium, lab.url, width=1100))
        page.goto(lab.url)
        title = page.locator(".jp-NotebookPanel .jp-RenderedMarkdown h1").first
        title.wait_for()
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        snapshot(page, "lab-00")
        assert title.inner_text().startswith("00 · Start here")
        page.close()

    def test_every_cell_of_the_lesson_runs(self, lab, lesson):
        path = lab.notebooks / f"{LESSON}.ipynb"
        before = path.stat().st_mtime_ns
        lesson.keyboard.press("Control+s")
        until = monotonic() + 60
        while not saved_since(path, before) and monotonic() < until:
            sleep(0.2)
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        assert not [out for cell in cells for out in cell.outputs if out.output_type == "error"]
        assert not [out for cell in cells for out in cell.outputs if out.get("name") == "stderr"]

    def test_choice_of_a_question_replies_and_another_may_be_tried(self, lesson):
        question = all_questions()[QUESTION]
        box = lesson.locator(".widget-vbox", has_text=question.asks).first
        box.scroll_into_view_if_needed()
        buttons = box.locator(".rppg-choice")
        assert buttons.count() == len(question.choices(QUESTION))
        for choice in (*question.wrong, question.right):
            button = buttons.filter(has_text=choice)
            button.click()
            box.get_by_text(question.reply(choice)).wait_for()
            assert button.evaluate("button => button.scrollWidth <= button.clientWidth"), (
                "no choice is cut off"
            )
        snapshot(lesson, "lab-01-question")

    def test_control_changes_the_figure_below_it(self, lesson):
        panel = lesson.locator(".widget-vbox", has=lesson.locator(".js-plotly-plot")).first
        panel.scroll_into_view_if_needed()
        plot, readout = panel.locator(".js-plotly-plot").first, panel.locator(".widget-readout").first
        before, said = plot.evaluate(LINES), readout.inner_text()
        handle = panel.locator(".widget-slider .noUi-handle").first
        handle.focus()
        handle.press("ArrowRight")
        wait_until_redrawn(plot, before)
        snapshot(lesson, "lab-01-live")
        assert readout.inner_text() != said

    def test_slider_of_a_figure_moves_it(self, lesson):
        plot = lesson.locator(".js-plotly-plot", has=lesson.locator(".slider-group")).first
        plot.scroll_into_view_if_needed()
        before, height = plot.evaluate(LINES), plot.bounding_box()["height"]
        drag_to_the_left_end(plot)
        wait_until_redrawn(plot, before)
        snapshot(lesson, "lab-01-slider")
        assert plot.bounding_box()["height"] == height, "the figure stays in sight"


def drag_to_the_left_end(plot) -> None:
    """Take the grip of a plot's slider and pull it, as a hand does."""
    mouse, grip = plot.page.mouse, plot.locator(".slider-grip-rect").bounding_box()
    rail = plot.locator(".slider-rail-touch-rect").bounding_box()
    height = grip["y"] + grip["height"] / 2
    mouse.move(grip["x"] + grip["width"] / 2, height)
    mouse.down()
    mouse.move(rail["x"] + rail["width"] / 4, height, steps=3)
    mouse.move(rail["x"] + 4, height)
    mouse.up()


def test_links_between_pages_lead_somewhere(tmp_path):
    render.write_text_pages(tmp_path)
    for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"):
        render.write_page(path.stem, nbformat.read(path, as_version=4), tmp_path)
    text = {page: page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")}
    planned = set(re.findall(r"(\d\d_\w+)\.html", text[tmp_path / "README.html"]))
    followed = 0
    for page, words in text.items():
        for target, anchor in re.findall(r'href="(?!https?:)([^"#]*)(?:#([^"]*))?"', words):
            place = (page.parent / target).resolve() if target else page
            if place in text:
                assert not anchor or f'id="{anchor}"' in text[place], f"{page.name}: {target}#{anchor}"
                followed += 1
            else:
                assert place.stem in planned, f"{page.name}: {target}"
    assert followed > 5
