"""A folder of one's own: each video beside a CSV file of the same name. This is the form we recommend for recordings.

`ANYTHING.mp4` (or mov, mkv, webm, avi) with `ANYTHING.csv`, whose first line names the columns: `t_s` in seconds from
the video's first frame, then any of `ppg`, `hr` (bpm), `spo2` (%), `resp`, `rr` (breaths a minute), `bp` (mmHg). A
blank cell is no value, so that columns may have different rates. The person is the folder that the files lie in, or,
where all lie in one folder, the name up to the first `_`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from rppg_core.data_files import data_files
from rppg_core.datasets.base import KINDS, DatasetError, Layout, Problem, Record, Stream, Streams, make_stream
from rppg_core.datasets.frames import VideoFrames
from rppg_core.datasets.labels import csv_columns, text_lines
from rppg_core.errors import RppgError

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
COLUMNS = {"ppg": "bvp"}  # ours -> the stream's name, where it differs
TIME = "t_s"


class Generic(Layout):
    """One's own recordings; asked only where no dataset's layout fits."""

    name = "generic"
    title = "a folder of videos with CSV files"
    looks_like = "clip.mp4 with clip.csv (t_s,ppg,hr,...)"
    marks = ()  # any folder of videos: asked last

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
    """Videos here and one folder below."""
    found = data_files(folder, "*", "*/*")
    return [path for path in found if path.suffix.lower() in VIDEOS and path.is_file()]


def stream_names(path: Path) -> list[str]:
    """What the first line of a CSV file offers; the pulse wave where it cannot be read, so that asking tells why."""
    try:
        columns = [column.strip() for column in text_lines(path)[0].split(",")]
    except RppgError:
        return ["bvp"]
    names = [COLUMNS.get(column, column) for column in columns]
    return [name for name in names if name in KINDS] or ["bvp"]


def read_stream(path: Path, name: str) -> Stream:
    """One column with its times, without the rows in which it is blank."""
    columns = csv_columns(path)
    if TIME not in columns:
        raise DatasetError(
            path, f"has the columns {', '.join(columns)}", wanted="a column t_s: seconds from the first frame",
            do="add it, or convert the times to seconds and call them t_s",
        )  # fmt: skip
    column = next((ours for ours, theirs in COLUMNS.items() if theirs == name and ours in columns), name)
    if column not in columns:
        raise DatasetError(path, f"has the columns {', '.join(columns)}", wanted=f"a column {column}")
    given = ~np.isnan(columns[column])
    return make_stream(path, name, columns[TIME][given], columns[column][given])
