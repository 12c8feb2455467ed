"""The teaching kit: asks, checks, moves; never stops a notebook."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.course import answers, teach
from rppg_core.course import figures as lesson_figures
from rppg_core.course.answers import Answer
from rppg_core.course.figures import Axes
from rppg_core.errors import UsageError

TABLE = {
    "width": Answer(
        value=lambda: 6.0, within=0.1, unit="bpm", hint="60 over the length", traps=((0.1, "in Hz"),)
    ),
    "wave": Answer(value=lambda: np.zeros(3), within=1e-6, hint="subtract the mean"),
    "word": Answer(value=lambda: "POS", hint="look again"),
    "yes": Answer(value=lambda: True, hint="run it"),
    "pair": Answer(value=lambda: (1.0, "red"), hint="two of them"),
}


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(teach, "all_answers", lambda: TABLE)


def said(capsys, name, value) -> str:
    teach.check(name, value)
    return capsys.readouterr().out


def one_line(height: float):
    axes = Axes("time (s)", "grey level", y_range=(0, 9))
    return lesson_figures.lines(
        [0.0, 1.0], {"signal": [0.0, height]}, finding=f"It rises to {height}", axes=axes
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 6.05), ("wave", [0, 0, 0]), ("word", " pos "), ("yes", np.True_), ("pair", [1, "RED"])],
)
def test_a_right_answer_matches(table, capsys, name, value):
    assert said(capsys, name, value) == f"{name}: matches\n"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("width", 8.0, "differs by 2 bpm"),
        ("wave", [0, 0.5, 0], "up to 0.5"),
        ("wave", np.zeros(4), "(4,)"),
        ("word", "GREEN", "'GREEN' is not it"),
        ("yes", 1, "1 is not it"),
        ("pair", (1, "blue"), "value 2"),
        ("pair", 1, "2 values"),
        ("wave", [0, np.nan, 0], "not finite"),
    ],
)
def test_a_wrong_answer_says_how_far_it_is_and_gives_the_hint(table, capsys, name, value, words):
    text = said(capsys, name, value)
    assert "not yet" in text
    assert words in text
    assert TABLE[name].hint in text


@pytest.mark.parametrize("value", [None, ...])
def test_an_unedited_exercise_has_no_answer_so_far(table, capsys, value):
    assert "no answer so far" in said(capsys, "width", value)


def test_a_usual_slip_is_named(table, capsys):
    assert "hint: in Hz" in said(capsys, "width", 0.1)


@pytest.mark.parametrize("value", ["text", object(), {"a": 1}, [[1], [2, 3]], lambda: 3])
def test_check_never_raises(table, capsys, value):
    assert "not yet" in said(capsys, "width", value)


TENSORS = {
    "with a gradient": ("width", lambda torch: torch.tensor(6.0, requires_grad=True)),
    "of several numbers": ("wave", lambda torch: torch.zeros(3, requires_grad=True)),
    "of 16 bits": ("width", lambda torch: torch.tensor(6.0, dtype=torch.bfloat16)),
    "of whole numbers": ("wave", lambda torch: torch.zeros(3, dtype=torch.int32)),
    "of a bool": ("yes", lambda torch: torch.tensor(True)),
    "in a pair": ("pair", lambda torch: (torch.tensor(1.0), "red")),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_a_tensor_is_compared_as_an_array(table, capsys, kind):
    name, make = TENSORS[kind]
    assert said(capsys, name, make(pytest.importorskip("torch"))) == f"{name}: matches\n"


class Hostile:
    """Fails whatever it is asked."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("no words")


NO_ANSWERS = {
    "hostile": Hostile,
    "hostile in a list": lambda: [Hostile()],
    "a number beyond floats": lambda: 10**400,
    "half a character": lambda: "\udcff",
    "an array of nothing": lambda: np.array([None]),
    "a date": lambda: np.datetime64("2020"),
    "a class": lambda: dict,
}


@pytest.mark.parametrize("name", [*TABLE, "nothing of the kind"])
@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_check_never_raises_whatever_it_is_given(table, capsys, name, kind):
    assert "matches" not in said(capsys, name, NO_ANSWERS[kind]())


def test_an_unknown_name_is_answered_with_the_nearest(table, capsys):
    assert "did you mean 'width'" in said(capsys, "width_s", 6)


def test_answers_of_the_course_are_computed_and_explained():
    for name, answer in answers.all_answers().items():
        assert answer.hint, name
        assert answer.within >= 0, name


def test_predict_says_no_only_to_wrong_choices(monkeypatch):
    shown = []
    monkeypatch.setattr(teach, "display_bundle", shown.append)
    teach.predict("Is 2 > 1?", "yes", "no & never", answer="yes", because="Two is more.")
    html = shown[0]["text/html"]
    assert html.count("<details>") == 2
    assert "<summary>yes</summary><p>Yes. Two is more." in html
    assert "<summary>no &amp; never</summary><p>No. Two is more." in html


def test_an_open_question_hides_its_answer(monkeypatch):
    shown = []
    monkeypatch.setattr(teach, "display_bundle", shown.append)
    teach.predict("How much?", answer="6 bpm", because="60 / 10 s.")
    assert "<details><summary>Show the answer</summary><p><b>6 bpm</b>. 60 / 10 s." in shown[0]["text/html"]


def test_predict_refuses_an_answer_that_is_no_choice():
    with pytest.raises(UsageError, match="one of"):
        teach.predict("Which?", "a", "b", answer="c", because="x")


def test_slider_opens_on_its_start_and_has_a_frame_for_every_value():
    figure = teach.slider(one_line, [1.0, 2.0, 4.0], name="height", unit="grey levels", start=4.0)
    assert [frame.name for frame in figure.frames] == ["1", "2", "4"]
    assert [frame.data[0].y[1] for frame in figure.frames] == [1.0, 2.0, 4.0]
    assert figure.data[0].y[1] == 4.0
    bar = figure.layout.sliders[0]
    assert bar.active == 2
    assert [step.args[0][0] for step in bar.steps] == ["1", "2", "4"]
    assert figure.frames[0].layout.title.text != figure.frames[2].layout.title.text


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
