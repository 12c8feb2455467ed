"""Colour traces as a table: the signals of a clip without its pictures, written and read back.

`rppg traces` writes one row per frame: time, whether a face was seen, the mean colours of the regions, of the cells
of the STMap and of the background, and the box of the face. What an analysis needs besides (facts of video and face,
the weights of the cells, notes) stands in the comments above, as JSON, so that the table gives the numbers of its
video again. There is no picture in it, and nothing that names the file, the device or the date.

Tables of other programs are read as well: a column of times and the red, green and blue of the skin are enough.
`trace_columns` finds their columns, `trace_gaps` fills in what they lack, and the clip's notes say so.
Axis letters: T time, R roi, N cell.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import ClipTooLongError, NoFaceError, RppgError
from rppg_core.json_form import plain
from rppg_core.tables.columns import name_words, time_column
from rppg_core.tables.table import Table, read_table
from rppg_core.tables.text import TableError
from rppg_core.types import FaceClip
from rppg_core.video.clip_fields import check_fields
from rppg_core.video.paths import looks_like_table
from rppg_core.video.trace_columns import (
    BOX,
    CHANNELS,
    EXAMPLE,
    VALID,
    Places,
    colour_columns,
    column_key,
    frame_times,
    grey_levels,
    regions_of,
)
from rppg_core.video.trace_gaps import with_all_regions, with_map, with_own_facts, with_plain_facts

FORMAT = 1
ABOUT = "rppg-traces:"  # begins the comment with the JSON
HEAD = (
    "Colour traces written by rPPG Lab, for research and teaching; not a medical device.",
    "They are personal data: they show the pulse of a person. Share them only with that person's consent.",
    "Mean colours of skin in grey levels (0 to 255), one row per frame; `rppg analyze` reads this file.",
)
UNWRITTEN = frozenset({"written_by"})  # facts of a video that could point to a device
# Decimals of regions and background, of cells and boxes, and of times: two nearly equal lines of a spectrum may swap
# when the skin is rounded to 4, while the 36 cells, each with more noise, need no more.
REGION_DECIMALS, DECIMALS, TIME_DECIMALS = 6, 4, 6
FURTHEST_S = 3600.0  # times that begin farther from 0 are those of another clock, such as seconds since 1970
FROM_TRACES = "Read from a table of colour traces; the video itself was not read."


def traces_text(clip: FaceClip) -> str:
    """The colours of a clip as a table; crops, landmarks and pictures are never in it.

    Raises:
        UsageError: the clip's fields are inconsistent.
    """
    check_fields(clip)
    colours = {roi.replace(" ", "_"): clip.rgb[:, k] for k, roi in enumerate(clip.rois)}
    if clip.background is not None:
        colours["background"] = clip.background
    if clip.stmap is not None:
        colours |= {f"cell{k + 1}": clip.stmap[:, k] for k in range(clip.stmap.shape[1])}
    names = [f"{name}_{channel}" for name in colours for channel in CHANNELS]
    values = np.concatenate(list(colours.values()), axis=1)  # (T, 3 * (R + 1 + N))
    decimals = [DECIMALS if name.startswith("cell") else REGION_DECIMALS for name in names]
    if clip.boxes is not None:
        names, decimals = [*BOX, *names], [DECIMALS] * len(BOX) + decimals
        values = np.concatenate([clip.boxes, values], axis=1)
    lines = [f"# {line}" for line in (*HEAD, f"{ABOUT} {json.dumps(_about(clip), ensure_ascii=False)}")]
    lines.append(",".join(["time_s", VALID, *names]))
    for time_s, valid, row in zip(clip.times_s, clip.valid, values, strict=True):
        cells = map(_short, row.tolist(), decimals)
        lines.append(",".join([_short(float(time_s), TIME_DECIMALS), str(int(valid)), *cells]))
    return "\n".join(lines) + "\n"


def is_traces(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a table with times and the colours of skin; its numbers are not checked."""
    if not looks_like_table(path):
        return False
    try:
        table = read_table(Path(path), header=True)
        return "skin" in regions_of(colour_columns(table)) and time_column(table.names) is not None
    except RppgError:
        return False


def read_traces(
    path: str | os.PathLike[str],
    *,
    needs: frozenset[str] | None = None,
    fps: float | None = None,
    max_s: float | None = None,
) -> FaceClip:
    """Read a table of colour traces.

    Args:
        path: a table that `rppg traces` wrote, or any other with a column of times and the red, green and blue of
            the skin, such as `time_s,r,g,b` or `time_s,skin_r,skin_g,skin_b,forehead_r,...`, in any dialect. Rows
            whose skin is 0 or blank hold no face.
        needs: names from types.NEEDS; None keeps everything. Without "stmap" no map is made.
        fps: frame rate, for a table without times or with wrong ones. Unit: Hz.
        max_s: longest clip that is accepted. Unit: s.

    Returns:
        A native clip. Regions that the table lacks repeat the skin, and so do the cells of a missing map; notes
        say so.

    Raises:
        TableError: not a table of colours, or times or colours that cannot be read.
        NoFaceError: no row holds a colour.
        ClipTooLongError: longer than `max_s`.
    """
    table = read_table(Path(path), header=True, example=EXAMPLE)
    about = _read_about(table)
    columns = colour_columns(table)
    places = regions_of(columns) if about is None else _own_places(table, columns, about)
    table, times_s, notes = frame_times(table, fps)
    _check_length(table, times_s, max_s)
    colours = {name: _colour(table, triple) for name, triple in places.items()}
    if about is None:
        colours, more = grey_levels(table, colours)
        notes += more
        if abs(times_s[0]) > FURTHEST_S:
            times_s = times_s - times_s[0]
            notes += ("Times were counted from the first frame.",)
    clip = _clip_of_colours(table, times_s, colours)
    if about is None:
        clip = with_all_regions(clip)
    if needs is None or "stmap" in needs:
        weight = None if about is None else about.get("stmap_weight")
        clip = with_map(clip, _cells(table, columns), weight)
    clip = replace(clip, notes=(*notes, *clip.notes))
    return with_plain_facts(clip) if about is None else with_own_facts(clip, about, FROM_TRACES)


