"""What the names of columns mean, and a column of times in seconds.

Cameras, sensors and spreadsheets name the same column in many ways: `time_s`, `Time [ms]`, `timestamp`. Names are
split into words; a unit among them is believed unless the steps between the times contradict it. Times without a
unit are seconds, or milli-, micro- or nanoseconds where only one of these gives a possible step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.tables.table import Table
from rppg_core.tables.text import TableError

WORD = re.compile(r"[A-Z]?[a-zµμ]+|[A-Z]+(?![a-z])|\d+")
TIMES = frozenset({"t", "time", "times", "timestamp", "timestamps", "elapsed"})
UNITS = {  # word -> seconds per unit, and the unit in full
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (1.0, "seconds")),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), (1e-3, "milliseconds")),
    **dict.fromkeys(
        ("us", "µs", "μs", "usec", "micros", "microsecond", "microseconds"), (1e-6, "microseconds")
    ),
    **dict.fromkeys(("ns", "nsec", "nanos", "nanosecond", "nanoseconds"), (1e-9, "nanoseconds")),
}
SMALLER = (UNITS["ms"], UNITS["us"], UNITS["ns"])


@dataclass(frozen=True)
class Times:
    """The times of a table's rows, in the order of the file."""

    times_s: Float[np.ndarray, " row"]
    notes: tuple[str, ...] = ()


def name_words(name: str) -> tuple[str, ...]:
    """The words and numbers in a column's name, in lower case: "Time [ms]" gives "time" and "ms"."""
    return tuple(word.casefold() for word in WORD.findall(name))


def time_column(names: Sequence[str]) -> str | None:
    """The column of times; of several, the first in seconds, else the first with a unit. None without one."""
    found = [name for name in names if _names_times(name_words(name))]
    return min(found, key=lambda name: _UNIT_RANK[_unit(name)], default=None)


def read_times(table: Table, name: str, *, fastest_s: float, slowest_s: float) -> Times:
    """A column of times in seconds, unsorted as in the file.

    Args:
        table: with this column.
        name: of the column.
        fastest_s: shortest usual step that is possible. Unit: s.
        slowest_s: longest usual step that is possible. Unit: s.

    Returns:
        The times; a note says so where they were in another unit.

    Raises:
        TableError: a time is missing or not a number, or the unit cannot be right.
    """
    values = table.complete(name)
    steps = np.diff(np.sort(values))
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    unit = UNITS.get(_unit(name))
    unknown = (UNITS["s"],) if step == 1 else (UNITS["s"], *SMALLER)  # steps of 1 may be numbers of frames
    candidates = unknown if unit is None else (unit,)
    fitting = [(per_s, words) for per_s, words in candidates if fastest_s <= step * per_s <= slowest_s]
    if step and not fitting:
        raise TableError(
            table.path,
            f"the times in column {name} step by {step:.4g}{'' if unit is None else f' {unit[1]}'}",
            wanted=f"steps of {fastest_s:g} to {slowest_s:g} s",
            do=_remedy(step, fastest_s, slowest_s),
        )
    per_s, words = fitting[0] if fitting else candidates[0]
    notes = (f"The times were in {words}.",) if per_s != 1 else ()
    return Times(values * per_s, notes)


_UNIT_RANK = {word: (0 if per_s == 1 else 1) for word, (per_s, _) in UNITS.items()} | {"": 2}


def _names_times(words: tuple[str, ...]) -> bool:
    return bool(TIMES.intersection(words)) or (len(words) == 1 and words[0] in UNITS)


def _unit(name: str) -> str:
    return next((word for word in name_words(name)[::-1] if word in UNITS), "")


def _remedy(step: float, fastest_s: float, slowest_s: float) -> str:
    if step == 1:
        return "if these are numbers of frames, divide them by the frame rate"
    for per_s, words in SMALLER:
        if fastest_s <= step * per_s <= slowest_s:
            return f"if these are {words}, name the column time_{_short(words)}, or divide by {1 / per_s:g}"
    return "write the times in seconds"


def _short(words: str) -> str:
    return {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}[words]
