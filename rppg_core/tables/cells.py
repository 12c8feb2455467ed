"""Classify the cells of a table: a number, no value, or something else, with the reason it is not a number.

Python's own `float` reads "1_000" and rejects "1,5"; here numbers are recognised by their form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

NO_VALUE = frozenset(
    {
        "", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "null", "none", "nil", "missing", "-", "--", "---", "–", "—",
        "?", ".", "nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "1.#qnan", "1.#ind", "-1.#ind", "inf", "+inf",
        "-inf", "infinity", "+infinity", "-infinity", "∞", "-∞", "1.#inf", "-1.#inf", "#div/0!", "#value!", "#num!",
        "#null!", "#ref!", "#name?",
    }
)  # fmt: skip
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
COMMA_NUMBER = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3}([.,'’]\d{3})+([.,]\d*)?", re.ASCII)  # 1,234 or 1.234.567,8
APART = re.compile(r"[+-]?\d{1,3}( \d{3})+([.,]\d*)?", re.ASCII)  # the same with blanks
DOUBTFUL = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)  # 1234, or 1.234
CLOCK = re.compile(
    r"\d{1,3}:\d{2}(:\d{2})?([.,:]\d+)?( ?[ap]\.?m\.?)?(z|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)
DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([t ].*)?", re.ASCII | re.IGNORECASE
)
WITH_UNIT = re.compile(r"[+-]?\d+([.,]\d+)?\s*(%|°\s?\w*|[^\W\d_][\w/]*)")
PLAIN = re.compile(r"[0-9.eE+\-\n]*", re.ASCII)
ONLY_SECONDS = "write seconds as a number, counted from the first frame, such as 0.033"
NO_THOUSANDS = "write 1234.5: a decimal point, and no separator between thousands"
REASONS = (  # pattern, what the cell is, what to do
    (CLOCK, "is a time of day", ONLY_SECONDS),
    (DATE, "is a date", ONLY_SECONDS),
    (THOUSANDS, "has a thousands separator", NO_THOUSANDS),
    (APART, "has a thousands separator, or two numbers in one cell", NO_THOUSANDS),
    (WITH_UNIT, "is a number with a unit", "write the number alone; its unit belongs to the column's name"),
)
NO_NUMBER = ("is not a number", "write a number, or leave the cell blank where there is none")


class CellError(ValueError):
    """A cell that is not a number.

    Args:
        place: index of the cell.
        what: what it is instead, such as "is a date".
        do: what to write instead.
    """

    def __init__(self, place: int, what: str, do: str):
        super().__init__(what)
        self.place, self.what, self.do = place, what, do


def is_no_value(cell: str) -> bool:
    """Whether a cell marks a missing value; infinite values count as missing."""
    return cell.strip().casefold() in NO_VALUE


def is_value(cell: str) -> bool:
    """Whether a cell holds a value in any notation, not a word: the cells of a header do not."""
    text = _minus(cell)
    forms = NUMBER, COMMA_NUMBER, CLOCK, DATE, THOUSANDS
    return is_no_value(text) or any(form.fullmatch(text) for form in forms)


def number(cell: str, decimal: str = ".") -> float:
    """One cell as a number; NaN where there is no value.

    Args:
        cell: its text.
        decimal: "." or ",".

    Raises:
        CellError: the cell is something else.
    """
    text = _minus(cell)
    if is_no_value(text):
        return float("nan")
    if (NUMBER if decimal == "." else COMMA_NUMBER).fullmatch(text):
        value = float(text.replace(",", "."))
        return value if np.isfinite(value) else float("nan")  # 1e999
    what, do = next(((what, do) for form, what, do in REASONS if form.fullmatch(text)), NO_NUMBER)
    raise CellError(0, what, do)


def numbers(cells: Sequence[str], decimal: str = ".") -> Float[np.ndarray, " cell"]:
    """Cells as numbers; NaN where there is no value.

    Raises:
        CellError: a cell is something else; `place` is the index of the first such cell.
    """
    if decimal == "." and PLAIN.fullmatch("\n".join(cells)):
        try:  # a million cells per second; blank cells and "1-2" take the slow path
            values = np.array(cells, float)
            return np.where(np.isfinite(values), values, np.nan)
        except ValueError:
            pass
    values = np.empty(len(cells))
    for place, cell in enumerate(cells):
        try:
            values[place] = number(cell, decimal)
        except CellError as error:
            raise CellError(place, error.what, error.do) from None
    return values


def _minus(cell: str) -> str:
    return cell.strip().replace("\u2212", "-")  # the typographic minus sign
