"""Figures on pages: captions without the breaks of a title, and sliders that say what they show."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from rppg_core.course import figures, network_figures, teach
from rppg_core.course.figures import Axes
from rppg_core.course.network_figures import AROUND_ZERO, FROM_ZERO, ON_CELLS
from rppg_core.course.page_figures import caption_html, figure_html, without_title

LONG = "A finding of so many words that its title has to be broken into at least two lines, if not three"
ALT = 'A line that rises from "zero" to one.'


def stored(figure):
    return json.loads(teach.described(figure, ALT).to_json())


def rising(height=1.0):
    axes = Axes("time (s)", "level", y_range=(0, 9))
    return figures.lines(
        [0, 1], {"a": [0, height]}, finding=f"{LONG}: {height}", axes=axes, data="made by hand"
    )


def test_caption_has_the_words_of_the_title_and_no_line_break():
    caption = caption_html(rising().layout.title.text)
    assert caption == f"<b>{LONG}: 1.0</b> <small>made by hand</small>"


def test_a_word_that_was_broken_at_its_hyphen_is_whole_again():
    assert caption_html("<b>a low-<br>rank matrix</b><br><span style='x'>by hand</span>") == (
        "<b>a low-rank matrix</b> <small>by hand</small>"
    )


def test_caption_shows_signs_that_html_reserves():
    assert caption_html("<b>r &lt; 0.3 & falling</b>") == "<b>r &lt; 0.3 &amp; falling</b>"


def test_a_figure_without_its_title_keeps_the_height_of_its_plot():
    whole = rising().layout.to_plotly_json()
    plain = without_title(whole)
    assert "title" not in plain

    def height(layout):
        return layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]

    assert height(plain) == height(whole)
    assert 0 < plain["margin"]["t"] < whole["margin"]["t"]


def test_a_figure_is_a_picture_with_all_of_its_words():
    html = figure_html(stored(rising()))
    assert 'role="img"' in html
    assert "tabindex" not in html
    assert f'aria-label="{ALT.replace(chr(34), "&quot;")}"' in html


def test_a_figure_with_a_slider_is_a_slider_with_a_caption_for_every_stop():
    html = figure_html(stored(teach.slider(rising, [1.0, 2.0, 4.0], name="height", start=2.0)))
    assert 'role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="2" aria-valuenow="1"' in html
    captions = re.findall(r"<span( class=\"now\")?><b>(.+?)</b>", html)
    assert [words for _, words in captions] == [f"{LONG}: {height}" for height in (1.0, 2.0, 4.0)]
    assert [bool(now) for now, _ in captions] == [False, True, False]
    parts = json.loads(re.search(r'<script type="application/json">(.+?)</script>', html, re.S)[1])
    assert all("title" not in frame["layout"] for frame in parts["frames"])


@pytest.mark.parametrize(("numbers", "marked"), [(True, True), (False, False)])
def test_ink_on_cells_follows_the_cells(numbers, marked):
    cells = network_figures.cells_with_numbers(np.ones((1, 1)), ["r"], ["c"], finding="One number")
    assert ('class="on-cells"' in figure_html(stored(cells if numbers else rising()))) == marked


@pytest.mark.parametrize("colour", [colour for _, colour in FROM_ZERO])
def test_numbers_can_be_read_on_every_cell(colour):
    def light(code):
        parts = np.array([int(code[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    assert (light(colour) + 0.05) / (light(ON_CELLS) + 0.05) >= 4.5
    assert AROUND_ZERO[1][1] == FROM_ZERO[0][1], "zero has one colour"
