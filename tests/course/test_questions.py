"""What the notebooks ask: choices that reply and values that are checked; neither stops a notebook."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.course import questions
from rppg_core.course.answers import Answer, Question

ASKED = {
    "size": Question(
        asks="Is 2 > 1?",
        right="yes",
        because="Two is one more.",
        wrong={"no & never": "Count again.", "perhaps": "Numbers are sure of it."},
    )
}
TABLE = {
    "width": Answer(
        value=lambda: 6.0, within=0.1, unit="bpm", hint="60 over the length", traps=((0.1, "in Hz"),)
    ),
    "wave": Answer(value=lambda: np.array([1.0, 0.0, -2.0]), within=1e-6, hint="subtract the mean"),
    "word": Answer(value=lambda: "POS", hint="look again"),
    "yes": Answer(value=lambda: True, hint="run it"),
    "pair": Answer(value=lambda: (1.0, "red"), hint="two of them"),
    "four": Answer(value=lambda: (1.0, 1.0, 0.0, 0.0), within=0.01, hint="four formulas"),
}


@pytest.fixture
def table(monkeypatch):
    monkeypatch.setattr(questions, "all_answers", lambda: TABLE)
    monkeypatch.setattr(questions, "all_questions", lambda: ASKED)


@pytest.fixture
def shown(table, monkeypatch) -> list:
    bundles: list = []
    monkeypatch.setattr(questions, "display_bundle", bundles.append)
    return bundles


def said(capsys, key, value) -> str:
    questions.check(key, value)
    return capsys.readouterr().out


def replies(question: Question) -> list[str]:
    return [question.because, *question.wrong.values()]


def test_an_asked_question_shows_its_choices_and_no_reply(shown):
    questions.ask("size")
    bundle = shown[0]
    for form in ("text/plain", "text/html"):
        assert all(choice.split(" ")[0] in bundle[form] for choice in ASKED["size"].choices("size"))
        assert not [words for words in replies(ASKED["size"]) if words in bundle[form]]
    assert "Is 2 &gt; 1?" in bundle["text/html"]
    assert "<li>no &amp; never</li>" in bundle["text/html"]


def test_a_question_reads_well_where_ipywidgets_is_missing(shown, monkeypatch, capsys):
    def missing(key):
        raise ImportError("ipywidgets")

    monkeypatch.setattr(questions, "question_panel", missing)
    questions.ask("size")
    assert set(shown[0]) == {"text/plain", "text/html"}
    assert 'ask("size", "a")' in capsys.readouterr().out


def test_a_letter_is_answered_by_the_reply_to_its_choice(table, capsys):
    for letter, choice in zip("abc", ASKED["size"].choices("size"), strict=True):
        questions.ask("size", letter.upper())
        assert capsys.readouterr().out == ASKED["size"].reply(choice) + "\n"
    questions.ask("size", "d")
    assert capsys.readouterr().out == "choose one of a, b, c\n"


def test_a_key_that_is_not_there_is_answered_with_the_nearest(table, capsys):
    questions.ask("sizes")
    assert "did you mean 'size'" in capsys.readouterr().out
    assert "did you mean 'width'" in said(capsys, "width_s", 6)
    assert said(capsys, "nothing of the kind", 6) == "no answer has this key\n"


def test_buttons_reply_to_one_choice_after_the_other(table):
    pytest.importorskip("ipywidgets")
    panel = questions.question_panel("size")
    _, *buttons, reply = panel.children
    assert reply.value == "", "nothing is said before a choice"
    for button, choice in zip(buttons, ASKED["size"].choices("size"), strict=True):
        assert choice in button.description
        button.click()
        assert ASKED["size"].reply(choice) in reply.value
        assert button.icon == ("check" if choice == "yes" else "times")


def test_a_page_replies_to_each_choice_that_is_opened(table):
    page = questions.question_html("size", replies=True)
    assert page.count("<details>") == 3
    assert "yes</summary><p>Yes. Two is one more.</p>" in page
    assert "no &amp; never</summary><p>Not quite. Count again.</p>" in page


def test_choices_keep_their_order_and_keys_differ_in_it():
    question = Question(
        asks="Which?", right="a", because="It is.", wrong={"b": "No.", "c": "No.", "d": "No."}
    )
    orders = [question.choices(str(key)) for key in range(100)]
    assert orders == [question.choices(str(key)) for key in range(100)]
    places = [order.index("a") for order in orders]
    assert all(12 <= places.count(place) <= 40 for place in range(4)), "each place a quarter, by 3 deviations"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("width", 6.05),
        ("width", [6.0]),
        ("width", np.float32(6)),
        ("wave", [1, 0, -2]),
        ("word", " pos "),
        ("yes", np.True_),
        ("yes", np.array(True)),
        ("pair", [1, "RED"]),
        ("four", np.array([1, 1, 0, 0])),
    ],
)
def test_a_right_answer_matches(table, capsys, key, value):
    assert said(capsys, key, value) == f"{key}: matches\n"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("width", 8.0, "got 8, wanted another number (bpm), right to within 0.1"),
        ("width", 6.4, "got 6.4, which is close"),
        ("width", "6 bpm", "got '6 bpm', wanted a number (bpm)"),
        ("width", [5, 6], "got an array of shape (2,), wanted a number"),
        ("width", np.inf, "got nan or inf"),
        ("wave", [1, 0.5, -2], "only 2 of 3 values"),
        ("wave", [-1, 0, 2], "wrong sign"),
        ("wave", np.zeros(4), "got an array of shape (4,), wanted an array of shape (3,)"),
        ("wave", [1, np.nan, -2], "got nan or inf"),
        ("wave", 3, "wanted an array of shape (3,)"),
        ("word", "GREEN", "got 'GREEN', which is not it"),
        ("word", 3, "got 3, wanted a word"),
        ("yes", 1, "got 1, wanted True or False"),
        ("yes", False, "got False, which is not it"),
        ("pair", (1, "blue"), "value 2: got 'blue', which is not it"),
        ("pair", (1, None), "value 2: got none, wanted a word"),
        ("pair", 1, "got 1, wanted 2 values"),
        ("four", (1, 1, 1, 0), "value 3: got 1, wanted another number"),
    ],
)
def test_a_wrong_answer_says_what_was_got_and_what_is_wanted_and_gives_the_hint(
    table, capsys, key, value, words
):
    text = said(capsys, key, value)
    assert f"{key}: not yet: " in text
    assert words in text
    assert f"hint: {TABLE[key].hint}" in text


@pytest.mark.parametrize("value", [None, ..., (None, None), [...]])
def test_an_unedited_exercise_has_no_answer_so_far_and_gets_no_hint(table, capsys, value):
    text = said(capsys, "width", value)
    assert "no answer so far" in text
    assert "hint" not in text


def test_a_usual_slip_is_named(table, capsys):
    assert "hint: in Hz" in said(capsys, "width", 0.1)


def test_an_answer_that_cannot_be_computed_says_so(table, capsys, monkeypatch):
    def broken():
        raise ModuleNotFoundError("no torch")

    monkeypatch.setitem(TABLE, "width", Answer(value=broken, hint="none"))
    assert "could not be computed here (ModuleNotFoundError: no torch)" in said(capsys, "width", 6.0)


@pytest.mark.parametrize("value", ["text", object(), {"a": 1}, [[1], [2, 3]], lambda: 3])
def test_check_never_raises(table, capsys, value):
    assert "not yet" in said(capsys, "width", value)


TENSORS = {
    "with a gradient": ("width", lambda torch: torch.tensor(6.0, requires_grad=True)),
    "of one number": ("width", lambda torch: torch.tensor([[6.0]], requires_grad=True)),
    "of several numbers": ("wave", lambda torch: torch.tensor([1.0, 0.0, -2.0], requires_grad=True)),
    "in a list": ("wave", lambda torch: list(torch.tensor([1.0, 0.0, -2.0], requires_grad=True))),
    "for several values": ("four", lambda torch: torch.tensor([1.0, 1.0, 0.0, 0.0], requires_grad=True)),
    "of 16 bits": ("width", lambda torch: torch.tensor(6.0, dtype=torch.bfloat16)),
    "of whole numbers": ("wave", lambda torch: torch.tensor([1, 0, -2], dtype=torch.int32)),
    "of a bool": ("yes", lambda torch: torch.tensor(True)),
    "in a pair": ("pair", lambda torch: (torch.tensor(1.0), "red")),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_a_tensor_is_compared_as_an_array(table, capsys, kind):
    key, make = TENSORS[kind]
    assert said(capsys, key, make(pytest.importorskip("torch"))) == f"{key}: matches\n"


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
    "an empty list": list,
    "a date": lambda: np.datetime64("2020"),
    "a class": lambda: dict,
    "a complex number": lambda: 1j,
}


@pytest.mark.parametrize("key", [*TABLE, "nothing of the kind"])
@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_check_never_raises_whatever_it_is_given(table, capsys, key, kind):
    assert "matches" not in said(capsys, key, NO_ANSWERS[kind]())
