"""What changes on a narrow page: everything moves with its name, and nothing gets lost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rppg_core.course import figures, network_figures, teach
from rppg_core.course.drawings import find_narrow_picture, physmle
from rppg_core.course.figures import Axes
from rppg_core.course.narrow_figures import FIGURE_PX, narrow_changes
from rppg_core.course.network_figures import Panel
from rppg_core.course.page_figures import without_title

FACE = np.zeros((20, 20, 3))


def stored(figure):
    """Plotly's JSON as a notebook stores it, without the title."""
    held = json.loads(teach.described(figure, "A figure that is stored in a notebook.").to_json())
    return held | {"layout": without_title(held["layout"])}


def changes_of(figure):
    return narrow_changes(stored(figure))


def notes(changes) -> dict[str, tuple[float, float]]:
    return {note["text"]: (note["x"], note["y"]) for note in changes["layout"]["annotations"]}


def test_four_pictures_become_two_rows_below_their_names():
    names = ("first", "second", "third", "a rather long name")
    changes = changes_of(figures.pictures(dict.fromkeys(names, FACE), finding="Four"))
    places = [(change["x0"], change["y0"]) for change in changes["data"]]
    assert places[0][1] == places[1][1] < places[2][1] == places[3][1]
    assert places[0][0] == places[2][0] < places[1][0] == places[3][0]
    for name, (x0, y0) in zip(names, places, strict=True):
        x, y = notes(changes)[name]
        assert x0 < x < x0 + 20
        assert y == pytest.approx(y0 - 0.5)
    assert changes["layout"]["xaxis"]["tickvals"] == []
    bottom, top = changes["layout"]["yaxis"]["range"]
    assert top == 0
    assert bottom > max(y0 for _, y0 in places) + 19


def test_three_pictures_stay_in_a_row_as_high_as_they_are():
    whole = stored(figures.pictures(dict.fromkeys("abc", FACE), finding="Three"))
    changes = narrow_changes(whole)
    assert len({change["y0"] for change in changes["data"]}) == 1
    assert changes["layout"]["height"] < whole["layout"]["height"]


def test_one_picture_stays_as_it_is():
    assert set(changes_of(figures.pictures({"one": FACE}, finding="One"))["layout"]) == {"dragmode"}


def test_outline_moves_with_its_picture():
    corners = np.array([[5.0, 5.0], [15.0, 5.0], [10.0, 15.0]])
    figure = figures.pictures(dict.fromkeys("abcd", FACE), finding="Four", outlines={"d": {"mouth": corners}})
    changes = changes_of(figure)
    picture, outline = changes["data"][3], changes["data"][4]
    assert min(outline["x"]) - picture["x0"] == pytest.approx(5.0, abs=0.02)
    assert min(outline["y"]) - picture["y0"] == pytest.approx(5.0, abs=0.02)


@pytest.fixture
def marked():
    parts = dict.fromkeys(("column", "row", "column times row"), np.arange(36.0).reshape(6, 6))
    return network_figures.matrices(parts, finding="Three", marked=[(2, 1)])


def test_frames_of_cells_move_with_their_matrix(marked):
    changes = changes_of(marked)
    assert len(changes["layout"]["shapes"]) == 3
    for change, shape in zip(changes["data"], changes["layout"]["shapes"], strict=True):
        assert (shape["x0"] + shape["x1"]) / 2 == pytest.approx(change["x"][1], abs=0.02)
        assert (shape["y0"] + shape["y1"]) / 2 == pytest.approx(change["y"][2], abs=0.02)


def test_colour_bar_of_matrices_lies_above_them(marked):
    changes = changes_of(marked)
    assert {change["colorbar"]["orientation"] for change in changes["data"]} == {"h"}
    assert changes["frame"]["annotations"] == changes["layout"]["annotations"], "a slider keeps the names"


def test_colour_bar_of_a_map_lies_above_it():
    axes = Axes("time (s)", "cell")
    whole = stored(figures.heat_map(np.ones((3, 4)), finding="A map", axes=axes, unit="units"))
    changes = narrow_changes(whole)
    assert changes["data"][0]["colorbar"]["orientation"] == "h"
    assert changes["layout"]["margin"]["t"] > whole["layout"]["margin"]["t"]


