"""What the notebooks ask, and what is right: one table of questions and one of known answers per notebook.

`notebooks/01_pulse_from_colour.ipynb` has `answers/pulse_from_colour.py`. That file holds `QUESTIONS`, key ->
`Question`, for `questions.ask`, and `ANSWERS`, key -> `Answer`, for `questions.check`. A notebook names only the
key. Wherever possible, an expected value is computed from the package, so that it stays in step with the code. Keys
are unique over all files, and a key does not name what is right.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question with choices."""

    asks: str  # one or two sentences
    right: str  # the right choice
    because: str  # why it is right, in one or two sentences
    wrong: Mapping[str, str]  # wrong choice -> one kind sentence: why it is wrong

    def choices(self, key: str) -> list[str]:
        """All choices in an order that depends on the key alone."""
        found = [self.right, *self.wrong]
        random.Random(key).shuffle(found)
        return found

    def reply(self, choice: str) -> str:
        """What to say to a choice."""
        return f"Yes. {self.because}" if choice == self.right else f"Not quite. {self.wrong[choice]}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One known answer."""

    value: Callable[[], Any]  # computes it: a number, an array, a bool, a text, or a tuple of these
    within: float = 0.0  # largest difference that still matches, in `unit`
    unit: str = ""
    hint: str  # the next step after a wrong value; never the answer, nor the call that computes it
    traps: tuple[tuple[Any, str], ...] = ()  # a common wrong value, and what went wrong


@cache
def all_questions() -> dict[str, Question]:
    """Every question of the course by its key.

    Raises:
        ValueError: two notebooks use the same key.
    """
    return _collected("QUESTIONS")


@cache
def all_answers() -> dict[str, Answer]:
    """Every known answer of the course by its key.

    Raises:
        ValueError: two notebooks use the same key.
    """
    return _collected("ANSWERS")


def _collected(table: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in iter_modules(__path__):
        own = getattr(import_module(f"{__name__}.{module.name}"), table)
        if twice := found.keys() & own.keys():
            raise ValueError(
                f"{table} of answers/{module.name}.py repeats {sorted(twice)}; keys are unique over the course"
            )
        found |= own
    return found
