"""The answers that `teach.check` compares values with: one table per notebook.

`notebooks/01_pulse_from_colour.ipynb` has `answers/pulse_from_colour.py`; that file holds `ANSWERS`, name ->
`Answer`. Wherever possible, an expected value is computed from the package, so that it stays in step with the
code. Names are unique over all files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One known answer."""

    value: Callable[[], Any]  # computes it: a number, an array, a bool, a text, or a tuple of these
    within: float = 0.0  # largest difference that still matches, in `unit`
    unit: str = ""
    hint: str  # the next step after a wrong value; never the answer itself
    traps: tuple[tuple[Any, str], ...] = ()  # a common wrong value, and what went wrong


@cache
def all_answers() -> dict[str, Answer]:
    """Every answer of the course by its name.

    Raises:
        ValueError: two notebooks use the same name.
    """
    found: dict[str, Answer] = {}
    for module in iter_modules(__path__):
        answers = import_module(f"{__name__}.{module.name}").ANSWERS
        if twice := found.keys() & answers.keys():
            raise ValueError(
                f"answers/{module.name}.py repeats {sorted(twice)}; names are unique over the course"
            )
        found |= answers
    return found