def test_small_plots_get_rows_of_two_below_their_titles():
    parts = {f"plot {k}": Panel([0, 1], [0, 1], "time (s)") for k in range(5)}
    changes = changes_of(network_figures.panels(parts, finding="Five", columns=3))["layout"]
    across = [changes[key]["domain"] for key in ("xaxis", "xaxis2", "xaxis3", "xaxis4", "xaxis5")]
    down = [changes[key]["domain"] for key in ("yaxis", "yaxis2", "yaxis3", "yaxis4", "yaxis5")]
    assert across[0] == across[2] == across[4] != across[1] == across[3]
    assert across[0][1] < across[1][0]
    assert down[0] == down[1]
    assert down[0][0] > down[2][1]
    assert down[2][0] > down[4][1]
    for note, x, y in zip(changes["annotations"], across, down, strict=True):
        assert note["x"] == pytest.approx(np.mean(x))
        assert note["y"] == pytest.approx(y[1])


def test_names_of_bars_get_lines():
    names = ["whole", "left cheek", "task_gates=False", "one<br>expert"]
    changes = changes_of(figures.bars(dict.fromkeys(names, 1.0), finding="Bars", axis="r"))["layout"]["xaxis"]
    assert changes["tickvals"] == names
    assert changes["tickangle"] == 0
    words = [text.replace("<br>", "").replace(" ", "") for text in changes["ticktext"]]
    assert words == ["whole", "leftcheek", "task_gates=False", "oneexpert"]
    lines = [line for text in changes["ticktext"] for line in text.split("<br>")]
    assert max(map(len, lines)) * len(names) * 6 < FIGURE_PX


def test_many_columns_get_small_numbers_and_few_do_not():
    def table(n):
        columns = [f"c{k}" for k in range(n)]
        return changes_of(
            network_figures.cells_with_numbers(np.ones((1, n)), ["row"], columns, finding="Numbers")
        )

    assert table(12)["data"][0]["textfont"]["size"] < 12
    assert table(12)["layout"]["xaxis"]["tickangle"] == -90
    assert "data" not in table(4)


@pytest.mark.parametrize(
    "names", [["POS", "POS + codebook", "CodePhys", "constant"], ["imperturbability"] * 4]
)
def test_names_of_columns_and_ticks_get_lines_or_stand(names):
    table = network_figures.cells_with_numbers(np.ones((1, 4)), ["row"], names, finding="Numbers")
    ticks = figures.dots(
        [0, 1, 2, 3], {"r": [1.0] * 4}, axes=Axes("", "r", (-0.5, 3.5), (0, 1)), finding="One each"
    )
    ticks.update_xaxes(tickvals=[0, 1, 2, 3], ticktext=names)
    for figure in (table, ticks):
        axis = changes_of(figure)["layout"]["xaxis"]
        if "imperturbability" in names:
            assert axis["tickangle"] == -90
        else:
            assert axis["tickangle"] == 0
            assert axis["ticktext"] == ["POS", "POS +<br>codebook", "CodePhys", "constant"]


def test_a_legend_of_many_lines_gets_room():
    curves = {f"a curve with a long name {k}": [0.0, 1.0] for k in range(5)}
    whole = stored(figures.lines([0, 1], curves, finding="Five", axes=Axes("x", "y")))
    changes = narrow_changes(whole)["layout"]
    added = changes["margin"]["b"] - whole["layout"]["margin"]["b"]
    assert added > 0
    assert changes["height"] - whole["layout"]["height"] == added


def test_slider_is_shorter_by_half_of_its_last_name():
    def figure(name):
        return figures.bars({"a": 1.0}, finding=name, axis="r")

    stops = ["short", "a long name at the end"]
    whole = stored(teach.slider(figure, stops, name="a quantity with many words", start="short"))
    (slider,) = narrow_changes(whole)["layout"]["sliders"]
    assert slider["pad"]["r"] > 40
    assert (
        slider["currentvalue"]["font"]["size"] < whole["layout"]["sliders"][0]["currentvalue"]["font"]["size"]
    )
    assert slider["steps"] == whole["layout"]["sliders"][0]["steps"]


def test_drawing_of_a_network_flows_down():
    changes = changes_of(physmle.idea_picture(finding="The idea", note="how to read it"))["layout"]
    assert {note["text"] for note in changes["annotations"]} >= {box.words for box in physmle.BOXES.values()}
    low, high = changes["xaxis"]["range"]
    wide = physmle.idea_picture(finding="The idea", note="how to read it").layout.xaxis.range
    assert high - low < wide[1] - wide[0]


def test_a_drawing_of_nothing_known_is_left_alone():
    assert find_narrow_picture({"unknown", "words"}) is None


def test_nothing_drags_on_a_narrow_page():
    figure = figures.lines([0, 1], {"a": [0, 1]}, finding="A line", axes=Axes("x", "y"))
    assert changes_of(figure)["layout"]["dragmode"] is False
