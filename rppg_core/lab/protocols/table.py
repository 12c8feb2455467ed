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


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; the first is left-aligned, the others right-aligned."""
    widths = [max(len(str(row[k])) for row in [header, *rows]) for k in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            str(cell).ljust(w) if k == 0 else str(cell).rjust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


def percent(part: float, whole: float) -> str:
    """'93 %', or 'none' if `whole` is zero."""
    return f"{100 * part / whole:.0f} %" if whole else "none"
