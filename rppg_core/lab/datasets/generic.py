"""The user's own recordings: each video beside a CSV file of the same name. We recommend this form for recordings.

`ANYTHING.mp4` (or mov, mkv, webm, avi) with `ANYTHING.csv`, whose first line names the columns: `t_s` in
seconds from the video's first frame, then any of `ppg`, `hr` (bpm), `spo2` (%), `resp`, `rr` (breaths per
minute), `bp` (mmHg). A unit may follow a name, as in `time [s]` or `hr (bpm)`; other units are refused, not
converted. Commas, semicolons, tabs, bars or blanks separate cells; decimal commas work with every separator
except commas. A blank cell or NA means no value, so columns may have different rates; a row with a value
needs its time. The person is the name of the folder that holds the files, or, for files directly in the
dataset's folder, the file name up to the first `_`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from textwrap import shorten

import numpy as np

from rppg_core.data_files import data_files
from rppg_core.errors import RppgError
from rppg_core.lab.datasets.base import (
    KINDS,
    DatasetError,
    Layout,
    Problem,
    Record,
    Stream,
    Streams,
    make_stream,
)
from rppg_core.lab.datasets.frames import VideoFrames, require_file
from rppg_core.tables.table import read_names, read_table
from rppg_core.tables.text import TableError

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
COLUMNS = {"bvp": "ppg"}  # stream -> documented column name, where it differs
STREAMS = {name: name for name in KINDS} | {"ppg": "bvp"}
TIME, TIMES = "t_s", ("t", "time", "timestamp")  # "t_s" is "t" with its unit, as "time [s]" is
EXAMPLE = "t_s,ppg\n0.033,0.51"
UNITS = {
    TIME: ("s", "sec", "secs", "second", "seconds"),
    "hr": ("bpm", "1/min", "beats/min"),
    "spo2": ("%", "percent"),
    "rr": ("brpm", "bpm", "1/min", "breaths/min"),
    "bp": ("mmhg",),
}
NAME = re.compile(r"(?P<name>[a-z]+2?)(_(?P<suffix>[a-zμ]+))?(\s*[\[(](?P<bracketed>[^\])]*)[\])])?")
FURTHEST_S = (
    3600.0  # labels that begin farther from the first frame use another clock, such as seconds since 1970
)


class Generic(Layout):
    """The user's own recordings; tried only if no dataset's layout fits."""

    name = "generic"
    title = "a folder of videos with CSV files"
    looks_like = "clip.mp4 with clip.csv (t_s,ppg,hr,...)"
    marks = ()  # any folder of videos, so this layout is tried last

    def root(self, folder: Path) -> Path | None:
        pairs = folder.is_dir() and any(path.with_suffix(".csv").exists() for path in _videos(folder))
        return folder if pairs else None

    def clips(self, root: Path) -> Iterator[Record]:
        for video in _videos(root):
            inside = video.relative_to(root)
            labels = video.with_suffix(".csv")
            yield Record(
                dataset=self.name,
                subject=inside.parts[0] if len(inside.parts) > 1 else video.stem.split("_")[0],
                clip=str(inside.with_suffix("")).replace("\\", "/"),
                frames=VideoFrames(video),
                streams=Streams({name: partial(read_stream, labels, name) for name in stream_names(labels)}),
                video=video,
            )

    def problems(self, folder: Path) -> Iterator[Problem]:
        named = {path.with_suffix("") for path in _videos(folder)}
        for path in data_files(folder, "*.csv", "*/*.csv"):
            if path.with_suffix("") not in named:
                yield Problem(
                    path, "has no video of the same name beside it", "copy the video here, or remove it"
                )


def _videos(folder: Path) -> list[Path]:
    """Videos in this folder and one level below."""
    found = data_files(folder, "*", "*/*")
    return [path for path in found if path.suffix.lower() in VIDEOS and path.is_file()]


def stream_names(path: Path) -> list[str]:
    """Streams named in a table's first line; if it is unreadable, the pulse wave, so that reading raises an error."""
    try:
        names = [stream_from_column(name)[0] for name in read_names(path)]
    except RppgError:
        return ["bvp"]
    return list(dict.fromkeys(name for name in names if name in KINDS)) or ["bvp"]


def stream_from_column(column: str) -> tuple[str, str]:
    """The stream, or TIME, that a column's name stands for, and the unit after it; ("", "") for other columns."""
    match = NAME.fullmatch(column.strip().casefold())
    if match is None:
        return "", ""
    name, suffix, unit = match["name"], match["suffix"] or "", (match["bracketed"] or "").strip()
    if name in TIMES:  # without a unit it could be anything
        return (TIME, unit or suffix) if unit or suffix else ("", "")
    return ("", "") if suffix else (STREAMS.get(name, ""), unit)  # hr_ecg is not hr


def read_stream(path: Path, name: str) -> Stream:
    """One column with its times, without the rows in which it is blank."""
    require_file(path)
    try:
        table = read_table(path, header=True, example=EXAMPLE)
        values = table.numbers(_column(path, table.names, name))
        given = np.isfinite(values)
        if given.sum() < 2:
            raise TableError(
                path, f"holds {given.sum()} values of {name}", wanted="two or more", do="add them"
            )
        times_s = table.where(given).increasing(_column(path, table.names, TIME))
    except TableError as error:
        raise DatasetError(error.path, error.what, wanted=error.wanted, do=error.do) from error
    if abs(times_s[0]) > FURTHEST_S:
        raise DatasetError(
            path,
            f"the times begin at {times_s[0]:.10g} s",
            wanted="seconds from the video's first frame",
            do="subtract the time of the first frame from all of them",
        )
    return make_stream(path, name, times_s, values[given])


def _column(path: Path, names: tuple[str, ...], wanted: str) -> str:
    """The column of a stream, or of the times, in the documented unit.

    Raises:
        TableError: no such column, more than one, or one in another unit.
    """
    ours = COLUMNS.get(wanted, wanted)
    found = [name for name in names if stream_from_column(name)[0] == wanted]
    units = {name: stream_from_column(name)[1] for name in found}
    right = [name for name, unit in units.items() if unit in ("", *UNITS.get(wanted, (unit,)))]
    if len(right) == 1:
        return right[0]
    words = f"a column {ours}: {'seconds from the first frame' if wanted == TIME else KINDS[wanted].unit}"
    if found and not right:
        unit = stream_from_column(found[0])[1]
        raise TableError(
            path, f"has {found[0]!r}, in {unit}", wanted=words, do=f"convert it, and call it {ours}"
        )
    what = f"has {len(right)} columns of {ours}" if right else f"has the columns {', '.join(names)}"
    do = (
        "add it, or convert the times to seconds and call them t_s"
        if wanted == TIME
        else f"call one column {ours}"
    )
    raise TableError(path, shorten(what, 200), wanted=words, do=do)
