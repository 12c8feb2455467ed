"""Figures of the lessons on networks: what is given stands where it belongs, under its own name."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.course.drawings import physmle
from rppg_core.course.network_figures import HEIGHT, Panel, cells_with_numbers, half_height, matrices, panels

WIDE = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
ROW = np.array([[7.0, 8.0]])


def rectangles(figure) -> set[tuple[float, float, float, float]]:
    return {(s.x0, s.x1, s.y0, s.y1) for s in figure.layout.shapes if s.type == "rect"}


def cell_of(heat, row: int, column: int) -> tuple[float, float, float, float]:
    """The square that a heat map, whose cells have size one, draws for a number."""
    x, y = float(heat.x[column]), float(heat.y[row])
    return (x - 0.5, x + 0.5, y - 0.5, y + 0.5)


def test_matrices_show_the_given_numbers_with_the_first_row_on_top():
    figure = matrices({"wide": WIDE, "row": ROW}, finding="Two of them")
    wide, row = figure.data
    np.testing.assert_array_equal(wide.z, WIDE)
    np.testing.assert_array_equal(row.z, ROW)
    assert list(np.diff(wide.y)) == [1.0]
    assert figure.layout.yaxis.autorange == "reversed"


def test_matrices_stand_side_by_side_with_cells_of_one_size():
    wide, row = matrices({"wide": WIDE, "row": ROW}, finding="Two of them").data
    assert set(np.diff(wide.x)) == set(np.diff(row.x)) == {1.0}
    assert min(row.x) - max(wide.x) > 1.0, "a gap is left between two matrices"
    assert np.mean(row.y) == np.mean(wide.y), "the smaller one is in the middle"


def test_matrices_stand_under_their_names():
    figure = matrices({"wide": WIDE, "row": ROW}, finding="Two of them")
    assert figure.layout.xaxis.ticktext == ("wide", "row")
    np.testing.assert_allclose(figure.layout.xaxis.tickvals, [np.mean(heat.x) for heat in figure.data])


def test_matrices_share_their_colours_with_zero_in_the_middle():
    for heat in matrices({"wide": WIDE, "row": ROW}, finding="Two of them").data:
        assert (heat.zmin, heat.zmax) == (-8.0, 8.0)
    for heat in matrices({"wide": WIDE, "row": ROW}, finding="Two of them", limit=20.0, from_zero=True).data:
        assert (heat.zmin, heat.zmax) == (0.0, 20.0)


def test_matrices_have_one_colour_bar():
    figure = matrices({"wide": WIDE, "row": ROW, "again": WIDE}, finding="Three of them")
    assert [heat.showscale for heat in figure.data] == [True, False, False]


@pytest.mark.parametrize("part", [WIDE, WIDE[:1], np.arange(12.0).reshape(3, 4)])
def test_matrices_frame_the_marked_cells_of_every_matrix(part):
    marked = [(0, 1), (0, 2)]
    figure = matrices({"tall": np.ones((4, 3)), "part": part}, finding="Two cells", marked=marked)
    wanted = {cell_of(heat, *cell) for heat in figure.data for cell in marked}
    assert len(wanted) == 4
    assert rectangles(figure) == wanted


def test_matrices_of_zeros_can_be_drawn():
    (heat,) = matrices({"nothing": np.zeros((2, 2))}, finding="Nothing").data
    assert heat.zmax > heat.zmin


def test_cells_are_written_with_two_decimals():
    (heat,) = cells_with_numbers(np.array([[0.126, 1.0]]), ["r"], ["a", "b"], finding="Two numbers").data
    assert [list(row) for row in heat.text] == [["0.13", "1.00"]]


def test_cells_write_the_given_words_over_colours_of_the_numbers():
    values, words = np.array([[0.0, 0.5], [0.25, 2.0]]), [["none", "half"], ["some", "all"]]
    figure = cells_with_numbers(
        values, ["up", "down"], ["left", "right"], finding="Words", words=words, top=2.0
    )
    (heat,) = figure.data
    assert [list(row) for row in heat.text] == words
    assert heat.texttemplate == "%{text}"
    np.testing.assert_array_equal(heat.z, values)
    assert (heat.zmin, heat.zmax) == (0, 2.0)


def test_rows_of_cells_are_named_from_above():
    figure = cells_with_numbers(np.zeros((2, 1)), ["up", "down"], ["only"], finding="Names")
    assert figure.data[0].y == ("up", "down")
    assert figure.data[0].x == ("only",)
    assert figure.layout.yaxis.autorange == "reversed"


def test_names_that_are_numbers_stay_names():
    figure = cells_with_numbers(np.zeros((2, 2)), ["1", "16"], ["10", "2"], finding="Ranks")
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "category"


@pytest.fixture
def four_plots():
    x = np.arange(3.0)
    parts = {f"plot {k}": Panel(x + k, k * x, f"quantity {k} (Hz)") for k in range(4)}
    return panels(parts, finding="Four plots", columns=3)


def test_panels_draw_each_curve_in_a_plot_of_its_own(four_plots):
    assert len(four_plots.data) == 4
    assert len({(curve.xaxis, curve.yaxis) for curve in four_plots.data}) == 4
    for k, curve in enumerate(four_plots.data):
        assert curve.name == f"plot {k}"
        np.testing.assert_array_equal(curve.x, np.arange(3.0) + k)
        np.testing.assert_array_equal(curve.y, k * np.arange(3.0))


def axis_of(figure, key: str):
    """The axis that a curve names "x" or "x3"."""
    return figure.layout[key[0] + "axis" + key[1:]]


def test_panels_have_each_their_own_axis_title(four_plots):
    titles = [axis_of(four_plots, curve.xaxis).title.text for curve in four_plots.data]
    assert titles == [f"quantity {k} (Hz)" for k in range(4)]


def test_panels_stand_under_their_titles(four_plots):
    middles = {note.text: note.x for note in four_plots.layout.annotations}
    for curve in four_plots.data:
        assert middles[curve.name] == pytest.approx(np.mean(axis_of(four_plots, curve.xaxis).domain))


def test_panels_fill_rows_of_the_given_length(four_plots):
    lefts = [axis_of(four_plots, curve.xaxis).domain[0] for curve in four_plots.data]
    tops = [axis_of(four_plots, curve.yaxis).domain[1] for curve in four_plots.data]
    assert lefts[0] < lefts[1] < lefts[2]
    assert lefts[3] == lefts[0]
    assert tops[0] == tops[1] == tops[2] > tops[3]


@pytest.mark.parametrize(
    "figure",
    [
        matrices({"wide": WIDE}, finding="What is seen", data="made by hand"),
        cells_with_numbers(WIDE, ["a", "b"], ["c", "d", "e"], finding="What is seen", data="made by hand"),
        panels({"one": Panel([0, 1], [0, 1], "time (s)")}, finding="What is seen", data="made by hand"),
        physmle.idea_picture(finding="What is seen", note="made by hand"),
    ],
    ids=["matrices", "cells", "panels", "idea"],
)
def test_title_says_the_finding_and_the_source(figure):
    title = figure.layout.title.text
    assert title.startswith("<b>What is seen</b>")
    assert "made by hand" in title


@pytest.fixture
def idea():
    return physmle.idea_picture(finding="The idea", note="how to read it")


def words_at(figure) -> list[tuple[str, float, float]]:
    return [(note.text, note.x, note.y) for note in figure.layout.annotations if note.text]


@pytest.mark.parametrize("name", physmle.BOXES)
def test_idea_draws_and_names_every_box(idea, name):
    box = physmle.BOXES[name]
    assert words_at(idea).count((box.words, box.x, box.y)) == 1
    around = [r for r in rectangles(idea) if r[0] < box.x < r[1] and r[2] < box.y < r[3]]
    assert len(around) == 1
    x0, x1, y0, y1 = around[0]
    assert x1 - x0 == pytest.approx(box.width)
    assert y1 - y0 == pytest.approx(0.8 if "<br>" in box.words else HEIGHT)


@pytest.mark.parametrize(("start", "end"), physmle.FLOWS)
def test_flow_leaves_its_box_and_ends_at_the_edge_of_the_next(idea, start, end):
    arrows = [(n.ax, n.ay, n.x, n.y) for n in idea.layout.annotations if n.showarrow]
    one, other = physmle.BOXES[start], physmle.BOXES[end]
    left = [a for a in arrows if a[:2] == pytest.approx((one.x + one.width / 2, one.y))]
    ends = [a for a in left if a[2:] == pytest.approx((other.x - other.width / 2, other.y))]
    assert len(ends) == 1
    assert ends[0][0] < ends[0][2], "features flow to the right"
    _, _, x, y = ends[0]
    drawn = [r for r in rectangles(idea) if r[0] == pytest.approx(x) and r[2] < y < r[3]]
    assert len(drawn) == 1


def test_idea_has_no_box_without_a_flow_but_routers():
    touched = {name for flow in physmle.FLOWS for name in flow}
    assert set(physmle.BOXES) - touched == {"router one", "router two"}


def test_query_reaches_every_router_and_gate_from_above(idea):
    down = [(n.x, n.y) for n in idea.layout.annotations if n.showarrow and n.ax == n.x and n.ay > n.y]
    for name in ("router one", "router two", "gate hr"):
        box = physmle.BOXES[name]
        assert [y for x, y in down if x == box.x and y == pytest.approx(box.y + HEIGHT / 2)], name


def test_each_answer_stands_beside_its_box(idea):
    for name, words in physmle.ANSWERS.items():
        box = physmle.BOXES[name]
        (place,) = [(x, y) for text, x, y in words_at(idea) if text == words]
        assert place[1] == box.y
        assert place[0] > box.x + box.width / 2


def test_no_two_boxes_overlap(idea):
    boxes = sorted(rectangles(idea))
    assert len(boxes) == len(physmle.BOXES)
    for k, (_, x1, y0, y1) in enumerate(boxes):
        for left, _, low, high in boxes[k + 1 :]:
            assert left >= x1 or low >= y1 or high <= y0


def test_everything_of_the_idea_is_inside_the_axes(idea):
    low, high = idea.layout.xaxis.range
    bottom, top = idea.layout.yaxis.range
    for x0, x1, y0, y1 in rectangles(idea):
        assert low <= x0 < x1 <= high
        assert bottom <= y0 < y1 <= top


class TestNarrowPicture:
    @pytest.fixture
    def narrow(self):
        return physmle.narrow_picture()

    def test_it_has_every_box_once(self, narrow):
        assert physmle.NARROW.keys() == physmle.BOXES.keys()
        for box in physmle.NARROW.values():
            assert words_at(narrow).count((box.words, box.x, box.y)) == 1

    def test_no_two_boxes_overlap_and_all_are_inside(self, narrow):
        boxes = sorted(rectangles(narrow))
        (left, right), (bottom, top) = narrow.layout.xaxis.range, narrow.layout.yaxis.range
        assert len(boxes) == len(physmle.BOXES)
        for k, (x0, x1, y0, y1) in enumerate(boxes):
            assert left <= x0 < x1 <= right
            assert bottom <= y0 < y1 <= top
            for other, _, low, high in boxes[k + 1 :]:
                assert other >= x1 or low >= y1 or high <= y0

    def test_flows_go_down_from_box_to_box(self, narrow):
        arrows = [(n.ax, n.ay, n.x, n.y) for n in narrow.layout.annotations if n.showarrow]
        for start, end in physmle.FLOWS:
            one, other = physmle.NARROW[start], physmle.NARROW[end]
            wanted = (one.x, one.y - half_height(one), other.x, other.y + half_height(other))
            assert [a for a in arrows if a == pytest.approx(wanted)], (start, end)
            assert wanted[1] > wanted[3]

    def test_each_answer_stands_below_its_box(self, narrow):
        for name, words in physmle.ANSWERS.items():
            box = physmle.NARROW[name]
            assert [place for place in words_at(narrow) if place[:2] == (words, box.x) and place[2] < box.y]
