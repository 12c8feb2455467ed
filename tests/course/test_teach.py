"""Figures of the lessons: described, moved by sliders and controls, drawn in their colours."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.course import figures as lesson_figures
from rppg_core.course import teach
from rppg_core.course.figures import Axes
from rppg_core.course.network_figures import cells_with_numbers
from rppg_core.errors import UsageError


def one_line(height: float):
    axes = Axes("time (s)", "grey level", y_range=(0, 9))
    return lesson_figures.lines(
        [0.0, 1.0], {"signal": [0.0, height]}, finding=f"It rises to {height}", axes=axes
    )


def test_slider_opens_on_its_start_and_has_a_frame_for_every_value():
    figure = teach.slider(one_line, [1.0, 2.0, 4.0], name="height", unit="grey levels", start=4.0)
    assert [frame.name for frame in figure.frames] == ["1", "2", "4"]
    assert [frame.data[0].y[1] for frame in figure.frames] == [1.0, 2.0, 4.0]
    assert figure.data[0].y[1] == 4.0
    bar = figure.layout.sliders[0]
    assert bar.active == 2
    assert [step.args[0][0] for step in bar.steps] == ["1", "2", "4"]
    assert figure.frames[0].layout.title.text != figure.frames[2].layout.title.text


def test_slider_and_its_label_stand_below_a_table_with_a_narrow_margin():
    def table(value: float):
        return cells_with_numbers(np.full((2, 2), value), ["a", "b"], ["c", "d"], finding=f"All are {value}")

    assert teach.slider(table, [0.1, 0.2, 0.3], name="value").layout.sliders[0].pad.t >= 24


def test_slider_takes_figures_by_value_and_opens_in_the_middle():
    made = {name: one_line(k) for k, name in enumerate(("low", "middle", "high"))}
    assert teach.slider(made, list(made), name="quality").layout.sliders[0].active == 1


def test_slider_refuses_figures_with_different_traces():
    def figure(n: int):
        curves = {str(k): [0, 1] for k in range(n)}
        return lesson_figures.lines([0, 1], curves, finding="many", axes=Axes("x", "y"))

    with pytest.raises(UsageError, match="same traces"):
        teach.slider(figure, [1, 2], name="curves")


@pytest.mark.parametrize(("values", "start"), [([1.0], None), ([], None), ([1.0, 2.0], 3.0)])
def test_slider_refuses_too_few_values_or_a_start_between_them(values, start):
    with pytest.raises(UsageError, match="two or more"):
        teach.slider(one_line, values, name="height", start=start)


def test_a_shown_figure_keeps_its_words_and_half_of_its_bytes():
    times_s = np.linspace(0, 1, 1000)
    figure = lesson_figures.lines(times_s, {"a": times_s}, finding="It rises", axes=Axes("x", "y"))
    told = teach.described(figure, "A line that rises from zero to one.")
    assert told.layout.meta["alt"] == "A line that rises from zero to one."
    assert len(told.to_json()) < 0.6 * len(figure.to_json())
    assert told.to_dict()["data"][0]["x"]["dtype"] == "f4"
    assert np.allclose(told.data[0].y, times_s, atol=1e-6)


def test_a_figure_without_words_is_refused():
    with pytest.raises(UsageError, match="a sentence"):
        teach.show(one_line(1.0), alt="a plot")


def test_live_controls_redraw_the_figure():
    pytest.importorskip("anywidget")
    controls = {"height": {"kind": "FloatSlider", "min": 0.0, "max": 9.0, "step": 0.5, "value": 2.0}}
    panel = teach.live_panel(one_line, one_line(2.0), controls)
    control, figure = panel.children[0].children[0], panel.children[1]
    control.value = 7.0
    assert figure.data[0].y[1] == 7.0
    assert "rises to 7.0" in figure.layout.title.text


def test_live_refuses_a_range_that_is_none():
    with pytest.raises(UsageError, match=r"low, high, step, first"):
        teach.live(one_line, alt="A line that rises somewhere.", height=3)


def test_colours_are_kept_for_channels_and_the_last_curve_is_the_estimate():
    figure = lesson_figures.lines(
        [0, 1],
        {"truth": [0, 1], "green": [0, 1], "CHROM": [0, 1], "POS": [0, 1]},
        finding="x",
        axes=Axes("x", "y"),
        reference=["truth"],
    )
    colours = {trace.name: trace.line.color for trace in figure.data}
    assert colours["green"] == lesson_figures.CHANNELS["green"]
    assert colours["POS"] == lesson_figures.ESTIMATE
    assert colours["truth"] == lesson_figures.REFERENCE
    assert len(set(colours.values())) == 4


def test_plane_in_colour_space_stands_across_its_normal():
    figure = lesson_figures.colour_space({}, {"light": np.ones(3)}, finding="x", plane=np.ones(3))
    mesh = figure.data[0]
    assert np.allclose(np.array([mesh.x, mesh.y, mesh.z]).T @ np.ones(3), 0, atol=1e-6)


def test_arrow_in_colour_space_has_a_head_at_its_tip():
    figure = lesson_figures.colour_space({}, {"light": np.array([1.0, 2.0, -2.0])}, finding="x")
    shaft, head = figure.data
    assert (shaft.x[0], shaft.x[1]) == (0.0, 1.0)
    assert (head.x[0], head.y[0], head.z[0], head.anchor) == (1.0, 2.0, -2.0, "tip")
    assert np.allclose([head.u[0], head.v[0], head.w[0]], np.array([1, 2, -2]) / 3)
    assert head.colorscale[0][1] == shaft.line.color


def test_pictures_lie_side_by_side_with_their_outlines():
    image, corners = np.zeros((20, 10, 3)), np.array([[1, 1], [8, 1], [8, 8]])
    figure = lesson_figures.pictures(
        {"a": image, "b": image}, finding="x", outlines={"b": {"cheek": corners}}
    )
    kinds = [trace.type for trace in figure.data]
    assert kinds == ["image", "image", "scatter"]
    assert min(figure.data[2].x) > 10


def test_title_says_where_the_data_come_from():
    assert "simulated" in one_line(1.0).layout.title.text
