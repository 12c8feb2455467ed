"""The tables of questions and known answers: complete, kind, and silent about what is right."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

from rppg_core.course import answers, questions
from rppg_core.course.answers import all_answers, all_questions

LESSONS = [module.name for module in iter_modules(answers.__path__)]


def numbers_in(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", text)]


def one_of_each(wanted):
    """A wrong value of the same form."""
    if isinstance(wanted, tuple):
        return tuple(one_of_each(part) for part in wanted)
    if isinstance(wanted, (bool, np.bool_)):
        return not wanted
    if isinstance(wanted, str):
        return "nothing of the kind"
    return np.asarray(wanted, dtype=float) + 123456.5


@pytest.mark.parametrize("key", all_questions())
def test_every_wrong_choice_has_one_sentence_of_its_own(key):
    question = all_questions()[key]
    assert 1 <= len(question.wrong) < len(questions.LETTERS)
    assert question.right not in question.wrong
    replies = [question.because, *question.wrong.values()]
    assert len(set(replies)) == len(replies)
    for words in (question.asks, *replies):
        assert words[0].isupper() or words[0].isdigit()
        assert words.rstrip('")')[-1] in ".?"
    for words in question.wrong.values():
        assert len(words) <= 140, "a sentence, not a paragraph"
    assert question.asks.endswith("?")


@pytest.mark.parametrize("key", all_questions())
def test_key_of_a_question_does_not_name_the_right_choice(key):
    plain = re.sub(r"\W+", "_", all_questions()[key].right.lower()).strip("_")
    assert plain not in key.split("_")
    assert not (len(plain) > 4 and plain in key)


@pytest.mark.parametrize("lesson", LESSONS)
def test_right_choice_stands_in_no_place_in_most_questions(lesson):
    table = import_module(f"rppg_core.course.answers.{lesson}").QUESTIONS
    places = Counter(question.choices(key).index(question.right) for key, question in table.items())
    assert max(places.values()) <= len(table) / 2, f"rename a key: {places}"


def test_keys_of_questions_and_answers_differ():
    assert not all_questions().keys() & all_answers().keys()


@pytest.mark.parametrize("key", all_answers())
def test_hint_is_a_step_and_never_the_call_that_answers(key):
    answer = all_answers()[key]
    assert answer.within >= 0
    for words in (answer.hint, *(said for _, said in answer.traps)):
        assert words, key
        assert not re.search(r"\w\([^)]", words), "name a function, never the whole call"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("key", all_answers())
def test_neither_hint_nor_message_holds_the_answer(key, capsys):
    answer = all_answers()[key]
    wanted = answer.value()
    questions.check(key, one_of_each(wanted))
    text = capsys.readouterr().out.removeprefix(f"{key}: ")
    assert "not yet" in text
    for part in wanted if isinstance(wanted, tuple) else (wanted,):
        if isinstance(part, (bool, np.bool_, str)) or np.ndim(part) or abs(part) <= 1:
            continue
        said = [*numbers_in(text), *numbers_in(answer.hint)]
        assert not [number for number in said if abs(number - part) <= answer.within + 1e-9], (
            f"{part} in {text!r}"
        )


def test_two_lessons_with_one_key_are_refused(monkeypatch):
    from rppg_core.course.answers import physmle, start_here

    monkeypatch.setattr(start_here, "QUESTIONS", physmle.QUESTIONS)
    all_questions.cache_clear()
    with pytest.raises(ValueError, match="unique over the course"):
        all_questions()
    monkeypatch.undo()
    all_questions.cache_clear()