def _about(clip: FaceClip) -> dict[str, Any]:
    """What an analysis needs besides the columns."""
    video = {name: value for name, value in clip.video.__dict__.items() if name not in UNWRITTEN}
    about = {
        "format": FORMAT,
        "region": clip.region,
        "rois": list(clip.rois),
        "video": plain(video),
        "face": plain(clip.face.__dict__),
        "notes": list(clip.notes),
    }
    if clip.stmap_weight is not None:
        about["stmap_weight"] = plain(clip.stmap_weight)
    return about


def _short(value: float, decimals: int) -> str:
    """A number with as many decimals as it needs; blank for NaN."""
    if math.isnan(value):
        return ""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _read_about(table: Table) -> dict[str, Any] | None:
    """The facts in the comments of a table that `traces_text` made; None for a table of another program.

    Raises:
        TableError: they are damaged, or of a later version of this program.
    """
    text = next((line.text for line in table.cells.comments if ABOUT in line.text), None)
    if text is None:
        return None
    if text.startswith('"'):  # saved again by a spreadsheet
        text = ",".join(next(csv.reader([text])))
    what, later = "has a damaged comment with the facts of the video", False
    try:
        about, _ = json.JSONDecoder().raw_decode(text.partition(ABOUT)[2].lstrip())
        later = about["format"] > FORMAT
        if not later and {*map(type, (about["video"], about["face"]))} == {dict} and about["rois"]:
            return about
    except (ValueError, KeyError, TypeError):
        pass
    raise TableError(
        table.path,
        "was written by a later version of rPPG Lab" if later else what,
        wanted="the comments as `rppg traces` wrote them",
        do="update rPPG Lab" if later else "write it again, or delete the comments to read the colours alone",
    )


def _own_places(table: Table, columns: Places, about: Mapping[str, Any]) -> Places:
    """The columns of the regions that the comments name, and of the background."""
    keys = {str(roi): column_key(name_words(str(roi))) for roi in about["rois"]}
    lost = [roi for roi, key in keys.items() if key not in columns]
    if lost or "skin" not in keys:
        raise TableError(
            table.path,
            f"lacks the columns of {', '.join(lost) or 'skin'}, which its comments name",
            wanted="the columns as `rppg traces` wrote them",
            do="write it again, or delete the comments to read the colours alone",
        )
    places = {roi: columns[key] for roi, key in keys.items()}
    return places | ({"background": columns["background"]} if "background" in columns else {})


def _colour(table: Table, triple: tuple[int, int, int]) -> Float[np.ndarray, "time 3"]:
    return np.stack([table.numbers(place) for place in triple], axis=1)


def _check_length(table: Table, times_s: Float[np.ndarray, " time"], max_s: float | None) -> None:
    if len(times_s) < 2:
        raise TableError(
            table.path, f"holds {len(times_s)} frame", wanted="at least 5 s of frames", do="add the rows"
        )
    length_s = float(times_s[-1] - times_s[0])
    if max_s is not None and length_s > max_s:
        raise ClipTooLongError(
            f"{table.path.name!r} lasts {length_s / 60:.1f} min",
            wanted=f"at most {max_s / 60:.3g} min",
            do="cut out the part that matters; 30 to 60 s are best",
        )


def _clip_of_colours(
    table: Table, times_s: Float[np.ndarray, " time"], colours: Mapping[str, Float[np.ndarray, "time 3"]]
) -> FaceClip:
    """The clip of the given regions, NaN in rows without a face."""
    skin = colours["skin"]
    valid = np.isfinite(skin).all(axis=1) & (skin != 0).any(axis=1)
    if VALID in table.names:
        valid &= table.numbers(VALID) == 1
    if not valid.any():
        raise NoFaceError(
            f"none of the {len(valid)} rows of {table.path.name!r} holds a colour of skin",
            wanted="5 s or more of rows with a colour above 0",
            do="check the columns; rows of zeros and blank rows hold no face",
            lesson="no_face",
        )
    rois = tuple(name for name in colours if name != "background")
    rgb = np.stack([colours[name] for name in rois], axis=1)  # (T, R, 3)
    rgb[~valid] = np.nan
    background = colours.get("background")
    if background is not None and not np.isfinite(background).all():
        background = None
    return FaceClip(times_s, valid, rgb, rois=rois, background=background, boxes=_boxes(table))


def _boxes(table: Table) -> Float[np.ndarray, "time 4"] | None:
    if not set(BOX) <= set(table.names):
        return None
    return np.stack([table.numbers(name) for name in BOX], axis=1)


def _cells(table: Table, columns: Places) -> Float[np.ndarray, "time cell 3"] | None:
    """The columns cell1, cell2, ... as a map; None without them."""
    keys = (f"cell {k}" for k in count(1))
    triples = [columns[key] for key in takewhile(columns.__contains__, keys)]
    return np.stack([_colour(table, triple) for triple in triples], axis=1) if triples else None
