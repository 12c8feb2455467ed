"""The columns of a table of colour traces: which of them are times and colours, and what their numbers mean.

`traces` calls these functions. A colour column is named by its channel and perhaps by its region: `r`, `red`,
`skin_r`, `R_forehead`, `mean_g`. Nothing is guessed: a table without a time, without three colours of the skin, or
with colours in an unknown range is refused, and the message says what it seems to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.tables.columns import name_words, read_times, time_column
from rppg_core.tables.reference import interval_column, rate_column
from rppg_core.tables.table import Table
from rppg_core.tables.text import TableError, shown

EXAMPLE = "time_s,r,g,b\n0.000,182.4,131.9,112.6"
WANTED = "a time and the red, green and blue of the skin in every row, such as time_s,r,g,b"
GIVE_TRACES = "give the video itself, or the table that `rppg traces` writes"
VALID = "valid"  # 1 in rows with a face
BOX = ("box_x", "box_y", "box_w", "box_h")  # of the face, pixels of the upright picture
CHANNELS = ("r", "g", "b")
COLOURS = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2}
IN_WORDS = ("red", "green", "blue")
FILLERS = frozenset(
    {"mean", "avg", "average", "value", "val", "channel", "ch", "raw", "signal", "trace", "colour", "color"}
)
REGIONS = {  # words of a column without its channel -> regions of a clip
    **dict.fromkeys(("", "skin", "face", "rgb", "roi", "all", "whole", "finger"), ("skin",)),
    "forehead": ("forehead",),
    **dict.fromkeys(("cheek", "cheeks"), ("left cheek", "right cheek")),
    **dict.fromkeys(("left cheek", "cheek left", "leftcheek"), ("left cheek",)),
    **dict.fromkeys(("right cheek", "cheek right", "rightcheek"), ("right cheek",)),
    **dict.fromkeys(("background", "bg", "wall"), ("background",)),
}
FASTEST_S, SLOWEST_S = 1 / 2000, 0.999  # steps between frames
LARGEST, OVERSHOOT, DIMMEST = 255.0, 1.05, 8.0  # as for pictures in arrays; see `arrays`


Places = dict[str, tuple[int, int, int]]  # region or cell -> columns of its red, green and blue


def colour_columns(table: Table) -> Places:
    """The complete colours of a table, by the words that remain of their names.

    Raises:
        TableError: a colour occurs twice, or one of three is missing.
    """
    found: dict[str, dict[int, int]] = {}
    for place, name in enumerate(table.names):
        key, channel = _key_and_channel(name)
        if channel is None:
            continue
        if channel in found.setdefault(key, {}):
            raise TableError(
                table.path,
                f"has two columns for the {IN_WORDS[channel]} of {key or 'the skin'}: "
                f"{table.names[found[key][channel]]} and {name}",
                wanted=WANTED,
                do="keep one of them",
            )
        found[key][channel] = place
    _require_colours(table, found)
    for key, channels in found.items():
        if len(channels) < 3 and REGIONS.get(key):
            names = ", ".join(table.names[k] for k in channels.values())
            lacking = " and ".join(IN_WORDS[k] for k in range(3) if k not in channels)
            raise TableError(
                table.path,
                f"has {len(channels)} of three colours of {key or 'the skin'} ({names}): no {lacking}",
                wanted=WANTED,
                do="add the missing colours; green alone cannot be told from light",
            )
    return {key: (c[0], c[1], c[2]) for key, c in found.items() if len(c) == 3}


def regions_of(columns: Places) -> Places:
    """The colours of the regions that a clip knows; where the skin has no columns of its own, those of the first."""
    places: Places = {}
    for key, triple in columns.items():
        for region in REGIONS.get(key, ()):
            places.setdefault(region, triple)
    others = [region for region in places if region != "background"]
    if "skin" not in places and others:
        places["skin"] = places[others[0]]
    return places


def frame_times(table: Table, fps: float | None) -> tuple[Table, Float[np.ndarray, " time"], tuple[str, ...]]:
    """The rows in the order of time, each later than the one before, and what was done to get there.

    Args:
        table: as read.
        fps: frame rate, in place of the times. Unit: Hz.

    Raises:
        TableError: no times, or times that cannot be read.
    """
    name = time_column(table.names)
    if fps is not None:
        if not 0 < fps <= 1 / FASTEST_S:
            raise UsageError(
                f"{fps} frames a second", wanted=f"above 0 and at most {1 / FASTEST_S:g}", do="give fps=30"
            )
        return table, np.arange(len(table)) / fps, (f"Times were taken from the given {fps:g} fps.",)
    if name is None:
        raise TableError(
            table.path,
            f"has no column of times, only {shown(', '.join(table.names), 120)}",
            wanted=WANTED,
            do="add the time of each frame as time_s, or give the frame rate with --fps (fps=30)",
        )
    times = read_times(table, name, fastest_s=FASTEST_S, slowest_s=SLOWEST_S)
    times_s, notes = times.times_s, list(times.notes)
    order = np.argsort(times_s, kind="stable")
    if (moved := int((np.diff(times_s) < 0).sum())) > 0:
        notes.append(f"Rows were sorted by time; steps back: {moved}.")
    kept = order[np.diff(times_s[order], prepend=-np.inf) > 0]
    if len(kept) < len(order):
        notes.append(f"Frames left out because they repeat an earlier time: {len(order) - len(kept)}.")
    if len(kept) == len(order) and not moved:
        return table, times_s, tuple(notes)
    return table.at(kept), times_s[kept], tuple(notes)


def grey_levels(
    table: Table, colours: Mapping[str, Float[np.ndarray, "time 3"]]
) -> tuple[dict[str, Float[np.ndarray, "time 3"]], tuple[str, ...]]:
    """Colours in grey levels 0..255, from 0..255 or 0..1.

    Raises:
        TableError: their range is neither.
    """
    numbers = np.concatenate([values.ravel() for values in colours.values()])
    numbers = numbers[np.isfinite(numbers)]
    low, high = float(numbers.min(initial=0.0)), float(numbers.max(initial=0.0))
    if low >= 0 and 0 < high <= OVERSHOOT:
        note = "The colours were in 0..1 and were multiplied by 255."
        return {name: LARGEST * values for name, values in colours.items()}, (note,)
    if low >= 0 and (high == 0 or DIMMEST <= high <= LARGEST * OVERSHOOT):
        return dict(colours), ()
    do = "divide by the largest possible number, such as 1023 of 10 bits"
    if low < 0:
        do = "keep the mean colours themselves: without their level there is no relative change"
    elif high < DIMMEST:
        do = "write mean colours of pictures with 0 for black and 255 for white"
    raise TableError(
        table.path, f"has colours from {low:.4g} to {high:.4g}", wanted="grey levels 0..255, or 0..1", do=do
    )


def column_key(words: Sequence[str]) -> str:
    """Words of a name as they are compared."""
    return " ".join(words)


def _key_and_channel(name: str) -> tuple[str, int | None]:
    """The words of a colour column without its channel, and the channel; None for another column."""
    words = [word for word in name_words(re.sub(r"[\[(].*?[\])]", "", name)) if word not in FILLERS]
    for at in (-1, 0):
        if words and words[at] in COLOURS:
            channel = COLOURS[words.pop(at)]
            return column_key(words), channel
    return "", None


def _require_colours(table: Table, found: Mapping[str, Mapping[int, int]]) -> None:
    """Refuse tables that are something else, and say what."""
    if any("verdict:" in line.text for line in table.cells.comments):
        raise TableError(
            table.path,
            "holds pulse waveforms and vitals, as `rppg analyze --csv` writes them",
            wanted=WANTED,
            do=GIVE_TRACES,
        )
    if any(REGIONS.get(key) for key in found):
        return
    what = f"has the columns {shown(', '.join(table.names), 120)}"
    do = GIVE_TRACES
    if rate_column(table.names) or interval_column(table.names):
        what = f"holds heart rates ({shown(', '.join(table.names), 80)}), not colours"
        do = "give it with --reference, beside the video or its traces"
    elif found:
        do = f"name the columns of the skin r, g and b; unknown regions: {', '.join(found)}"[:200]
    raise TableError(table.path, what, wanted=WANTED, do=do)
