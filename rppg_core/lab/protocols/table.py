"""Plain-text tables and criteria, printed by every protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Criterion:
    """One criterion: the measured value, the wanted value, and whether it holds."""

    name: str
    measured: str
    wanted: str
    holds: bool

    def line(self) -> str:
        return f"{'holds' if self.holds else 'FAILS'}  {self.name}: {self.measured} (wanted {self.wanted})"


def aligned_columns(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> list[str]:
    """One line per row, each column as wide as its widest cell.

    Args:
        rows: cells as text, equally many per row.
        numbers: all columns but the first hold numbers and are right-aligned.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = [str.rjust if numbers and k else str.ljust for k in range(len(widths))]
    return [
        "  ".join(
            align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of numbers: the first column is left-aligned, the others are right-aligned, a rule below the header."""
    words = [[str(cell) for cell in row] for row in (header, *rows)]
    lines = aligned_columns(words, numbers=True)
    widths = [max(map(len, column)) for column in zip(*words, strict=True)]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def percent(part: float, whole: float) -> str:
    """'93 %', or 'none' if `whole` is zero."""
    return f"{100 * part / whole:.0f} %" if whole else "none"
