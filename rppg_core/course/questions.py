"""Questions with choices, and checks of the reader's own values; neither ever stops a notebook.

A notebook names only a key, as in `ask("rate_of_a_wall")` or `check("lowest_rate", mine)`: what is right stands in
`answers/`, one file per notebook. A choice is explained only after it has been made, and a check gives its hint only
after a wrong value. IPython and ipywidgets are imported on first use.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import numpy as np

from rppg_core.course.answers import Answer, all_answers, all_questions
from rppg_core.course.teach import WIDGET_MIME, display_bundle

LETTERS = "abcdef"
LEAD = "Make your choice before you read on."
IN_JUPYTER = "(In Jupyter, run this cell, and every choice replies.)"
CHOICE_STYLE = """<style>.rppg-choice { width: auto !important; height: auto !important; white-space: normal;
text-align: left; line-height: 1.4; padding: .3rem .6rem; }</style>"""


def ask(key: str, choice: str = "") -> None:
    """Ask the question of a key, before the next cell answers it; never raises.

    In Jupyter every choice is a button that replies to it, and another may be tried. Nothing is scored. The notebook
    stores the question and its choices, and no reply.

    Args:
        key: key of a question in `answers/`.
        choice: letter of a choice, as in "b"; prints the reply to it, where there are no buttons.
    """
    question = all_questions().get(key)
    if question is None:
        print(_unknown(key, "question", all_questions()))
        return
    if choice:
        print(_reply_to(choice.strip().lower(), key))
        return
    listed = "".join(f"\n  {letter}) {text}" for letter, text in _lettered(key).items())
    bundle: dict[str, Any] = {
        "text/plain": f"{question.asks} {LEAD}{listed}",
        "text/html": question_html(key),
    }
    try:
        panel = question_panel(key)
    except ImportError:
        print(f'to choose: ask("{key}", "a"), or pip install ipywidgets for buttons')
    else:
        bundle[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": panel.model_id}
        if "google.colab" in sys.modules:
            del bundle["text/html"]  # two forms of one question; only the one with buttons is wanted
    display_bundle(bundle)


def question_html(key: str, *, replies: bool = False) -> str:
    """A question and its choices for readers without a kernel.

    Args:
        key: key of a question in `answers/`.
        replies: whether opening a choice shows the reply to it; for pages, which are made from the notebooks. False
            leaves every reply out.
    """
    question = all_questions()[key]
    if replies:
        lead, choices = (
            "Make your choice, then open it.",
            "".join(
                f"<details><summary>{letter}) {escape(text)}</summary><p>{escape(question.reply(text))}</p></details>"
                for letter, text in _lettered(key).items()
            ),
        )
    else:
        listed = "".join(f"<li>{escape(text)}</li>" for text in question.choices(key))
        lead, choices = f"{LEAD} {IN_JUPYTER}", f'<ol type="a">{listed}</ol>'
    return f'<div class="question"><p><b>{escape(question.asks)}</b> <i>{lead}</i></p>{choices}</div>'


def question_panel(key: str) -> Any:
    """The ipywidgets box of `ask`: the question, a button per choice, and the reply to the last choice."""
    import ipywidgets

    question = all_questions()[key]
    asked = ipywidgets.HTML(f"{CHOICE_STYLE}<p><b>{escape(question.asks)}</b> <i>{LEAD}</i></p>")
    reply = ipywidgets.HTML()

    def replier(text: str) -> Callable[[Any], None]:
        def answer(button: Any) -> None:
            button.icon = "check" if text == question.right else "times"
            reply.value = f'<p role="status">{escape(question.reply(text))}</p>'

        return answer

    buttons = []
    for letter, text in _lettered(key).items():
        button = ipywidgets.Button(description=f"{letter}) {text}")
        button.add_class("rppg-choice")
        button.on_click(replier(text))
        buttons.append(button)
    return ipywidgets.VBox([asked, *buttons, reply])


def _lettered(key: str) -> dict[str, str]:
    return dict(zip(LETTERS, all_questions()[key].choices(key), strict=False))


def _reply_to(letter: str, key: str) -> str:
    choices = _lettered(key)
    if letter not in choices:
        return f"choose one of {', '.join(choices)}"
    return all_questions()[key].reply(choices[letter])


def check(key: str, value: Any) -> None:
    """Compare a value with the known answer of a key and print the outcome; never raises.

    Prints "matches"; or what was given and what is wanted, with a hint. None and ... count as no answer so far, so
    that an unedited notebook runs to the end.

    Args:
        key: key of a known answer in `answers/`.
        value: number, array, tensor, bool, text, or a list or tuple of these.
    """
    answer = all_answers().get(key)
    print(_unknown(key, "answer", all_answers()) if answer is None else f"{key}: {_outcome(value, answer)}")


def _unknown(key: str, kind: str, table: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, table, 1)
    return f"no {kind} has this key{f'; did you mean {near[0]!r}?' if near else ''}"


def _outcome(value: Any, answer: Answer) -> str:
    try:
        value = _plain(value)
        if _missing(value):
            return "no answer so far; replace None and run the cell again"
    except Exception:  # a check never stops a notebook
        return f"not yet: got {_kind(value)}, which cannot be read"
    try:
        wanted = answer.value()
    except Exception as error:
        return f"the known answer could not be computed here ({type(error).__name__}: {error})"
    try:
        difference = _difference(value, wanted, answer)
    except Exception:
        difference = f"got {_kind(value)}, wanted {_wish(wanted, answer)}"
    if difference is None:
        return "matches"
    trap = next((words for wrong, words in answer.traps if _same(value, wrong, answer)), "")
    return f"not yet: {difference}\n  hint: {trap or answer.hint}"


def _plain(value: Any) -> Any:
    """Tensors on any device as arrays, without gradients; tuples and lists part by part."""
    if type(value) in (tuple, list):
        return type(value)(_plain(part) for part in value)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
        value = value.numpy()
    return value[()] if isinstance(value, np.ndarray) else value  # one number stays a scalar, a bool a bool


def _missing(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return len(value) > 0 and all(_missing(part) for part in value)
    return value is None or value is ...


def _same(value: Any, wrong: Any, answer: Answer) -> bool:
    try:
        return _difference(value, wrong, answer) is None
    except Exception:
        return False


def _difference(value: Any, wanted: Any, answer: Answer) -> str | None:
    """None if both agree; otherwise what was got and what is wanted, without the answer itself."""
    if isinstance(wanted, tuple):
        if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != len(wanted):
            return f"got {_kind(value)}, wanted {len(wanted)} values"
        parts = [_difference(mine, theirs, answer) for mine, theirs in zip(value, wanted, strict=True)]
        return next((f"value {k + 1}: {words}" for k, words in enumerate(parts) if words), None)
    if _missing(value):
        return f"got none, wanted {_wish(wanted, answer)}"
    if isinstance(wanted, str):
        agree, fits = str(value).strip().lower() == wanted.lower(), isinstance(value, str)
    elif isinstance(wanted, (bool, np.bool_)):
        agree, fits = value == wanted, isinstance(value, (bool, np.bool_))
    elif isinstance(value, (str, bytes)):
        agree, fits = False, False
    else:
        return _apart(np.asarray(value, dtype=float), np.asarray(wanted, dtype=float), answer)
    if agree and fits:
        return None
    return f"got {_kind(value)}, " + ("which is not it" if fits else f"wanted {_wish(wanted, answer)}")


def _apart(mine: np.ndarray, theirs: np.ndarray, answer: Answer) -> str | None:
    if theirs.ndim == 0 and mine.size == 1:
        mine = mine.reshape(())
    if mine.shape != theirs.shape:
        return f"got {_kind(mine)}, wanted {_wish(theirs, answer)}"
    if not np.array_equal(np.isfinite(mine), np.isfinite(theirs)):
        return f"got nan or inf, wanted {_wish(theirs, answer)}"
    limit = answer.within + 1e-9
    errors = np.abs(mine - theirs)
    if errors.max(initial=0.0) <= limit:
        return None
    if mine.ndim == 0:
        close = "which is close; " if errors <= 5 * answer.within else ""
        return f"got {mine:.5g}, {close}wanted {_wish(theirs, answer, 'another')}"
    if np.abs(mine + theirs).max() <= limit:
        return "got the right sizes with the wrong sign"
    return f"got the right shape, but only {np.sum(errors <= limit)} of {mine.size} values are right"


def _wish(wanted: Any, answer: Answer, one: str = "a") -> str:
    """What kind of answer is wanted."""
    if isinstance(wanted, str):
        return f"{one} word"
    if isinstance(wanted, (bool, np.bool_)):
        return "True or False"
    shape = np.shape(wanted)
    unit = f" ({answer.unit})" if answer.unit else ""
    limit = f", right to within {answer.within:g}" if answer.within else ""
    return f"an array of shape {shape}" if shape else f"{one} number{unit}{limit}"


def _kind(value: Any) -> str:
    """What was given, in a few words, whatever it is."""
    try:
        if isinstance(value, np.ndarray) and value.ndim:
            return f"an array of shape {value.shape}"
        if isinstance(value, (list, tuple)):
            return f"a {type(value).__name__} of {len(value)}"
        if isinstance(value, (str, bool, int, float, np.generic)):
            return ascii(value.item() if isinstance(value, np.generic) else value)[:40]
    except Exception:
        return "a value"
    return f"an object of type {type(value).__name__}"
