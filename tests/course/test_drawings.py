"""Drawings of the idea of a network, one wide and one narrow, that lie in modules of `course.drawings`."""

from __future__ import annotations

import pytest

pytest.importorskip("plotly")

from rppg_core.course.drawings import codephys, find_narrow_picture, physllm, physvlm, tastnet
from rppg_core.course.network_figures import half_height

DRAWINGS = pytest.mark.parametrize(
    "drawing", [physllm, codephys, physvlm, tastnet], ids=["physllm", "codephys", "physvlm", "tastnet"]
)


@DRAWINGS
def test_wide_and_narrow_drawing_have_every_box_once_and_no_two_overlap(drawing):
    wide = drawing.idea_picture(finding="What is seen", note="made by hand")
    for figure, boxes in ((wide, drawing.BOXES), (drawing.narrow_picture(), drawing.NARROW)):
        words = [(note.text, note.x, note.y) for note in figure.layout.annotations]
        assert all(words.count((box.words, box.x, box.y)) == 1 for box in boxes.values())
        (left, right), (bottom, top) = figure.layout.xaxis.range, figure.layout.yaxis.range
        sides = [
            (b.x - b.width / 2, b.x + b.width / 2, b.y - half_height(b), b.y + half_height(b))
            for b in boxes.values()
        ]
        for k, (x0, x1, y0, y1) in enumerate(sides):
            assert left <= x0 < x1 <= right and bottom <= y0 < y1 <= top
            for u0, u1, v0, v1 in sides[k + 1 :]:
                assert u0 >= x1 or u1 <= x0 or v0 >= y1 or v1 <= y0


@DRAWINGS
def test_narrow_page_finds_the_drawing_of_this_network(drawing):
    narrow = find_narrow_picture({box.words for box in drawing.BOXES.values()})
    assert narrow == drawing.narrow_picture()


@DRAWINGS
def test_flows_go_to_the_right_and_on_a_narrow_page_down(drawing):
    for start, end in drawing.FLOWS:
        one, other = drawing.BOXES[start], drawing.BOXES[end]
        assert one.x + one.width / 2 < other.x - other.width / 2
        one, other = drawing.NARROW[start], drawing.NARROW[end]
        assert one.y - half_height(one) > other.y + half_height(other)
