"""A heart rate from another device: a chest strap, an oximeter, a watch, as a table of rates or of beat intervals.

Two kinds are read: a column of heart rates with their times (`time_s,hr_bpm`), and a column of intervals between
beats in milliseconds or seconds, as apps for chest straps write them, with or without a name. Zeros and blanks are
moments without contact. Rates without times are taken as one a second, as oximeters send them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from rppg_core.errors import RppgError
from rppg_core.json_form import plain
from rppg_core.tables.cells import is_value
from rppg_core.tables.columns import name_words, read_times, time_column
from rppg_core.tables.rows import read_rows
from rppg_core.tables.table import Table, read_table
from rppg_core.tables.text import TableError

EXAMPLE = "time_s,hr_bpm\n0.0,71\n1.0,72"
FASTEST_S, SLOWEST_S = 0.005, 30.0  # usual step between two rates
RATES_BPM = (25.0, 250.0)
INTERVALS_S = (0.24, 2.4)  # 250 and 25 bpm
RATE_NAMES = frozenset({"hr", "heartrate", "heart", "bpm", "pulse", "pulserate", "pr"})
INTERVAL_NAMES = frozenset({"rr", "ibi", "rri", "nn", "nni", "ppi", "interval", "intervals", "rrinterval"})
BREATHING = frozenset({"brpm", "breaths", "breathing", "resp", "respiration"})
WANTED = "heart rates in bpm beside their times, or intervals between beats in ms or s"
DO = "name the columns time_s and hr_bpm"


@dataclass(frozen=True)
class Reference:
    """Heart rate by another device."""

    times_s: Float[np.ndarray, " sample"]  # in order
    hr_bpm: Float[np.ndarray, " sample"]
    note: str = ""

    @property
    def median_bpm(self) -> float:
        return float(np.median(self.hr_bpm))

    @property
    def seconds(self) -> float:
        """Time that the samples cover, including the step after the last one."""
        step_s = float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0
        return float(self.times_s[-1] - self.times_s[0]) + step_s

    def during(self, start_s: float, stop_s: float) -> Reference:
        """The part between two times; all of it, with a note, where no sample lies between them."""
        kept = (self.times_s >= start_s) & (self.times_s <= stop_s)
        if not kept.any():
            return replace(self, note="all of it: its clock is another one than that of the clip")
        return replace(self, times_s=self.times_s[kept], hr_bpm=self.hr_bpm[kept])

    def to_dict(self) -> dict[str, float]:
        """The entry "reference" of `rppg analyze --json`."""
        return {"hr_bpm": plain(self.median_bpm), "seconds": plain(self.seconds)}


def read_reference(path: str | os.PathLike[str]) -> Reference:
    """Read the heart rate that another device gave.

    Args:
        path: a table in any dialect: a column named like hr, heart_rate, bpm or pulse, with a column of times; or a
            column named like rr, ibi or interval; or a single column of intervals without a name.

    Returns:
        Times and rates; the times of intervals are those of the beats that end them.

    Raises:
        TableError: no such table, or numbers that cannot be heart rates.
    """
    table = _open(Path(path))
    column = rate_column(table.names)
    if column is not None:
        return _from_rates(table, column)
    column = interval_column(table.names) if table.names else 0
    if column is None:
        raise TableError(table.path, f"has the columns {', '.join(table.names)[:200]}", wanted=WANTED, do=DO)
    return _from_intervals(table, column)


def rate_column(names: tuple[str, ...]) -> str | None:
    """The first column of heart rates; None without one."""
    return next((name for name in names if _names_rate(name_words(name))), None)


def interval_column(names: tuple[str, ...]) -> str | None:
    """The first column of intervals between beats; None without one."""
    words = ((name, set(name_words(name))) for name in names)
    return next((name for name, found in words if found & INTERVAL_NAMES and not found & BREATHING), None)


def _names_rate(words: tuple[str, ...]) -> bool:
    found = set(words)
    return bool(found & RATE_NAMES) and not found & (INTERVAL_NAMES | BREATHING | {"variability"})


def _open(path: Path) -> Table:
    """The table; a single column may start with its first number."""
    first = read_rows(path, example=EXAMPLE).rows[0]
    header = len(first) > 1 or not is_value(first[0])
    return read_table(path, header=header, columns=None if header else 1, example=EXAMPLE)


def _from_rates(table: Table, column: str) -> Reference:
    hr_bpm = table.numbers(column)
    time = time_column(table.names)
    if time is None:
        times_s = np.arange(len(hr_bpm), dtype=float)
    else:
        table = table.where(hr_bpm > 0)
        hr_bpm = hr_bpm[hr_bpm > 0]
        if not len(hr_bpm):
            raise _no_rates(table, column)
        times_s = read_times(table, time, fastest_s=FASTEST_S, slowest_s=SLOWEST_S).times_s
    return _checked(table, column, times_s, hr_bpm)


def _from_intervals(table: Table, column: str | int) -> Reference:
    values = table.numbers(column)
    shown = values[values > 0]
    if not len(shown):
        raise _no_rates(table, column)
    ibi_s = values * (1e-3 if np.median(shown) > 10 else 1.0)
    middle_s = float(np.median(ibi_s[values > 0]))
    if not INTERVALS_S[0] <= middle_s <= INTERVALS_S[1]:
        raise TableError(
            table.path,
            f"the median interval is {np.median(shown):.4g}",
            wanted="240 to 2400 ms, or 0.24 to 2.4 s",
            do="check what the column holds; heart rates need the name hr_bpm",
        )
    ends_s = np.cumsum(np.where(ibi_s > 0, ibi_s, 0.0))
    hr_bpm = np.divide(60.0, ibi_s, out=np.full(len(ibi_s), np.nan), where=ibi_s > 0)
    return _checked(table, column, ends_s, hr_bpm)


def _checked(
    table: Table, column: str | int, times_s: Float[np.ndarray, " row"], hr_bpm: Float[np.ndarray, " row"]
) -> Reference:
    """The rates that are possible, in the order of time."""
    if not (hr_bpm > 0).any():
        raise _no_rates(table, column)
    middle = float(np.median(hr_bpm[hr_bpm > 0]))
    if not RATES_BPM[0] <= middle <= RATES_BPM[1]:
        raise TableError(
            table.path,
            f"the median of column {column} is {middle:.4g}",
            wanted=f"{RATES_BPM[0]:.0f} to {RATES_BPM[1]:.0f} bpm",
            do="check its unit, and write beats per minute",
        )
    kept = (hr_bpm >= RATES_BPM[0]) & (hr_bpm <= RATES_BPM[1])
    order = np.argsort(times_s[kept], kind="stable")
    return Reference(times_s[kept][order], hr_bpm[kept][order])


def _no_rates(table: Table, column: str | int) -> RppgError:
    where = f"column {column}" if isinstance(column, str) else "the only column"
    return TableError(table.path, f"holds no value above 0 in {where}", wanted=WANTED, do="check the device")
